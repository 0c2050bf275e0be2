"""The map as a plotly figure: in three dimensions on the page, in two under Share. No streamlit here."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.clusters.atlas import Atlas, Colouring
from explorer.shared import theme
from explorer.shared.theme import Figure

HEIGHT = 620
LEGEND_LIMIT = 24


def figure(
    atlas: Atlas, colouring: Colouring, layers: tuple[str, ...], dark: bool, own: Sequence[float] | None = None
) -> Figure:
    """Return prior samples, codes, centres and the user's own picture in two or three dimensions.

    Args:
        layers: any of prior, centres.
        own: coordinates of an uploaded picture.
    """
    colours, axes = theme.colours(dark), "xyz"[: atlas.settings.dims]
    traces = []
    if "prior" in layers:
        drawn = atlas.drawn[atlas.drawn["kind"] == "prior"]
        traces.append(_points(axes, drawn, "prior samples", colours["muted"], 3, marker={"opacity": 0.4}))
    traces += _codes(axes, atlas, colouring)
    if "centres" in layers and atlas.components:
        drawn = atlas.drawn[atlas.drawn["kind"] == "centre"]
        names = [f"component {k:.0f}" for k in drawn["component"]]
        more = {"mode": "markers+text", "text": names, "textposition": "top center"}
        traces.append(_points(axes, drawn, "component centres", colours["text"], 8, **more))
    if own is not None:
        place = {axis: [value] for axis, value in zip(axes, own, strict=True)}
        traces.append(_points(axes, place, "your picture", colours["accent"], 10, marker={"symbol": "diamond"}))
    below = {"orientation": "h", "y": 0, "yanchor": "top", "x": 0.5, "xanchor": "center", "itemsizing": "constant"}
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    field = {"xaxis": hidden, "yaxis": hidden | {"scaleanchor": "x"}}
    if len(axes) == 3:
        field = {"scene": {**dict.fromkeys(("xaxis", "yaxis", "zaxis"), hidden), "aspectmode": "data"}}
    return theme.figure(
        dark,
        *traces,
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        legend=below,
        dragmode="orbit" if len(axes) == 3 else "pan",
        uirevision=atlas.key,
        **field,
    )


def _points(
    axes: str, table: Any, name: str, colour: Any, size: int, marker: dict[str, Any] | None = None, **more: Any
) -> dict:
    """Return a trace of points; `table` has their coordinates by axis."""
    places = {axis: np.asarray(table[axis], np.float32) for axis in axes}
    kind = {"type": "scatter3d" if len(axes) == 3 else "scattergl", "mode": "markers", "name": name}
    given = {"marker": {"size": size, "color": colour} | (marker or {}), "hovertemplate": f"{name}<extra></extra>"}
    return kind | places | given | more


def _codes(axes: str, atlas: Atlas, colouring: Colouring) -> list[dict[str, Any]]:
    """Return one trace for each category, or a single one with a scale."""
    table = atlas.pictures
    if colouring.names is None:
        low, high = np.nanquantile(colouring.values, [0.01, 0.99])
        bar = {"thickness": 10, "len": 0.7, "outlinewidth": 0, "title": {"text": colouring.title, "side": "right"}}
        ends = {"cmin": float(low), "cmax": float(max(high, low + 1e-9)), "colorscale": theme.CONTINUOUS}
        values = np.asarray(colouring.values, np.float32)
        return [_points(axes, table, "test codes", values, 3, marker=ends | {"colorbar": bar}, showlegend=False)]
    shown = len(colouring.names) <= LEGEND_LIMIT
    return [
        _points(axes, table[colouring.values == number], name, theme.category(number), 3, showlegend=shown)
        for number, name in colouring.names.items()
    ]
