"""The table of a study (`python -m trainer study`): mean and spread over seeds of every variant, beside its control."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from explorer.shared import widgets
from explorer.shared.escape import markdown
from explorer.train.state import bound, current

if TYPE_CHECKING:
    from trainer.study.table import Table

TABLE = "study.json"


def show(root: Path) -> None:
    """Draw the table of a chosen study below `root`; nothing where there is none."""
    folders = {path.parent.name: path.parent for path in sorted(root.glob(f"*/{TABLE}"))}
    if not folders:
        return
    from trainer.study import table  # takes torch along

    with st.container(key="train-study", gap="small"):
        chosen = current().study if current().study in folders else next(iter(folders))
        st.selectbox("Study: mean over training seeds", list(folders), width=520, **bound("study", chosen))
        with widgets.user_errors():
            _draw(table.read(folders[chosen]))


def _draw(stored: "Table") -> None:
    study = stored.stored
    if study.about:
        st.markdown(markdown(study.about))
    wide = {"Number": st.column_config.TextColumn(width=260)}
    columns = {name: st.column_config.TextColumn(width=190) for name in study.variants}
    st.dataframe(frame(stored), hide_index=True, height="content", placeholder="–", column_config=wide | columns)
    seeds = max(len(column.runs) for column in study.variants.values())
    st.caption(
        f"Mean (smallest to largest) of {seeds} trainings; then the difference from {markdown(study.control)} with the "
        "same seed [95 % bootstrap interval over seeds]. Three trainings give a wide interval."
    )


def frame(stored: "Table") -> pd.DataFrame:
    """Return a row per number and, under it, its difference from the control; a column per variant."""
    from trainer.study.table import cell

    rows = []
    for name in stored.stored.rows:
        for part, head in (("means", name), ("differences", f"… minus {stored.stored.control}")):
            found = {key: getattr(column, part).get(name) for key, column in stored.stored.variants.items()}
            if known := next(filter(None, found.values()), None):
                head += f", {known.unit}" if part == "means" and known.unit else ""
                rows.append({"Number": head} | {key: cell(metric, part) for key, metric in found.items() if metric})
    return pd.DataFrame(rows, columns=["Number", *stored.stored.variants])
