"""The map in three dimensions, as a plotly figure. No streamlit here."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.clusters.atlas import Atlas, Colouring
from explorer.shared import theme
from explorer.shared.theme import Figure

HEIGHT = 620
LEGEND_LIMIT = 24


def space_figure(
    atlas: Atlas, colouring: Colouring, layers: tuple[str, ...], dark: bool, own: Sequence[float] | None = None
) -> Figure:
    """Return prior samples, codes, centres and the user's own picture; it can be turned, and nothing in it selected.

    Args:
        layers: any of prior, centres.
        own: coordinates of an uploaded picture.
    """
    import plotly.graph_objects as go

    colours = theme.colours(dark)
    traces = []
    if "prior" in layers:
        drawn = atlas.drawn[atlas.drawn["kind"] == "prior"]
        traces.append(_points(drawn, "prior samples", colours["muted"], 3, marker={"opacity": 0.4}))
    traces += _codes(atlas, colouring)
    if "centres" in layers and atlas.components:
        drawn = atlas.drawn[atlas.drawn["kind"] == "centre"]
        names = [f"component {k:.0f}" for k in drawn["component"]]
        more = {"mode": "markers+text", "text": names, "textposition": "top center"}
        traces.append(_points(drawn, "component centres", colours["text"], 8, **more))
    if own is not None:
        place = {axis: [value] for axis, value in zip("xyz", own, strict=True)}
        traces.append(_points(place, "your picture", colours["accent"], 10, marker={"symbol": "diamond"}))
    below = {"orientation": "h", "y": 0, "yanchor": "top", "x": 0.5, "xanchor": "center", "itemsizing": "constant"}
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    return theme.figure(
        dark,
        *map(go.Scatter3d, traces),
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        legend=below,
        dragmode="orbit",
        uirevision=atlas.key,
        scene={"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data"},
    )


def _points(table: Any, name: str, colour: Any, size: int, marker: dict[str, Any] | None = None, **more: Any) -> dict:
    """Return a trace of points; `table` has their coordinates by axis."""
    places = {axis: np.asarray(table[axis], np.float32) for axis in "xyz"}
    given = {"mode": "markers", "name": name, "marker": {"size": size, "color": colour} | (marker or {})}
    return places | given | {"hovertemplate": f"{name}<extra></extra>"} | more


def _codes(atlas: Atlas, colouring: Colouring) -> list[dict[str, Any]]:
    """Return one trace for each category, or a single one with a scale."""
    table = atlas.pictures
    if colouring.names is None:
        low, high = np.nanquantile(colouring.values, [0.01, 0.99])
        bar = {"thickness": 10, "len": 0.7, "outlinewidth": 0, "title": {"text": colouring.title, "side": "right"}}
        ends = {"cmin": float(low), "cmax": float(max(high, low + 1e-9)), "colorscale": theme.CONTINUOUS}
        values = np.asarray(colouring.values, np.float32)
        return [_points(table, "test codes", values, 3, marker=ends | {"colorbar": bar}, showlegend=False)]
    shown = len(colouring.names) <= LEGEND_LIMIT
    return [
        _points(table[colouring.values == number], name, theme.category(number), 3, showlegend=shown)
        for number, name in colouring.names.items()
    ]
