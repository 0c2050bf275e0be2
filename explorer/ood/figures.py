"""ROC curves and the course of a score over a training, as plotly figures. No streamlit here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from explorer.ood.detector import Curve
from explorer.shared import theme

if TYPE_CHECKING:
    from trainer.ood.history import Row

HEIGHT = 374  # without the legend
LEGEND_ROW = 19
STEPS = 400
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_BASELINES = ("dot", "dash", "dashdot")
_HOVER = "threshold %{customdata:.4g}<br>TPR %{y:.2%}<br>FPR %{text}<extra>%{fullData.name}</extra>"


def roc(
    curves: Sequence[Curve],
    baselines: Sequence[Curve],
    log: bool = False,
    point: tuple[float, float] | None = None,
    dark: bool = False,
    colours: Mapping[str, str] | None = None,
) -> theme.Figure:
    """Return true-positive over false-positive rate of every curve, baselines thin and grey, with the operating point.

    Args:
        log: false-positive rates on a logarithmic axis; a rate of 0 is drawn at half of one ordinary picture.
        point: (FPR, TPR) of the operating point.
        colours: by model (Panel.colours); None for the order of the curves.
    """
    page, styles = theme.colours(dark), line_styles(curves, colours)
    n = max((len(curve.ordinary) for curve in [*curves, *baselines]), default=1)
    names = len(curves) + len(baselines)
    figure = theme.figure(dark, **_roc_layout(log, n, names))
    chance = np.geomspace(0.5 / n, 1, 60) if log else np.array([0.0, 1.0])
    line = {"color": page["border"], "width": 1}
    figure.add_scatter(x=chance, y=chance, mode="lines", line=line, hoverinfo="skip", showlegend=False, name="chance")
    for place, curve in enumerate(baselines):
        line = {"color": page["muted"], "width": 1.2, "dash": _BASELINES[place % len(_BASELINES)]}
        figure.add_scatter(**_trace(curve, log, n, line), legendrank=2_000)  # drawn first, named last
    for curve in curves:
        colour, pattern = styles[curve.key]
        figure.add_scatter(**_trace(curve, log, n, {"color": colour, "width": 2.2, "dash": pattern}))
    if point is not None:
        x, y = max(point[0], 0.5 / n if log else 0), point[1]
        marker = {"size": 11, "color": page["background"], "line": {"width": 2.2, "color": page["text"]}}
        figure.add_scatter(x=[x], y=[y], mode="markers", marker=marker, hoverinfo="skip", showlegend=False, name="now")
    return figure


def line_styles(curves: Sequence[Curve], colours: Mapping[str, str] | None = None) -> dict[str, tuple[str, str]]:
    """Return the colour and dash of each curve: models differ in colour, and scores in dash."""
    if colours is None:
        colours = model_colours(curve.model for curve in curves)
    scores = list(dict.fromkeys(curve.score for curve in curves))
    return {curve.key: (colours[curve.model], dash(scores.index(curve.score))) for curve in curves}


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """Return the colour of each model, by the order of the names given."""
    return {model: theme.category(place) for place, model in enumerate(dict.fromkeys(models))}


def dash(place: int) -> str:
    """Return the dash of a score by its place among the chosen ones; the sequence repeats."""
    return _DASHES[place % len(_DASHES)]


def thinned(x: np.ndarray, y: np.ndarray, log: bool) -> np.ndarray:
    """Return indices of the points that differ by a pixel or so, the first and the last among them."""
    across = np.log10(np.maximum(x, 1e-6)) / 6 if log else x
    cells = np.stack([np.rint(across * STEPS), np.rint(y * STEPS)])
    new = np.r_[True, (np.diff(cells, axis=1) != 0).any(0)]
    return np.flatnonzero(new | np.r_[new[1:], True])  # the point before a step too, or steps would become ramps


def _trace(curve: Curve, log: bool, n: int, line: dict) -> dict:
    x, y, thresholds = curve.points
    keep = thinned(x, y, log)
    return dict(
        x=np.maximum(x[keep], 0.5 / n) if log else x[keep],
        y=y[keep],
        customdata=-thresholds[keep] if curve.reversed else thresholds[keep],
        text=[f"{rate:.2%}" for rate in x[keep]],
        mode="lines",
        name=f"{curve.title}  {curve.auroc:.3f}",
        line=line,
        hovertemplate=_HOVER.replace("threshold", "at or below" if curve.reversed else "at or above"),
    )


def _roc_layout(log: bool, n: int, names: int) -> dict:
    rates = {"tickformat": ",.0%"}
    x = rates | {"range": [-0.01, 1.01]}
    if log:
        x = {"type": "log", "range": [float(np.log10(0.5 / n)), 0.02], "dtick": 1, "tickformat": "~%"}
    return dict(
        height=HEIGHT + LEGEND_ROW * names,
        margin={"l": 52, "r": 10, "t": 8, "b": 58 + LEGEND_ROW * names},
        hovermode="closest",
        xaxis=x | {"title": {"text": "false-positive rate: ordinary pictures flagged"}},
        yaxis=rates | {"title": {"text": "true-positive rate: outliers flagged"}, "range": [-0.01, 1.02]},
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "font": {"size": 11}},
    )


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
