"""How terms and geometry moved over the training, from history.csv."""

import pandas as pd
import streamlit as st

from explorer.geometry import figures
from explorer.shared import catalog, theme, widgets
from trainer.runs import layout

CURVES = (
    ("Spearman of d_Z and d_X", ("spearman",)),
    ("distortion", ("distortion",)),
    ("C, learned coefficient", ("distance coefficient",)),
    ("discrete GW to held-out pictures, and its floor", ("gw floor", "gw to data")),
    ("L_GW, distances", ("gw", "validation gw")),
    ("L_W, reconstruction", ("reconstruction", "validation reconstruction")),
    ("L_D, critic's gap", ("critic gap", "validation critic gap")),
    ("R_H, entropy", ("entropy", "validation entropy")),
)
"""Panels in their order: a title, and the columns drawn in it."""


def show(entry: catalog.Entry) -> None:
    """Draw the view. Raises: UserError if history.csv is damaged."""
    history = read(entry)
    curves = curves_of(history)
    if not curves:
        widgets.empty_state(
            "No record of the training",
            f"{entry.name} has no history.csv with such columns; a model trained now keeps one.",
            icon=":material/show_chart:",
        )
        return
    with st.container(key="geometry-course"):
        widgets.chart(figures.course(history, curves, 2, theme.is_dark()), "geometry.course", "geometry-course")
    st.caption("Blue: mean of the training since the row before. Orange: held-out pictures, at each validation.")
    if "spearman" not in history:
        st.caption(
            f"{entry.name} was trained before Spearman and distortion were recorded at each validation; a model "
            "trained now records them."
        )


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=catalog.keyed(layout.HISTORY))
def read(entry: catalog.Entry) -> pd.DataFrame:
    """Return history.csv; empty if there is none. Raises: UserError if it is damaged."""
    return entry.run.history


def curves_of(history: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Return the panels that this history can fill."""
    if "step" not in history:
        return []
    found = [(title, [name for name in names if name in history]) for title, names in CURVES]
    return [(title, names) for title, names in found if names]


def last(history: pd.DataFrame, column: str) -> float | None:
    """Return the last recorded value of a column; that of the validation before that of the training."""
    for name in (f"validation {column}", column):
        values = history[name].dropna() if name in history else ()
        if len(values):
            return float(values.iloc[-1])
    return None
