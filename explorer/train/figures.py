"""Curves of trainings, from their histories. No streamlit here."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from explorer.shared import theme
from trainer.batching import evenly

VALIDATION = "validation "
SCALES = {"prior_scale": "prior", "code_scale": "codes μ", "posterior_scale": "posterior σ"}
SCALES_TITLE = "scale per axis"
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
    "spearman": "Spearman of d_Z and d_X",
    "distortion": "distortion of distances",
    SCALES_TITLE: "scale, mean over axes",
    "psnr": "PSNR, dB",
    "potential gap": "critic's own gap",
    "gradient penalty": "gradient penalty",
}
"""Curves in the order of their panels."""
MOST_POINTS = 600
HEIGHT = 168


def terms_of(history: pd.DataFrame) -> list[str]:
    """Return the names of the curves in a history, in the order of TITLES, then others."""
    if history.empty:
        return []
    plain = {name.removeprefix(VALIDATION) for name in history} - {"step", "seconds", *SCALES}
    present = plain | ({SCALES_TITLE} if set(SCALES) & set(history) else set())
    return [name for name in TITLES if name in present] + sorted(present - set(TITLES))


def curves(history: pd.DataFrame, terms: Sequence[str], columns: int, dark: bool = False) -> theme.Figure:
    """Return small multiples over the steps: the training's mean since the row before, and validation values as dots.

    Args:
        history: history.csv.
        terms: names from `terms_of`, a panel each.
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


def _panel(history: pd.DataFrame, term: str, colours: Mapping[str, str]) -> list[dict[str, Any]]:
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


def _line(history: pd.DataFrame, column: str, colour: str, name: str, mode: str = "lines") -> dict[str, Any]:
    known = history[["step", column]].dropna()
    rows = known.iloc[evenly(len(known), MOST_POINTS)]
    return dict(
        type="scatter",
        x=rows["step"],
        y=rows[column],
        name=name,
        mode="lines+markers" if len(rows) < 3 else mode,
        line={"color": colour, "width": 1.75},
        marker={"size": 4},
        hovertemplate=f"step %{{x:,}}: %{{y:.4g}}<extra>{name}</extra>",
    )


def overlay(histories: Mapping[str, pd.DataFrame], term: str, log: bool, dark: bool = False) -> theme.Figure:
    """Return one term of several runs over the steps, each in its colour; validation values where there are any.

    Args:
        histories: name of the run -> history.csv, in the order of the colours.
    """
    figure = theme.figure(
        dark,
        height=380,
        xaxis={"title": {"text": "step"}},
        yaxis={"title": {"text": TITLES.get(term, term)}, "type": "log" if log else "linear"},
        legend={"orientation": "h", "x": 0, "y": 1.12},
        showlegend=True,
    )
    for place, (name, history) in enumerate(histories.items()):
        column = next((each for each in (VALIDATION + term, term) if each in history), None)
        if term != SCALES_TITLE and column is not None:
            figure.add_trace(_line(history, column, theme.category(place), name))
    return figure


def scales(preview: Mapping[str, np.ndarray], dark: bool = False) -> theme.Figure:
    """Return the standard deviations of prior, codes and posterior per axis, widest codes first."""
    colours = theme.colours(dark)
    order = np.argsort(-preview["code_scale"], kind="stable")
    shades = (colours["muted"], theme.category(0), theme.category(1))
    figure = theme.figure(
        dark,
        height=190,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 1.2},
        xaxis={"type": "category", "nticks": 12},
        yaxis={"rangemode": "tozero", "nticks": 4},
    )
    for (column, name), shade in zip(SCALES.items(), shades, strict=True):
        figure.add_scatter(
            x=[f"z{axis}" for axis in order],
            y=preview[column][order],
            name=name,
            mode="lines+markers",
            line={"color": shade, "width": 1.5, "shape": "hvh"},
            marker={"size": 4},
            hovertemplate=f"%{{x}}: %{{y:.3f}}<extra>{name}</extra>",
        )
    return figure


def pairs(
    d_z: np.ndarray, d_x: np.ndarray, slope: float, ends: tuple[float, float], dark: bool = False
) -> theme.Figure:
    """Return the distances of pairs of prior samples, (P,) each, and the line d_X = slope d_Z.

    Args:
        ends: of the two axes.
    """
    colours = theme.colours(dark)
    figure = theme.figure(
        dark,
        height=230,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"title": {"text": "d_Z, codes"}, "range": [0, 1.03 * ends[0]]},
        yaxis={"title": {"text": "d_X, pictures"}, "range": [0, 1.03 * ends[1]], "nticks": 4},
        showlegend=False,
    )
    reach = min(ends[0], ends[1] / slope) if slope > 0 else ends[0]
    line = {"color": colours["muted"], "width": 1.5}
    figure.add_scatter(x=[0, reach], y=[0, slope * reach], mode="lines", line=line, hoverinfo="skip")
    marker = {"color": colours["accent"], "size": 5, "opacity": 0.6}
    x, y = d_z.astype("float64"), d_x.astype("float64")
    figure.add_scatter(x=x, y=y, mode="markers", marker=marker, hovertemplate="%{x:.2f}, %{y:.2f}<extra></extra>")
    return figure
