"""The map with its panel and gallery: one fragment, so that a click or a lasso reruns nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.clusters import inspector
from explorer.clusters.atlas import Atlas, Colouring, colourings
from explorer.clusters.figures import Drawn, map_figure
from explorer.clusters.state import current, look_at
from explorer.clusters.subject import Subject, resolve
from explorer.components import gallery
from explorer.shared import theme, widgets
from trainer.latent import neighbours
from trainer.latent.map_file import MapSettings

CHART = "clusters.map"
CLICK_PIXELS = 6 / 640
"""A click this share of the map's side away from a point means the point, although an empty place was nearer."""
_LASSO = "clusters.lasso"
_CONFIG = {
    "displaylogo": False,
    "displayModeBar": True,
    "scrollZoom": True,
    "modeBarButtonsToRemove": ["zoom2d", "autoScale2d", "resetCameraLastSave3d"],
    "toImageButtonOptions": {"format": "svg", "filename": "map"},
}


def show(atlas: Atlas) -> None:
    """Map, panel and gallery."""
    _workbench(atlas)


@st.fragment
def _workbench(atlas: Atlas) -> None:
    view = current()
    offered = colourings(atlas)
    colour = view.colour if view.colour in offered else next(iter(offered), "")
    subject = resolve(atlas, view)
    mine = subject.code if subject and view.focus == "upload" else None
    place = None if mine is None else tuple(float(value) for value in atlas.placed(mine[None])[0])
    drawn = _figure(atlas.key, colour, view.layers, theme.is_dark(), place, atlas, offered.get(colour))
    with st.container(key="clusters-work"):
        chart, panel = st.columns([2.1, 1], gap="medium")
    with chart, st.container(key="clusters-chart"):
        st.plotly_chart(
            drawn.figure,
            theme=None,
            key=CHART,
            config=_CONFIG,
            on_select=lambda: _selected(atlas, drawn),
            selection_mode=("points", "box", "lasso"),
        )
        _caption(atlas, offered.get(colour))
        _ring(atlas, subject)
    with panel, st.container(gap="small", key="clusters-panel"):
        inspector.panel(atlas, subject)
    _gallery(atlas)


@st.cache_resource(max_entries=16, show_spinner=False)
def _figure(
    key: str,
    colour: str,
    layers: tuple[str, ...],
    dark: bool,
    mine: tuple[float, ...] | None,
    _atlas: Atlas,
    _colouring: Colouring | None,
) -> Drawn:
    plain = Colouring("test code", np.zeros(len(_atlas.codes)), {0: "test codes"})
    return map_figure(_atlas, _colouring or plain, layers, dark, None if mine is None else np.array(mine))


def _ring(atlas: Atlas, subject: Subject | None) -> None:
    at: tuple[float, ...] = ()
    if subject is not None and atlas.settings.dims == 2:
        at = subject.at or tuple(float(value) for value in atlas.placed(subject.code[None])[0])
    colours = theme.colours(theme.is_dark())
    gallery.pin("clusters-chart", at, colours["accent"], colours["background"])


def _caption(atlas: Atlas, colouring: Colouring | None) -> None:
    """How many of how many codes are shown, how the map was made and how far it can be trusted."""
    settings, shown, total = atlas.settings, len(atlas.codes), atlas.meta["codes"]
    sample = (
        f"{shown:,} test codes"
        if shown == total
        else (f"{shown:,} of {total:,} test codes, a sample in which every label has its share (seed {settings.seed})")
    )
    if settings.method == "pca":
        made = "by PCA"
    else:
        made = f"by UMAP ({settings.neighbours} neighbours, min_dist {settings.min_dist:g}, {settings.metric})"
    trust = atlas.meta["trustworthiness"]
    said = f"{sample} {made}." + (f" Trustworthiness {trust:.3f} (k = {neighbours.TRUST_NEIGHBOURS})." if trust else "")
    if colouring and colouring.names and len(colouring.names) > len(theme.CATEGORIES):
        said += " Colours repeat after ten."
    if settings.dims == 3:
        said += " In three dimensions points are looked at, not selected, and outlines are left out."
    st.caption(said)
    stored = [metric for metric in atlas.entry.metrics if metric.name == "map trustworthiness"]
    if stored and settings == MapSettings():
        with st.container(key="metrics-clusters-map"):
            widgets.protocol_card(stored[0], key="clusters.card.map")


# ---------------------------------------------------------------- selecting


def _selected(atlas: Atlas, drawn: Drawn) -> None:
    """A click or a lasso ended: a click moves the focus, a lasso fills the gallery."""
    selection = st.session_state[CHART]["selection"]
    points = selection["points"]
    if selection.get("lasso") or selection.get("box"):
        rows = [_number(point) for point in points if drawn.kinds[point["curve_number"]] == "code"]
        st.session_state[_LASSO] = (atlas.key, rows)
    elif points:
        look_at(**focus_of(atlas, drawn, points[-1]))
    else:
        st.session_state.pop(_LASSO, None)


def focus_of(atlas: Atlas, drawn: Drawn, point: dict[str, Any]) -> dict[str, Any]:
    """What a clicked point means, as the arguments of look_at.

    An empty place next to a test code means that code: fingers and mice are not that exact.
    """
    kind = drawn.kinds[point["curve_number"]]
    if kind in ("code", "prior", "centre"):
        return {"focus": kind, "index": _number(point)}
    if kind != "place":
        return {"focus": "upload", "code": current().code}
    at = (float(point["x"]), float(point["y"]))
    rows, distances = neighbours.nearest(np.array([at]), atlas.places[: len(atlas.codes)], 1)
    if distances[0, 0] < CLICK_PIXELS * atlas.extent:
        return {"focus": "code", "index": int(atlas.pictures["row"].iloc[rows[0, 0]])}
    return {"focus": "place", "at": tuple(round(value, 3) for value in at)}


def _number(point: dict[str, Any]) -> int:
    value = point["customdata"]
    return int(value[0] if isinstance(value, list | tuple) else value)


# ---------------------------------------------------------------- the gallery


def _gallery(atlas: Atlas) -> None:
    """Pictures of the points within the lasso, by label."""
    key, rows = st.session_state.get(_LASSO, ("", []))
    if key != atlas.key or not rows:
        return
    order = np.searchsorted(atlas.pictures["row"].to_numpy(), np.sort(rows))
    inspector.gallery(atlas, order)
