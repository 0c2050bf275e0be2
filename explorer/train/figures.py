"""Curves of trainings, as data to plotly figures. No streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from explorer.shared import theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

VALIDATION = "validation "
SCALES = {"prior_scale": "prior", "code_scale": "codes μ", "posterior_scale": "posterior σ"}
SCALES_TITLE = "scale per axis"
ORDER = (
    "loss", "gw", "reconstruction", "kl", "mmd", "critic gap", "entropy", "prior", "energy", "covariance",
    "distance coefficient", SCALES_TITLE, "psnr", "potential gap", "gradient penalty",
)  # fmt: skip
TITLES = {
    "loss": "loss",
    "gw": "L_GW, distances",
    "reconstruction": "L_W, reconstruction",
    "kl": "KL, nats",
    "mmd": "MMD²",
    "critic gap": "L_D, critic's gap",
    "entropy": "R_H, entropy",
    "prior": "cross-entropy of the prior",
    "energy": "energy",
    "covariance": "covariance penalty",
    "distance coefficient": "distance coefficient C",
    SCALES_TITLE: "scale, mean over axes",
    "psnr": "PSNR, dB",
    "potential gap": "critic's own gap",
    "gradient penalty": "gradient penalty",
}
MOST_POINTS = 600
HEIGHT = 168


def terms_of(history: pd.DataFrame) -> list[str]:
    """The curves a history holds, the most telling first."""
    if history.empty:
        return []
    plain = {name.removeprefix(VALIDATION) for name in history} - {"step", "seconds", *SCALES}
    present = plain | ({SCALES_TITLE} if set(SCALES) & set(history) else set())
    return [name for name in ORDER if name in present] + sorted(present - set(ORDER))


def curves(history: pd.DataFrame, terms: Sequence[str], columns: int, dark: bool = False) -> go.Figure:
    """Small multiples over the steps: the training's mean since the row before, and the validation's value as dots.

    Args:
        history: history.csv.
        terms: of `terms_of`, a panel each.
    """
    from plotly.subplots import make_subplots

    colours = theme.colours(dark)
    rows = max(1, -(-len(terms) // columns))
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=[TITLES.get(term, term) for term in terms],
        horizontal_spacing=0.07,
        vertical_spacing=0.3 / rows,
    )
    for place, term in enumerate(terms):
        where = {"row": place // columns + 1, "col": place % columns + 1}
        for trace in _panel(history, term, colours):
            figure.add_trace(trace, **where)
    figure.update_layout(
        template=theme.template(dark),
        height=HEIGHT * rows + 30,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        showlegend=False,
    )
    figure.update_annotations(font={"size": 12, "color": colours["muted"]}, yshift=2)
    figure.update_xaxes(nticks=4, title=None, matches="x", rangemode="tozero")  # phases of a schedule line up
    figure.update_yaxes(nticks=4, title=None)
    return figure


def _panel(history: pd.DataFrame, term: str, colours: Mapping[str, str]) -> list[go.Scatter]:
    if term == SCALES_TITLE:
        shades = (colours["muted"], theme.category(0), theme.category(1))
        return [
            _line(history, column, shade, name)
            for (column, name), shade in zip(SCALES.items(), shades, strict=True)
            if column in history
        ]
    traces = [_line(history, term, colours["accent"], "training")] if term in history else []
    if VALIDATION + term in history:
        traces.append(_line(history, VALIDATION + term, theme.category(1), "validation", mode="lines+markers"))
    return traces


def _line(history: pd.DataFrame, column: str, colour: str, name: str, mode: str = "lines") -> go.Scatter:
    import plotly.graph_objects as go

    rows = _thinned(history[["step", column]].dropna())
    return go.Scatter(
        x=rows["step"],
        y=rows[column],
        name=name,
        mode="lines+markers" if len(rows) < 3 else mode,
        line={"color": colour, "width": 1.75},
        marker={"size": 4},
        hovertemplate=f"step %{{x:,}}: %{{y:.4g}}<extra>{name}</extra>",
    )


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    """At most MOST_POINTS rows, evenly chosen, the last one included."""
    if len(rows) <= MOST_POINTS:
        return rows
    return rows.iloc[np.unique(np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(int))]


def overlay(histories: Mapping[str, pd.DataFrame], term: str, log: bool, dark: bool = False) -> go.Figure:
    """One term of several runs over the steps, each in its colour; validation where there is such, else training.

    Args:
        histories: name of the run -> history.csv, in the order of the colours.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for place, (name, history) in enumerate(histories.items()):
        column = next((each for each in (VALIDATION + term, term) if each in history), None)
        if term == SCALES_TITLE or column is None:
            continue
        figure.add_trace(_line(history, column, theme.category(place), name))
    figure.update_layout(
        template=theme.template(dark),
        height=380,
        xaxis={"title": {"text": "step"}},
        yaxis={"title": {"text": TITLES.get(term, term)}, "type": "log" if log else "linear"},
        legend={"orientation": "h", "x": 0, "y": 1.12},
        showlegend=True,
    )
    return figure


def scales(preview: Mapping[str, np.ndarray], dark: bool = False) -> go.Figure:
    """Per axis, widest codes first: standard deviation of the prior and of the codes, and the posterior's sigma."""
    import plotly.graph_objects as go

    colours = theme.colours(dark)
    order = np.argsort(-preview["code_scale"], kind="stable")
    shades = (colours["muted"], theme.category(0), theme.category(1))
    figure = go.Figure()
    for (column, name), shade in zip(SCALES.items(), shades, strict=True):
        figure.add_trace(
            go.Scatter(
                x=[f"z{axis}" for axis in order],
                y=preview[column][order],
                name=name,
                mode="lines+markers",
                line={"color": shade, "width": 1.5, "shape": "hvh"},
                marker={"size": 4},
                hovertemplate="%{x}: %{y:.3f}<extra>" + name + "</extra>",
            )
        )
    figure.update_layout(
        template=theme.template(dark),
        height=190,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 1.2},
        xaxis={"type": "category", "nticks": 12},
        yaxis={"rangemode": "tozero", "nticks": 4},
    )
    return figure
