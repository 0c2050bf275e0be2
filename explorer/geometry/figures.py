"""Figures of the Geometry page, from numbers. No streamlit here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from explorer.shared import theme
from trainer.batching import evenly

if TYPE_CHECKING:
    from explorer.geometry.sample import Grid
    from trainer.latent.potential import Potential

_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_BAR = {"thickness": 8, "len": 0.5, "outlinewidth": 0, "orientation": "h", "y": 1.01, "yanchor": "bottom"}
_BAR |= {"nticks": 5, "title": {"text": "potential f(g(z), z)", "side": "top", "font": {"size": 12}}}
AXES = ["distance of the codes, d_Z", "distance of the pictures, d_X"]
"""Names of both axes of the pairs."""


def density(grid: Grid, line: tuple[float, str], dark: bool) -> theme.Figure:
    """Return how many pairs lie at each place, in powers of ten, with a line through the origin.

    Args:
        line: its slope and its name.
    """
    (slope, name), (counts, x, y) = line, grid
    known = np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan)
    end = min(float(x[-1]), float(y[-1]) / slope) if slope > 0 else float(x[-1])
    figure = theme.figure(
        dark,
        height=560,
        xaxis={"title": {"text": AXES[0]}, "range": [0, x[-1]]},
        yaxis={"title": {"text": AXES[1]}, "range": [0, y[-1]]},
    )
    bar = {"title": {"text": "log10 of pairs", "side": "right"}, "thickness": 10, "outlinewidth": 0}
    figure.add_heatmap(z=known, x=x, y=y, colorscale=theme.CONTINUOUS, customdata=counts, colorbar=bar,
                       hovertemplate="%{customdata} pairs<extra></extra>")  # fmt: skip
    figure.add_scatter(x=[0, end], y=[0, slope * end], mode="lines", line={"color": theme.category(1)}, name=name)
    return figure


def ladder(rows: list[tuple[str, float]], dark: bool, end: float | None = None) -> theme.Figure:
    """Return values on one axis, a bar each with its number, the last one being the floor.

    Args:
        end: the largest value that the axis has room for; None for that of these rows.
    """
    colours = theme.colours(dark)
    reach = {"rangemode": "tozero"} if end is None else {"range": [0, 1.12 * end]}
    names, values = [row[0] for row in rows][::-1], [row[1] for row in rows][::-1]
    figure = theme.figure(
        dark,
        height=46 * len(rows) + 40,
        margin={"l": 8, "r": 48, "t": 4, "b": 8},
        bargap=0.45,
        xaxis=reach | {"nticks": 6, "title": {"text": "GW, in units of the mean distance"}},
        yaxis={"tickfont": {"size": 12, "color": colours["text"]}, "showgrid": False},
    )
    shades = [colours["muted"], *[colours["accent"]] * (len(rows) - 1)]
    figure.add_bar(
        x=values,
        y=names,
        orientation="h",
        marker={"color": shades},
        text=[f"{value:.3f}" for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.4f}<extra></extra>",
    )
    return figure


def maps(
    codes: np.ndarray,
    pictures: np.ndarray,
    lines: list[tuple[int, int]],
    values: tuple[np.ndarray, np.ndarray],
    ends: tuple[float, float],
    chosen: int,
    dark: bool,
) -> theme.Figure:
    """Return both maps side by side, matched points joined, coloured by how badly they are matched.

    Args:
        codes, pictures: places, (n, 2) each. values: distortion of the points of both; ends: of the colours.
        lines: coupled (code, picture). chosen: the code whose lines stand out, -1 for none.
    """
    colours = theme.colours(dark)
    shift = 1.15 * (codes[:, 0].max() - pictures[:, 0].min() + 0.2)
    moved = pictures + np.array([shift, 0.0])
    top = float(max(codes[:, 1].max(), pictures[:, 1].max())) * 1.12
    bare = {"visible": False, "showgrid": False, "zeroline": False}
    figure = theme.figure(
        dark,
        height=440,
        margin=_MARGIN,
        showlegend=False,
        xaxis=bare,
        yaxis=bare | {"scaleanchor": "x"},
        dragmode=False,
        clickmode="event+select",
    )
    _join(figure, codes, moved, lines, chosen, colours["muted"])
    _points(figure, (codes, moved), values, ends)
    for points, title in ((codes, "prior codes, d_Z"), (moved, "test pictures, d_X")):
        about = {"showarrow": False, "yanchor": "bottom", "font": {"size": 12, "color": colours["muted"]}}
        figure.add_annotation(x=float(points[:, 0].mean()), y=top, text=title, **about)
    return figure


def _join(figure: theme.Figure, codes: np.ndarray, moved: np.ndarray, lines: list, chosen: int, muted: str) -> None:
    """Draw all lines, then those of the chosen code."""
    for which, width, colour in ((None, 0.5, muted), (chosen, 2.5, theme.category(1))):
        joined = [pair for pair in lines if which is None or pair[0] == which]
        path = np.array([[codes[i], moved[j], (np.nan, np.nan)] for i, j in joined]).reshape(-1, 2)
        figure.add_scatter(
            x=path[:, 0], y=path[:, 1], mode="lines", hoverinfo="skip",
            line={"width": width, "color": colour}, opacity=0.22 if which is None else 1,
        )  # fmt: skip


def _points(
    figure: theme.Figure, sides: tuple[np.ndarray, ...], values: tuple[np.ndarray, ...], ends: tuple[float, float]
) -> None:
    """Draw the points of both sides, coloured alike."""
    bar = {"thickness": 8, "len": 0.4, "outlinewidth": 0, "orientation": "h", "y": -0.02, "yanchor": "top", "nticks": 5}
    bar["title"] = {"text": "distortion of a point", "side": "bottom", "font": {"size": 12}}
    for side, (points, part) in enumerate(zip(sides, values, strict=True)):
        figure.add_scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            customdata=[[side, number] for number in range(len(points))],
            marker={
                "size": 7, "color": part, "colorscale": theme.CONTINUOUS, "cmin": ends[0], "cmax": ends[1],
                "showscale": side == 1, "colorbar": bar,
            },
            unselected={"marker": {"opacity": 0.9}},
            hovertemplate=f"{('code', 'test picture')[side]} %{{customdata[1]}}: %{{marker.color:.3f}}<extra></extra>",
        )  # fmt: skip


def coupling(
    mass: np.ndarray, row_pictures: list[str], column_pictures: list[str], sizes: np.ndarray, dark: bool
) -> theme.Figure:
    """Return how much of each group of codes (rows) is coupled to each group of pictures (columns), in shares of the
    row, with a picture of every group at the margins.

    Args:
        mass: (k, l), rows sum to 1. row_pictures, column_pictures: data URLs. sizes: codes of each row.
    """
    colours = theme.colours(dark)
    k, columns = mass.shape
    shade = [[0, colours["panel"]], [1, colours["accent"]]]
    bare = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": "", "fixedrange": True}
    figure = theme.figure(
        dark,
        height=440,
        margin=_MARGIN,
        xaxis=bare | {"range": [-1.7, columns - 0.5], "title": {"text": "groups of test pictures"}},
        yaxis=bare | {"range": [k - 0.5, -1.7], "scaleanchor": "x", "title": {"text": "groups of prior codes"}},
    )
    figure.add_heatmap(
        z=mass, colorscale=shade, zmin=0, zmax=float(mass.max()), showscale=False, xgap=2, ygap=2,
        customdata=np.repeat(sizes[:, None], columns, 1),
        hovertemplate="%{z:.0%} of these %{customdata} codes<extra></extra>",
    )  # fmt: skip
    places = [(-1.05, row, source) for row, source in enumerate(row_pictures)]
    places += [(column, -1.05, source) for column, source in enumerate(column_pictures)]
    for x, y, source in places:
        figure.add_layout_image(
            source=source, x=x, y=y, xref="x", yref="y", sizex=0.86, sizey=0.86, xanchor="center", yanchor="middle"
        )
    return figure


def potential(
    found: Potential,
    codes: np.ndarray,
    labels: pd.DataFrame | None,
    names: list[str],
    dark: bool,
    span: float | None = None,
) -> theme.Figure:
    """Return the potential over a plane, with codes on it.

    Args:
        codes: their places, (n, 2). labels: "label" and "label_name" of each, which colour them; None for one colour.
        names: of both directions.
        span: of the values from end to end of the colours, around their middle; None for that of these values.
    """
    colours = theme.colours(dark)
    x, y = found.x, found.y
    bare = {"showgrid": False, "zeroline": False}
    figure = theme.figure(
        dark,
        height=520,
        margin=_MARGIN,
        showlegend=False,
        dragmode=False,
        xaxis=bare | {"title": {"text": names[0]}, "range": [x[0], x[-1]]},
        yaxis=bare | {"title": {"text": names[1]}, "range": [y[0], y[-1]]},
    )
    figure.add_contour(
        x=x, y=y, z=found.values, colorscale="gray" if labels is not None else theme.CONTINUOUS, **_levels(found, span),
        line={"width": 0.6, "color": colours["border"]}, colorbar=_BAR,
        hovertemplate="f = %{z:.3f}<extra></extra>",
    )  # fmt: skip
    shades = "#ffffff" if labels is None else [theme.category(int(label)) for label in labels["label"]]
    figure.add_scatter(
        x=codes[:, 0], y=codes[:, 1], mode="markers", text=None if labels is None else labels["label_name"].tolist(),
        marker={"size": 5, "color": shades, "line": {"width": 0.5, "color": "#1F2430"}, "opacity": 0.85},
        hovertemplate="%{text}<extra></extra>" if labels is not None else "code<extra></extra>",
    )  # fmt: skip
    return figure


def _levels(found: Potential, span: float | None) -> dict[str, Any]:
    """Return where contours lie: 14 over the values, or over `span` around their middle, with colours alike."""
    if not span:
        return {"ncontours": 14}
    middle = float(found.values.min() + found.values.max()) / 2
    low, high = middle - span / 2, middle + span / 2
    return {"zmin": low, "zmax": high, "contours": {"start": low, "end": high, "size": span / 14}}


def course(history: pd.DataFrame, curves: list[tuple[str, list[str]]], columns: int, dark: bool) -> theme.Figure:
    """Return small multiples over the steps.

    Args:
        curves: (title, columns of the history); the first column is drawn as a line, the others as dots with a line.
    """
    from plotly.subplots import make_subplots

    colours = theme.colours(dark)
    rows = -(-len(curves) // columns)
    titles = [title for title, _ in curves]
    spacing = {"horizontal_spacing": 0.08 if columns > 1 else 0, "vertical_spacing": 0.32 / rows}
    figure = make_subplots(rows, columns, subplot_titles=titles, **spacing)
    for place, (_, names) in enumerate(curves):
        for number, name in enumerate(names):
            drawn = history[["step", name]].dropna()
            drawn = drawn.iloc[evenly(len(drawn), 500)]
            figure.add_trace(_line(drawn, name, (colours["accent"], theme.category(1))[number % 2]),
                             row=place // columns + 1, col=place % columns + 1)  # fmt: skip
    figure.update_layout(
        template=theme.template(dark), height=180 * rows + 30, margin=_MARGIN | {"t": 28}, showlegend=False
    )
    figure.update_annotations(font={"size": 12, "color": colours["muted"]}, yshift=2)
    figure.update_xaxes(nticks=4, rangemode="tozero", matches="x")
    figure.update_yaxes(nticks=4)
    return figure


def _line(rows: pd.DataFrame, name: str, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": rows["step"],
        "y": rows[name],
        "mode": "lines+markers" if len(rows) < 3 else "lines",
        "line": {"color": colour, "width": 1.75},
        "marker": {"size": 4},
        "hovertemplate": "step %{x:,}: %{y:.4g}<extra>" + name + "</extra>",
    }
