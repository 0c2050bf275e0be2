"""The list of trainings, and the chosen one below it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd
import streamlit as st

from explorer.shared import catalog, phases, share, widgets
from explorer.train import manage, presets, run_view
from explorer.train.state import change, current
from trainer import config
from trainer.errors import UserError
from trainer.jobs import queue
from trainer.manage import runs
from trainer.runs import layout
from trainer.runs.status import Training, look_at_all

POLL_SECONDS = 2.5
LIST_ROWS = 7.5
"""Rows of the table, its header included; half a row shows that there are more."""


def show(trainings: Sequence[Training]) -> None:
    """Draw the view."""
    if not trainings:
        widgets.empty_state(
            "No trainings yet",
            "Choose pictures and a model under “New training”. The trained models appear here and on every page.",
            icon=":material/model_training:",
        )
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button("New training", type="primary", key="train.first", on_click=lambda: change(view="new"))
        manage.import_panel()
        return
    names = [training.name for training in trainings]
    if current().run not in names:
        change(run=names[0])
    _follow(_list, any(training.is_live for training in trainings), current().run)
    training = next(training for training in trainings if training.name == current().run)
    _follow(_chosen, training.is_live, str(training.folder), training.phase)
    _shared(trainings)


def _follow(panel, live: bool, *arguments) -> None:
    """Draw a fragment that reruns itself while a training is live."""
    st.fragment(panel, run_every=POLL_SECONDS if live else None)(*arguments)


def _list(shown: str) -> None:
    """Draw the table of trainings with the `shown` one marked; a click on another row shows that one."""
    if current().run != shown:
        st.rerun()
    root = catalog.roots()[1]
    queue.dispatch(root)
    rows = [_row(training) for training in look_at_all(root)]
    names = [row["Name"] for row in rows]
    place = names.index(shown) if shown in names else 0
    key = _table_key(place)
    share.table("trainings", pd.DataFrame(rows))
    st.dataframe(
        rows,
        key=key,
        on_select=lambda: _pick(key, names, place),
        selection_mode=("single-row-required", "single-cell"),
        selection_default={"selection": {"rows": [place]}},
        placeholder="–",
        hide_index=True,
        height=int(36 * min(LIST_ROWS, len(rows) + 1)) + 2,
        row_height=36,
        column_config={
            "Progress": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1, width="small"),
            "Size": st.column_config.NumberColumn(format="bytes", width="small"),
            "PSNR": st.column_config.NumberColumn("PSNR, dB", format="%.1f", width="small"),
            "Data": st.column_config.TextColumn(width=165),
            "Tags": st.column_config.ListColumn(width="small"),
        },
    )


def _table_key(place: int) -> str:
    """Return the key of the table: a new one where the marked row is not `place`.

    The browser remembers the number of the marked row, which is another training when the order has changed.
    """
    turn = st.session_state.setdefault("train.table.turn", 0)
    marked = st.session_state.get(f"train.table.{turn}", {}).get("selection", {}).get("rows", [place])
    if marked != [place]:
        st.session_state["train.table.turn"] = turn = turn + 1
    return f"train.table.{turn}"


def _pick(key: str, names: Sequence[str], place: int) -> None:
    """Show the training of the marked row or clicked cell; `names` are those of the rows, `place` was marked before."""
    selection = st.session_state[key]["selection"]
    rows = [row for row in selection["rows"] if row != place] + [row for row, _ in selection["cells"]]
    if rows and rows[0] < len(names):
        change(run=names[rows[0]])


def _row(training: Training) -> dict:
    """Return the row of a training."""
    model = data = "?"
    try:
        settings = config.load(training.folder / layout.CONFIG)
        model = presets.MODELS[presets.choice_of(settings)].short
        data = catalog.data_title(settings)
    except UserError:
        pass
    history = run_view.history(str(training.folder))
    psnr = history["validation psnr"].dropna() if "validation psnr" in history else ()
    return {
        "Name": training.name,
        "State": phases.phase(training),
        "Progress": training.share,
        "Model": model,
        "Data": data,
        "PSNR": float(psnr.iloc[-1]) if len(psnr) else None,
        "Tags": list(runs.tags(training.folder)),
        "Size": _size(str(training.folder), catalog.stamp(training.folder / layout.HISTORY)),
        "Last change": datetime.fromtimestamp(_changed(training)).strftime("%d %b, %H:%M"),
    }


@st.cache_data(max_entries=512, show_spinner=False)
def _size(folder: str, stamp: tuple[int, int]) -> int:
    return runs.size(Path(folder))


def _changed(training: Training) -> float:
    try:
        return training.heartbeat or (training.folder / layout.CONFIG).stat().st_mtime
    except OSError:
        return 0.0


def _chosen(folder: str, phase: str) -> None:
    """Draw the chosen training; when its phase changes, the whole page is rerun, as its buttons change."""
    training = next((training for training in look_at_all(Path(folder).parent) if str(training.folder) == folder), None)
    if training is None or training.phase != phase:
        st.rerun()
    with widgets.user_errors():
        run_view.show(training)


def _shared(trainings: Sequence[Training]) -> None:
    """Draw disk use, the number of parallel trainings, and the import."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="train-shared"):
        total = sum(
            _size(str(training.folder), catalog.stamp(training.folder / layout.HISTORY)) for training in trainings
        )
        st.caption(f"{len(trainings)} runs take {total / 2**20:,.0f} MiB in `{catalog.roots()[1]}`.", width="content")
        with st.popover("Parallel trainings", icon=":material/queue:", type="tertiary"):
            root = catalog.roots()[1]
            st.session_state["train.limit"] = queue.limit(root)
            st.number_input(
                "Parallel trainings",
                1,
                queue.MOST,
                key="train.limit",
                on_change=lambda: queue.set_limit(root, st.session_state["train.limit"]),
                help="The others wait. Two in parallel are hardly faster than one after the other, unless cores are "
                "idle.",
            )
        with st.popover("Import a run", icon=":material/upload:", type="tertiary"):
            manage.import_panel()
