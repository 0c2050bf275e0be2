"""One training: its state, buttons, curves, pictures and log."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from explorer.shared import catalog, phases, share, state, theme, widgets
from explorer.shared.escape import markdown
from explorer.train import figures, form, manage, measured, strips
from trainer import config
from trainer.data import default_data_root
from trainer.errors import UserError
from trainer.jobs import queue
from trainer.runs import layout, monitor
from trainer.runs.folder import Run
from trainer.runs.status import Training
from trainer.system import files
from trainer.training.conditions import CHANGED

COLUMNS = 3
SKIPPED_SHOWN = 200


def show(training: Training) -> None:
    """Draw the panel of one training.

    Raises: UserError if its config.yaml or history.csv cannot be read.
    """
    _head(training)
    _explain(training)
    share.about([entry] if (entry := catalog.of_folder(training.folder)) else [])
    measured.show(training)
    rows = _history(str(training.folder), catalog.stamp(training.folder / layout.HISTORY))
    preview = monitor.preview(training.folder)
    if rows.empty and preview is None and training.is_active:
        st.caption("Curves and pictures appear with the first steps.")
    with widgets.user_errors():
        strips.show(training, preview)
    if not rows.empty:
        share.table(f"{training.name}-history", rows)
        with st.expander("Curves", icon=":material/show_chart:"):
            _curves(rows, preview)
    with st.expander("Log", icon=":material/article:"):
        st.code(monitor.log(training.folder) or "The log is empty.", language=None, height=220)
    with st.expander("Recipe and command", icon=":material/terminal:"):
        form.recipe(config.load(training.folder / layout.CONFIG), training.folder.parent)


def history(folder: str) -> pd.DataFrame:
    """Return history.csv, read once per version; empty if it is absent or damaged."""
    try:
        return _history(folder, catalog.stamp(Path(folder) / layout.HISTORY))
    except UserError:
        return pd.DataFrame()


@st.cache_data(max_entries=64, show_spinner=False)
def _history(folder: str, stamp: tuple[int, int]) -> pd.DataFrame:
    rows = Run(folder).history
    if not rows.empty and not all(rows[name].dtype.kind in "if" for name in rows):
        raise UserError(f"{folder}/history.csv: damaged; delete it, and the training resumes with a new one.")
    return rows


# --- head -------------------------------------------------------------------------------------------------------------


def _head(training: Training) -> None:
    """Draw name, state, progress and buttons."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="train-head"):
        st.header(markdown(training.name), anchor=False, width="content")
        st.badge(phases.phase(training), color=phases.PHASES[training.phase][1])
        st.space("stretch")
        _buttons(training)
    st.progress(training.share, phases.progress(training))


def _buttons(training: Training) -> None:
    """Draw the buttons that fit the state."""
    if training.phase == "silent":
        if st.button("End it by force", icon=":material/dangerous:", key="train.kill"):
            queue.end_by_force(training.folder)
            st.rerun()
    elif training.is_live:
        stop = "Take out of the queue" if training.phase == "queued" else "Stop"
        waits = training.phase == "stopping"
        if st.button(stop, icon=":material/stop:", key="train.stop", disabled=waits, help="It ends with a checkpoint."):
            queue.stop(training.folder)
            st.rerun()
    elif training.can_start and st.button(
        "Start" if training.phase == "new" else "Resume", icon=":material/play_arrow:", key="train.resume"
    ):
        queue.start(training.folder, default_data_root().resolve())
        st.rerun()
    if (training.folder / layout.WEIGHTS).is_file() and st.button(
        "Open in Traverse",
        icon=":material/tune:",
        key="train.open",
        type="primary" if not training.is_active else "secondary",
    ):
        entry = catalog.of_folder(training.folder)
        state.select_model(entry.name if entry else training.name)
        widgets.open_page("traverse")
    manage.menu(training)


def _explain(training: Training) -> None:
    """Explain a state that needs the user, and list the files that were left out."""
    if training.phase == "failed" and CHANGED in training.message:
        st.error(markdown(training.message), icon=":material/error:")
        if st.button("Resume with the pictures as they are now", key="train.changed", icon=":material/play_arrow:"):
            files.write_text(training.folder / layout.CHANGED_DATA, "accepted\n")
            queue.start(training.folder, default_data_root().resolve())
            st.rerun()
    elif training.phase == "failed":
        st.error(markdown(training.message or "It failed; see the log below."), icon=":material/error:")
    elif training.phase == "interrupted":
        st.warning(phases.INTERRUPTED, icon=":material/power_off:")
    elif training.phase == "silent":
        silence = phases.duration(time.time() - training.heartbeat)
        st.warning(
            f"Its process runs, but has not reported for {silence}. It may wait for the disk or for memory. Ended by "
            "force, it can be resumed from its last checkpoint.",
            icon=":material/hourglass_disabled:",
        )
    elif training.phase == "queued":
        st.caption("It starts by itself when the trainings before it have ended, also while no page is open.")
    skipped = monitor.skipped(training.folder)
    if skipped:
        count = f"{len(skipped):,} files were" if len(skipped) > 1 else "1 file was"
        with st.expander(f"{count} left out", icon=":material/broken_image:"):
            st.code("\n".join(skipped[:SKIPPED_SHOWN]), language=None, height=180)
            if len(skipped) > SKIPPED_SHOWN:
                st.caption(
                    f"The first {SKIPPED_SHOWN}; all of them are in {markdown(training.folder)}/training/skipped.txt."
                )


# --- curves -----------------------------------------------------------------------------------------------------------


def _curves(rows: pd.DataFrame, preview: dict[str, np.ndarray] | None) -> None:
    """Draw every term over the steps, and the scales of all axes now."""
    terms = figures.terms_of(rows)
    if not terms:
        st.caption("The first row of the curves is written after 50 steps.")
        return
    widgets.chart(figures.curves(rows, terms, COLUMNS, theme.is_dark()), "train.curves")
    st.caption(
        "Over the steps. Blue: means of the training; orange: validation. Scales: prior grey, codes blue, posterior "
        "orange."
    )
    if preview and {*figures.SCALES} <= set(preview):
        st.caption("Scale of every axis now: prior, codes, posterior")
        widgets.chart(figures.scales(preview, theme.is_dark()), "train.scales")
