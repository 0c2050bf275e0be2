"""How curves look, and the course of a score over a training as a plotly figure. No streamlit here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from explorer.ood.detector import Curve
from explorer.shared import theme

if TYPE_CHECKING:
    from trainer.ood.history import Row

STEPS = 400
_DASHES = {
    "solid": "",
    "dash": "7 4",
    "dot": "2 3",
    "dashdot": "7 3 2 3",
    "longdash": "11 4",
    "longdashdot": "11 3 2 3",
}
"""Of the scores, as plotly calls them and as SVG writes them."""
_BASELINES = ("2 3", "5 3", "5 3 2 3")


def line_styles(curves: Sequence[Curve], colours: Mapping[str, str] | None = None) -> dict[str, tuple[str, str]]:
    """Return the colour and SVG dash of each curve: models differ in colour, and scores in dash."""
    if colours is None:
        colours = model_colours(curve.model for curve in curves)
    scores = list(dict.fromkeys(curve.score for curve in curves))
    return {curve.key: (colours[curve.model], _DASHES[dash(scores.index(curve.score))]) for curve in curves}


def baseline_styles(baselines: Sequence[Curve], dark: bool) -> dict[str, tuple[str, str]]:
    """Return the colour and SVG dash of each baseline: all in the grey of quiet text."""
    grey = theme.colours(dark)["muted"]
    return {curve.key: (grey, _BASELINES[place % len(_BASELINES)]) for place, curve in enumerate(baselines)}


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """Return the colour of each model, by the order of the names given."""
    return {model: theme.category(place) for place, model in enumerate(dict.fromkeys(models))}


def dash(place: int) -> str:
    """Return the dash of a score by its place among the chosen ones; the sequence repeats."""
    return list(_DASHES)[place % len(_DASHES)]


def thinned(x: np.ndarray, y: np.ndarray, log: bool) -> np.ndarray:
    """Return indices of the points that differ by a pixel or so, the first and the last among them."""
    across = np.log10(np.maximum(x, 1e-6)) / 6 if log else x
    cells = np.stack([np.rint(across * STEPS), np.rint(y * STEPS)])
    new = np.r_[True, (np.diff(cells, axis=1) != 0).any(0)]
    return np.flatnonzero(new | np.r_[new[1:], True])  # the point before a step too, or steps would become ramps


def roc(curves: Sequence[Curve], styles: Mapping[str, tuple[str, str]], dark: bool) -> theme.Figure:
    """Return the ROC curves, each in the colour and dash that `styles` has for it."""
    axes = {"range": [0, 1], "tickformat": ".0%"}
    figure = theme.figure(
        dark,
        height=560,
        xaxis=axes | {"title": {"text": "ordinary pictures flagged"}},
        yaxis=axes | {"title": {"text": "outliers flagged"}},
    )
    for curve in curves:
        x, y, _ = curve.points
        keep = thinned(x, y, log=False)
        colour, dash = styles[curve.key]
        line = {"color": colour, "dash": dash.replace(" ", "px,") + "px" if dash else "solid"}
        figure.add_scatter(x=x[keep], y=y[keep], mode="lines", line=line, name=f"{curve.title}, {curve.auroc:.3f}")
    return figure


def course(rows: "Sequence[Row]", chosen: Sequence[str], dark: bool = False, colour: str = "") -> theme.Figure:
    """Return the AUROC of every score at each checkpoint of one pair; the chosen scores in colour, the others as thin
    grey lines.

    Args:
        rows: of one pair.
        colour: of the model; "" for the first of the categories.
    """
    colours = theme.colours(dark)
    figure = theme.figure(
        dark,
        height=230,
        margin={"l": 48, "r": 12, "t": 8, "b": 40},
        xaxis={"title": {"text": "training step"}, "tickformat": ","},
        yaxis={"title": {"text": "AUROC"}, "range": [-0.03, 1.03]},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.15},
    )
    figure.add_hline(y=0.5, line={"color": colours["muted"], "width": 1, "dash": "dot"})
    names = sorted(dict.fromkeys(row.score for row in rows), key=lambda name: name in chosen)
    for name in names:
        own = [row for row in rows if row.score == name]
        strong = name in chosen
        line = {"color": colours["muted"], "width": 1}
        if strong:
            line = {"color": colour or theme.category(0), "width": 2, "dash": dash(list(chosen).index(name))}
        figure.add_scatter(
            x=[row.step for row in own],
            y=[row.auroc for row in own],
            name=name,
            mode="lines+markers" if strong or len(own) == 1 else "lines",
            opacity=1 if strong else 0.45,
            line=line,
            marker={"size": 5},
            showlegend=strong,
            hovertemplate="step %{x:,}: %{y:.3f}<extra>" + name + "</extra>",
        )
    return figure
