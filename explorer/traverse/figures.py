"""Figures of the Traverse page, from numbers. No streamlit here."""

from collections.abc import Sequence

import numpy as np

from explorer.shared import theme


def axis_effects(effects: Sequence[float], floor: float, dark: bool = False) -> theme.Figure:
    """Return bars of each axis' effect on the picture, strongest first, and the floor below which an axis is dead.

    Args:
        effects: mean RMS pixel change per axis, in the model's own order.
        floor: the larger of the relative and the absolute bound, in the same unit.
    """
    colours = theme.colours(dark)
    values = np.asarray(effects, dtype=float)
    order = np.argsort(-values, kind="stable")
    shades = [colours["accent"] if values[axis] >= floor else colours["border"] for axis in order]
    figure = theme.figure(
        dark,
        height=230,
        bargap=0.25,
        showlegend=False,
        xaxis={"type": "category", "title": {"text": "axis"}},
        yaxis={"title": {"text": "RMS pixel change, 5 % to 95 %"}, "rangemode": "tozero"},
    )
    figure.add_bar(
        x=[f"z{axis}" for axis in order],
        y=values[order],
        marker={"color": shades},
        hovertemplate="%{x}: %{y:.4f}<extra></extra>",
    )
    figure.add_hline(y=floor, line={"color": colours["muted"], "width": 1, "dash": "dot"})
    return figure


def path_distances(
    steps: Sequence[float], paths: dict[str, Sequence[float]], typical: tuple[float, float], dark: bool = False
) -> theme.Figure:
    """Return the distances of paths to the codes of real pictures, with the typical distances among those.

    Args:
        steps: position along the path, 0 to 1.
        paths: name -> distance to the nearest code at each step.
        typical: 5 % and 95 % quantile of the distance of a real code to its nearest neighbour.
    """
    colours = theme.colours(dark)
    figure = theme.figure(
        dark,
        height=240,
        xaxis={"title": {"text": "along the path"}, "tickformat": ".0%"},
        yaxis={"title": {"text": "distance to the nearest test code"}, "rangemode": "tozero"},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.15},
    )
    figure.add_hrect(
        y0=typical[0],
        y1=typical[1],
        fillcolor=colours["muted"],
        opacity=0.15,
        line_width=0,
        annotation={"text": "90 % of test codes", "font": {"color": colours["muted"], "size": 11}},
        annotation_position="top left",
    )
    shown = [colours["accent"], theme.category(1)]
    for (name, distances), colour in zip(paths.items(), shown, strict=False):
        figure.add_scatter(
            x=list(steps),
            y=list(distances),
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 6},
            hovertemplate="%{x:.0%}: %{y:.2f}<extra>" + name + "</extra>",
        )
    return figure
