"""Figures of the Disentangle page, from arrays. No streamlit here.

Plotly reports clicks on points, not on cells of a heat map. So an invisible point lies in the middle of every cell, and
a click anywhere counts for the nearest point.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.shared import theme

ROW = 36  # pixels
BRIGHT = 0.435
"""Share of the scale from which black is read better than white: contrast at least 4.5 on both sides."""
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


def matrix(
    values: np.ndarray,
    axes: Sequence[int],
    names: Sequence[str],
    factors: Sequence[str],
    title: str,
    chosen: tuple[int, int] | None = None,
    dark: bool = False,
) -> theme.Figure:
    """Return a heat map with axes as rows in the order of `axes`, factors as columns, and the values printed.

    Args:
        values: (d, F), 0 to 1, a row per axis in the model's own order.
        axes: axis numbers from top to bottom; a click on a cell reports [axis, factor].
        names: of `axes`.
        title: of the values.
        chosen: axis and factor of the cell that is framed.
    """
    shown = values[list(axes)]
    rows, columns = shown.shape
    ticks = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": ""}
    ticks |= {"tickfont": {"color": theme.colours(dark)["text"]}}
    across = {"tickvals": list(range(columns)), "ticktext": list(factors), "range": [-0.5, columns - 0.5]}
    down = {"tickvals": list(range(rows)), "ticktext": list(names), "range": [rows - 0.5, -0.5]}
    figure = theme.figure(
        dark,
        _cells(shown, title),
        _centres(shown, axes, factors, title),
        height=ROW * rows + 52,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        annotations=_numbers(shown),
        hoverdistance=-1,
        clickmode="event+select",
        dragmode=False,
        # on a phone the names are turned to rise from their columns; Plotly's own turn leaves the first one out
        xaxis=ticks | across | {"side": "top", "autotickangles": [0, -35, -60]},
        yaxis=ticks | down,
    )
    if chosen is not None and chosen[0] in axes and chosen[1] < columns:
        x, y = chosen[1], list(axes).index(chosen[0])
        for colour, width in (("#ffffff", 5), ("#14171c", 2)):  # seen on every colour of the scale
            line = {"color": colour, "width": width}
            figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line=line)
    return figure


def _cells(shown: np.ndarray, title: str) -> dict[str, Any]:
    return dict(
        type="heatmap",
        z=shown,
        x=list(range(shown.shape[1])),
        y=list(range(len(shown))),
        zmin=0,
        zmax=1,
        colorscale=theme.CONTINUOUS,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
        colorbar={"thickness": 10, "outlinewidth": 0, "title": {"text": title, "side": "right"}, "tickformat": ".1f"},
    )


def _numbers(shown: np.ndarray) -> list[dict[str, Any]]:
    """Return the values as annotations in black or white, as text of a heat map is dark grey or white: too faint."""
    return [
        {
            "x": column,
            "y": row,
            "text": f"{round(value, 2) + 0.0:.2f}",  # + 0.0: without the sign of -0.0
            "showarrow": False,
            "font": {"size": 12, "color": "#000000" if value >= BRIGHT else "#ffffff"},
        }
        for (row, column), value in np.ndenumerate(shown)
    ]


def _centres(shown: np.ndarray, axes: Sequence[int], factors: Sequence[str], title: str) -> dict[str, Any]:
    """Return the invisible points that are clicked instead of the cells."""
    rows, columns = shown.shape
    places = [(row, column) for row in range(rows) for column in range(columns)]
    return dict(
        type="scatter",
        x=[column for _, column in places],
        y=[row for row, _ in places],
        mode="markers",
        marker={"size": ROW - 8, "symbol": "square", "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[[int(axes[row]), column] for row, column in places],
        text=[f"z{axes[row]} · {factors[column]}<br>{title} {shown[row, column]:.3f}" for row, column in places],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def path(
    codes: np.ndarray,
    names: Sequence[str],
    shares: Sequence[float],
    values: Sequence[str],
    factor: str,
    dark: bool = False,
    ends: tuple[float, float] | None = None,
) -> theme.Figure:
    """Return the lines of all axes while one factor is swept: the axis that moves most in the accent, then colours.

    Args:
        codes: (N, d), each axis in its standard deviations.
        names, shares: name and share of the movement of each of the d axes.
        values: labels of the N values of the factor.
        ends: lowest and highest number that the axis has room for; None for those of `codes`.
    """
    colours = theme.colours(dark)
    figure = theme.figure(
        dark,
        height=360,
        hovermode="x unified",
        xaxis={"title": {"text": factor}, "tickvals": list(range(len(values))), "ticktext": list(values)},
        yaxis={"title": {"text": "axis, in its standard deviations"}, **_room(ends)},
        legend=LEGEND,
        margin={"l": 48, "r": 12, "t": 56, "b": 40},
    )
    order = np.argsort(np.asarray(shares), kind="stable")[::-1]
    for rank, axis in reversed(list(enumerate(order))):  # the most important line is drawn last, above the others
        moved = shares[axis] >= 0.1
        colour = colours["accent"] if rank == 0 else theme.category(rank) if moved else colours["border"]
        figure.add_scatter(
            x=list(range(len(values))),
            y=codes[:, axis],
            name=f"{names[axis]} · {shares[axis]:.0%}".replace("%", " %"),
            mode="lines+markers" if moved or rank == 0 else "lines",
            line={"color": colour, "width": 3 if rank == 0 else 2 if moved else 1},
            marker={"size": 6},
            legendrank=rank,
            showlegend=bool(moved or rank == 0),
            hovertemplate=f"{names[axis]}: %{{y:.2f}}<extra></extra>",
        )
    return figure


def _room(ends: tuple[float, float] | None) -> dict[str, list[float]]:
    """Return the range of an axis that shows both ends, with a twentieth beyond them."""
    if ends is None:
        return {}
    margin = 0.05 * (ends[1] - ends[0])
    return {"range": [ends[0] - margin, ends[1] + margin]}


def scores(models: dict[str, Sequence[float]], measures: Sequence[str], dark: bool = False) -> theme.Figure:
    """Return bars of every measure, a colour per model.

    Args:
        models: name -> one number in [0, 1] per measure.
    """
    bars = [
        {
            "type": "bar",
            "x": list(measures),
            "y": list(values),
            "name": name,
            "marker": {"color": theme.category(rank)},
            "hovertemplate": f"%{{x}}: %{{y:.3f}}<extra>{name}</extra>",
        }
        for rank, (name, values) in enumerate(models.items())
    ]
    return theme.figure(
        dark,
        *bars,
        height=320,
        barmode="group",
        bargap=0.25,
        xaxis={"type": "category", "tickfont": {"color": theme.colours(dark)["text"]}},
        yaxis={"range": [0, 1], "title": {"text": "score"}},
        legend=LEGEND,
        showlegend=True,
    )
