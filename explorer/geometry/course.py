"""How pairs, terms and geometry moved over the training, from its records."""

import numpy as np
import pandas as pd
import streamlit as st

from explorer.components.pairs import Replay
from explorer.geometry import figures
from explorer.shared import cache, catalog, pixels, share, theme, widgets
from trainer.latent import pair_history
from trainer.runs import layout

CURVES = (
    ("Spearman of d_Z and d_X", ("spearman",)),
    ("distortion", ("distortion",)),
    ("C, learned coefficient", ("distance coefficient",)),
    ("discrete GW to held-out pictures; blue: its floor", ("gw floor", "gw to data")),
    ("L_GW, distances", ("gw", "validation gw")),
    ("L_W, reconstruction", ("reconstruction", "validation reconstruction")),
    ("L_D, critic's gap", ("critic gap", "validation critic gap")),
    ("R_H, entropy", ("entropy", "validation entropy")),
)
"""Panels in their order: a title, and the columns drawn in it."""


def show(entry: catalog.Entry, side: int = 0) -> None:
    """Draw the view; `side` tells two models on one page apart. Raises: UserError if history.csv is damaged."""
    history = read(entry)
    with widgets.user_errors():
        _replay(entry, history, side)
    curves = curves_of(history)
    if not curves:
        widgets.empty_state(
            "No record of the training",
            f"{entry.name} has no history.csv with such columns; a model trained now keeps one.",
            icon=":material/show_chart:",
        )
        return
    share.table(f"{entry.name}-history", history)
    with st.container(key=f"geometry-course-{side}"):
        widgets.chart(figures.course(history, curves, 2, theme.is_dark()), f"geometry.course.{side}", "geometry-course")
    st.caption("Blue: mean of the training since the row before. Orange: held-out pictures, at each validation.")
    if "spearman" not in history:
        st.caption(
            f"{entry.name} was trained before Spearman and distortion were recorded at each validation; a model "
            "trained now records them."
        )


def _replay(entry: catalog.Entry, history: pd.DataFrame, side: int) -> None:
    """Draw the pairs of each validation with a slider, or say how to get them. Raises: UserError if damaged."""
    path = entry.path / layout.PAIR_HISTORY
    if not path.is_file():
        st.caption(
            f":material/history: {entry.name} keeps no pairs of its training; a model trained now records them at each "
            "validation, and they can be replayed here."
        )
        return
    drawn = replay(cache.pair_history(str(path), catalog.stamp(path)), history)
    drawn.draw(f"geometry.replay.{side}")
    known = {"step": drawn.steps, "slope of the line": drawn.slopes, "Spearman": drawn.spearman}
    share.table(f"{entry.name}-pairs-over-training", known)
    st.caption(
        "The noise is the same at every validation: what moves is the model. Line: C d_Z / s = d_X, or the best one."
    )


def replay(pairs: pair_history.PairHistory, history: pd.DataFrame) -> Replay:
    """Return the replay of recorded pairs, with the rank correlations of history.csv."""
    known = {}
    if {"step", "spearman"} <= set(history):
        measured = history.dropna(subset=["spearman"])
        known = dict(zip(measured["step"].astype(int), measured["spearman"].astype(float), strict=True))
    ends = [max(float(d.max()), 1e-6) for d in (pairs.d_z, pairs.d_x)]
    packed = [
        pixels.as_base64(np.round(65_535 * (d.astype("float64") / end)).astype("<u2"))
        for d, end in zip((pairs.d_z, pairs.d_x), ends, strict=True)
    ]
    return Replay(
        steps=pairs.step.tolist(),
        slopes=pairs.slope.tolist(),
        spearman=[known.get(step) for step in pairs.step.tolist()],
        d_z=packed[0],
        d_x=packed[1],
        ends=ends,
        names=figures.AXES,
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
