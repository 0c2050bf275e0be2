"""The map and the contingency table as plotly figures. No streamlit here.

Plotly reports points, never places. So an invisible lattice lies where no point is near: clicking an empty place
selects the lattice point there. `Drawn.kinds` has the kind of each trace's points; a point's number is in customdata.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.clusters.atlas import Atlas, Colouring
from explorer.shared import theme
from explorer.shared.theme import Figure

HEIGHT = 620
LATTICE = 60  # points along the longer side: a place is exact to about 10 pixels
LEGEND_LIMIT = 24
_INVISIBLE = "rgba(0,0,0,0)"
_BAR = {"thickness": 10, "len": 0.7, "outlinewidth": 0}


@dataclass(frozen=True)
class Drawn:
    """A figure and, for each of its traces, what its points are: code, prior, centre, place, or nothing."""

    figure: Figure
    kinds: tuple[str, ...]


def map_figure(
    atlas: Atlas, colouring: Colouring, layers: tuple[str, ...], dark: bool, own: Sequence[float] | None = None
) -> Drawn:
    """Return the map: lattice below, then prior samples, codes, outlines, centres and the user's own picture.

    Args:
        layers: any of prior, centres, outlines.
        own: coordinates of an uploaded picture.
    """
    import plotly.graph_objects as go

    traces: list[tuple[str, dict[str, Any]]] = []
    flat = atlas.settings.dims == 2
    if flat:
        traces.append(("place", _lattice(atlas)))
    if "prior" in layers:
        traces.append(("prior", _prior(atlas, dark)))
    traces += [("code", trace) for trace in _codes(atlas, colouring)]
    if "outlines" in layers and flat and atlas.meta["outlines"]:
        traces += [("", trace) for trace in _outlines(atlas, dark)]
    if "centres" in layers and atlas.components:
        traces.append(("centre", _centres(atlas, dark)))
    if own is not None:
        traces.append(("", _own(own, dark)))
    drawn = [go.Scattergl(trace) if flat else go.Scatter3d(_in_space(trace)) for _, trace in traces]
    figure = theme.figure(dark, *drawn, **_layout(atlas, dark, flat))
    if "centres" in layers and flat and atlas.components:
        figure.update_layout(annotations=_numbers(atlas, dark))
    return Drawn(figure, tuple(kind for kind, _ in traces))


def _in_space(trace: dict[str, Any]) -> dict[str, Any]:
    """The same trace for three dimensions, where plotly selects nothing and draws points larger."""
    marker = dict(trace["marker"])
    marker["size"] = max(2, marker["size"] * 0.55)
    if marker.get("symbol") == "star":
        marker["symbol"] = "diamond"
    shared = {key: value for key, value in trace.items() if key not in ("selected", "unselected")}
    return shared | {"marker": marker}


def _points(table: Any, opacity: float, **more: Any) -> dict[str, Any]:
    """A trace of points.

    Args:
        table: coordinates by axis, x, y and in space z.
        opacity: while others are selected.
    """
    places = {axis: np.asarray(table[axis], np.float32) for axis in "xyz" if axis in table}
    return places | {"mode": "markers", "unselected": {"marker": {"opacity": opacity}}} | more


def _lattice(atlas: Atlas) -> dict[str, Any]:
    """Invisible points over the map and a margin, where no code is near enough to be meant."""
    return _points(
        dict(zip("xy", empty_places(atlas.places).T, strict=True)),
        0,
        marker={"size": 9, "color": _INVISIBLE},
        selected={"marker": {"opacity": 0}},
        hoverinfo="none",
        showlegend=False,
        name="",
    )


def empty_places(places: np.ndarray, count: int = LATTICE) -> np.ndarray:
    """Return lattice points (M, 2) over the extent of `places` (N, 2) and a margin, except next to one of them."""
    low, high = places[:, :2].min(0), places[:, :2].max(0)
    step = float((high - low).max()) / count
    if step == 0:
        return np.zeros((0, 2))
    low = low - 2 * step
    size = np.ceil((high - low) / step).astype(int) + 3
    taken = np.zeros(size, dtype=bool)
    taken[tuple(np.rint((places[:, :2] - low) / step).astype(int).T)] = True
    return low + step * np.argwhere(~taken)


def _prior(atlas: Atlas, dark: bool) -> dict[str, Any]:
    drawn = atlas.drawn[atlas.drawn["kind"] == "prior"]
    return _points(
        drawn,
        0.6,
        name="prior samples",
        customdata=np.arange(len(drawn)),
        marker={"size": 6, "color": _INVISIBLE, "line": {"width": 1.2, "color": theme.colours(dark)["muted"]}},
        hovertemplate="prior sample %{customdata}<extra></extra>",
    )


def _codes(atlas: Atlas, colouring: Colouring) -> list[dict[str, Any]]:
    """One trace per category, or a single one with a scale."""
    table = atlas.pictures
    named, size = id_template(table["id"].tolist(), table["row"].tolist()), 5 if len(table) <= 12_000 else 4
    if colouring.names is None:
        after = f"<br>{colouring.title} %{{marker.color:.3g}}"
        marker = _scale(colouring) | {"size": size}
        return [_points(table, 0.4, marker=marker, showlegend=False, **_named(table, named, "", after))]
    return [
        _points(
            part := table[colouring.values == number],
            0.4,
            marker={"opacity": 0.75, "color": theme.category(number), "size": size},
            name=name,
            showlegend=len(colouring.names) <= LEGEND_LIMIT,
            **_named(part, named, f"{name} · ", ""),
        )
        for number, name in colouring.names.items()
    ]


def _scale(colouring: Colouring) -> dict[str, Any]:
    """Markers coloured by a number; the colours end where the last per cent on either side begins."""
    low, high = np.nanquantile(colouring.values, [0.01, 0.99])
    return {
        "opacity": 0.8,
        "color": np.asarray(colouring.values, np.float32),
        "colorscale": theme.CONTINUOUS,
        "cmin": float(low),
        "cmax": float(max(high, low + 1e-9)),
        "colorbar": _BAR | {"title": {"text": colouring.title, "side": "right", "font": {"size": 12}}},
    }


def id_template(ids: list[str], rows: list[int]) -> str:
    """Return Plotly's template of each id by its row, such as "mnist-test-%{customdata:05d}"; empty where ids are no
    numbers.

    Thousands of ids are half of a figure's bytes, which the browser reads, searches and copies several times.
    """
    match = re.fullmatch(r"([\w-]*?)(\d+)", ids[0]) if ids else None
    if not match:
        return ""
    prefix, width = match[1], len(match[2])
    regular = all(id_ == f"{prefix}{row:0{width}d}" for id_, row in zip(ids, rows, strict=True))
    return f"{prefix}%{{customdata:0{width}d}}" if regular else ""


def _named(table: Any, template: str, before: str, after: str) -> dict[str, Any]:
    """The rows of points as customdata, and a hover text that holds their ids."""
    hover = {"hovertemplate": f"{before}{template or '%{text}'}{after}<extra></extra>"}
    return hover | {"customdata": table["row"].to_numpy()} | ({} if template else {"text": table["id"].tolist()})


def _outlines(atlas: Atlas, dark: bool) -> list[dict[str, Any]]:
    """All outlines of one kind in one trace, its paths parted by gaps."""
    traces, gap = [], np.full((1, 2), np.nan)
    for sigma, width, dash in ((1, 1.6, "solid"), (2, 1.0, "dot")):
        paths = [path for entry in atlas.meta["outlines"] if entry["sigma"] == sigma for path in entry["paths"]]
        if paths:
            joined = np.concatenate([part for path in paths for part in (np.asarray(path), gap)]).astype(np.float32)
            line = {"color": theme.colours(dark)["text"], "width": width, "dash": dash}
            trace = {"x": joined[:, 0], "y": joined[:, 1], "mode": "lines", "line": line, "opacity": 0.75}
            traces.append(trace | {"name": f"{sigma}σ outlines", "hoverinfo": "skip", "showlegend": False})
    return traces


def _centres(atlas: Atlas, dark: bool) -> dict[str, Any]:
    drawn, colours = atlas.drawn[atlas.drawn["kind"] == "centre"], theme.colours(dark)
    numbers = drawn["component"].to_numpy().astype(int)
    return _points(
        drawn,
        1,
        mode="markers" if atlas.settings.dims == 2 else "markers+text",
        name="component centres",
        showlegend=False,
        customdata=numbers,
        text=[str(number) for number in numbers],
        textfont={"size": 11, "color": colours["background"]},
        textposition="middle center",
        marker={"size": 19, "color": colours["text"], "line": {"width": 1.5, "color": colours["background"]}},
        hovertemplate="centre of component %{text}<extra></extra>",
    )


def _numbers(atlas: Atlas, dark: bool) -> list[dict[str, Any]]:
    """The components' numbers, on top of everything: text of a WebGL trace vanishes when its point is selected."""
    drawn, colours = atlas.drawn[atlas.drawn["kind"] == "centre"], theme.colours(dark)
    font = {"size": 11, "weight": "bold", "color": colours["background"]}
    return [
        {"x": x, "y": y, "text": f"{number:.0f}", "showarrow": False, "font": font, "captureevents": False}
        for x, y, number in zip(drawn["x"], drawn["y"], drawn["component"], strict=True)
    ]


def _own(place: Sequence[float], dark: bool) -> dict[str, Any]:
    colours = theme.colours(dark)
    line = {"width": 2, "color": colours["background"]}
    return _points(
        {},
        1,
        **{axis: [value] for axis, value in zip("xyz", place, strict=False)},
        name="your picture",
        marker={"size": 18, "symbol": "star", "color": colours["accent"], "line": line},
        hovertemplate="your picture<extra></extra>",
    )


def _layout(atlas: Atlas, dark: bool, flat: bool) -> dict[str, Any]:
    colours = theme.colours(dark)
    hidden = {"visible": False, "showgrid": False, "zeroline": False}
    below = {"orientation": "h", "y": 0, "yanchor": "top", "x": 0.5, "xanchor": "center", "itemsizing": "constant"}
    layout = {
        "height": HEIGHT,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "legend": below,
        "modebar": {"bgcolor": _INVISIBLE, "color": colours["muted"], "activecolor": colours["accent"]},
        "hoverdistance": 12,
        "dragmode": "pan" if flat else "orbit",  # with a lasso in hand, Streamlit passes no clicks on
        "newselection": {"line": {"color": colours["accent"], "width": 1.5, "dash": "solid"}},
        "uirevision": atlas.key,
    }
    if flat:
        edge = 0.03 * atlas.extent
        x, y = zip(atlas.places.min(0) - edge, atlas.places.max(0) + edge, strict=True)
        return layout | {"xaxis": hidden | {"range": x}, "yaxis": hidden | {"range": y, "scaleanchor": "x"}}
    return layout | {"scene": {"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data"}}


def contingency_figure(table: np.ndarray, rows: list[str], columns: list[str], row_title: str, dark: bool) -> Figure:
    """Return counts n[cluster, label] as a heat map: colour is the share of the row, the number is the count.

    Args:
        table: (K, L) counts.
    """
    import plotly.graph_objects as go

    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    colours = theme.colours(dark)
    few = table.size <= 400
    heat = go.Heatmap(
        z=shares,
        x=columns,
        y=rows,
        text=[[f"{count:,}" if count else "" for count in row] for row in table.tolist()],
        texttemplate="%{text}" if few else "",
        textfont={"size": 11},
        customdata=table,
        colorscale=[[0, colours["panel"]], [1, colours["accent"]]],
        zmin=0,
        zmax=1,
        xgap=2 if few else 0,
        ygap=2 if few else 0,
        hovertemplate="%{y}, label %{x}: %{customdata:,} (%{z:.0%} of the row)<extra></extra>",
        colorbar=_BAR | {"tickformat": ".0%", "title": {"text": "of the row"}},
    )
    axis = {"type": "category", "showgrid": False}
    return theme.figure(
        dark,
        heat,
        height=max(260, min(720, 60 + 30 * len(rows))),
        xaxis={**axis, "title": {"text": "label"}, "side": "bottom"},
        yaxis={**axis, "title": {"text": row_title}, "autorange": "reversed"},
        margin={"l": 60, "r": 8, "t": 8, "b": 44},
    )
