"""The map with its panel and gallery: one fragment, so that a click or a lasso reruns nothing else."""

from typing import Any

import numpy as np
import streamlit as st

from explorer.clusters import inspector
from explorer.clusters.atlas import Atlas, Colouring, colourings, keyed
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


@st.fragment
def show(atlas: Atlas) -> None:
    """Map, panel and gallery."""
    view = current()
    offered = colourings(atlas)
    colour = view.colour if view.colour in offered else next(iter(offered), "")
    subject = resolve(atlas, view)
    own = _place(atlas, subject) if subject and view.focus == "upload" else None
    drawn = _figure(atlas, colour, view.layers, theme.is_dark(), own, offered.get(colour))
    with st.container(key="clusters-work"):
        chart, panel = st.columns([2.1, 1], gap="medium")
    with chart, st.container(key="clusters-chart"):
        widgets.chart(
            drawn.figure,
            CHART,
            config=_CONFIG,
            on_select=lambda: _selected(atlas, drawn),
            selection_mode=("points", "box", "lasso"),
        )
        _caption(atlas, offered.get(colour))
        _ring(atlas, subject)
    with panel, st.container(gap="small", key="clusters-panel"):
        inspector.panel(atlas, subject)
    key, rows = st.session_state.get(_LASSO, ("", []))
    if key == atlas.key and rows:
        inspector.gallery(atlas, np.searchsorted(atlas.pictures["row"].to_numpy(), np.sort(rows)))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=keyed())
def _figure(
    atlas: Atlas,
    colour: str,
    layers: tuple[str, ...],
    dark: bool,
    own: tuple[float, ...] | None,
    _colouring: Colouring | None,
) -> Drawn:
    plain = Colouring("test code", np.zeros(len(atlas.codes)), {0: "test codes"})
    return map_figure(atlas, _colouring or plain, layers, dark, own)


def _place(atlas: Atlas, subject: Subject) -> tuple[float, ...]:
    return subject.at or tuple(float(value) for value in atlas.placed(subject.code[None])[0])


def _ring(atlas: Atlas, subject: Subject | None) -> None:
    at = _place(atlas, subject) if subject is not None and atlas.settings.dims == 2 else ()
    colours = theme.colours(theme.is_dark())
    gallery.pin("clusters-chart", at, colours["accent"], colours["background"])


def _caption(atlas: Atlas, colouring: Colouring | None) -> None:
    """How many of how many codes are shown, how the map was made and how far it can be trusted."""
    settings, shown, total = atlas.settings, len(atlas.codes), atlas.meta["codes"]
    text = f"{shown:,} test codes"
    if shown < total:
        text = f"{shown:,} of {total:,} test codes, a sample in which every label has its share (seed {settings.seed})"
    if settings.method == "pca":
        text += " by PCA."
    else:
        text += f" by UMAP ({settings.neighbours} neighbours, min_dist {settings.min_dist:g}, {settings.metric})."
    if trust := atlas.meta["trustworthiness"]:
        text += f" Trustworthiness {trust:.3f} (k = {neighbours.TRUST_NEIGHBOURS})."
    if colouring and colouring.names and len(colouring.names) > len(theme.CATEGORIES):
        text += " Colours repeat after ten."
    if settings.dims == 3:
        text += " In three dimensions points cannot be selected, and outlines are left out."
    st.caption(text)
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
    """Return the focus of a clicked point, as the arguments of look_at.

    An empty place next to a test code means that code, as clicks are not exact.
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
