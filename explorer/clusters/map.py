"""The map with its panel and gallery: one fragment, so that a click or a lasso reruns nothing else."""

import math
from typing import Any

import numpy as np
import streamlit as st

from explorer.clusters import inspector, points, selection, twin
from explorer.clusters.atlas import Atlas, Colouring, coloured, keyed
from explorer.clusters.figures import Figure, figure
from explorer.clusters.state import ClustersState, current, look_at
from explorer.clusters.subject import Subject, resolve
from explorer.components.scatter import scatter
from explorer.shared import theme, widgets
from trainer.latent import neighbours
from trainer.latent.map_file import MapSettings

MAP = "clusters.map"


@st.fragment
def show(atlas: Atlas, other: Atlas | None) -> None:
    """Draw map, panel and gallery, and below them the map of another model of the same pictures, if there is one."""
    view = current()
    key, colouring = coloured(atlas, view.colour)
    subject = resolve(atlas, view)
    rows = selection.selected(atlas, view)
    with st.container(key="clusters-work"):
        chart, panel = st.columns([2.1, 1], gap="medium")
    with chart, st.container(key="clusters-chart", gap="small"):
        if atlas.settings.dims == 2:
            _flat(atlas, view, key, colouring, subject, rows)
        else:
            own = _place(atlas, subject) if subject and view.focus == "upload" else None
            widgets.chart(_in_space(atlas, key, view.layers, theme.is_dark(), own, colouring), f"{MAP}.space")
        _caption(atlas, colouring)
        points.offer(atlas, colouring, view.layers)
    with panel, st.container(gap="small", key="clusters-panel"):
        inspector.panel(atlas, subject)
    if rows.any():
        inspector.gallery(atlas, np.flatnonzero(rows), coloured=key == "label")
    if other is not None:
        twin.show(atlas, other, key, rows)


def _flat(
    atlas: Atlas, view: ClustersState, key: str, colouring: Colouring, subject: Subject | None, rows: np.ndarray
) -> None:
    points.bring(atlas, key, colouring)
    at = _place(atlas, subject) if subject else ()
    focus = {"kind": view.focus if subject else "", "index": view.index, "at": at}
    own = at if subject and view.focus == "upload" else ()
    content = points.content(atlas, key, colouring, view.layers, focus, own, selection.to_bits(rows))
    scatter(content, key=MAP, on_picked=lambda: _picked(atlas), on_selected=lambda: _selected(atlas))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=keyed())
def _in_space(
    atlas: Atlas,
    key: str,
    layers: tuple[str, ...],
    dark: bool,
    own: tuple[float, ...] | None,
    _colouring: Colouring,
) -> Figure:
    return figure(atlas, _colouring, layers, dark, own)


def _place(atlas: Atlas, subject: Subject) -> tuple[float, ...]:
    return subject.at or tuple(float(value) for value in atlas.placed(subject.code[None])[0])


def _caption(atlas: Atlas, colouring: Colouring) -> None:
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
    if colouring.names and len(colouring.names) > len(theme.CATEGORIES):
        text += " Colours repeat after ten."
    if settings.dims == 3:
        text += " In three dimensions points cannot be selected, and outlines are left out."
    st.caption(text)
    stored = [metric for metric in atlas.entry.metrics if metric.name == "map trustworthiness"]
    if stored and settings == MapSettings():
        with st.container(key="metrics-clusters-map"):
            widgets.protocol_card(stored[0], key="clusters.card.map")


# ---------------------------------------------------------------- selecting


def _selected(atlas: Atlas) -> None:
    """A lasso ended, or Escape let the selection go."""
    report = st.session_state[MAP].selected
    if isinstance(report, dict):
        selection.select_pictures(atlas, selection.from_bits(report.get("bits"), len(atlas.codes)))


def _picked(atlas: Atlas) -> None:
    report = st.session_state[MAP].picked
    if isinstance(report, dict):
        look_at(**focus_of(atlas, report))


def focus_of(atlas: Atlas, report: dict[str, Any]) -> dict[str, Any]:
    """Return the focus of what was clicked, as the arguments of look_at; none where the report makes no sense."""
    kind, index, at = report.get("kind"), report.get("index"), report.get("at")
    if kind in ("code", "prior", "centre") and isinstance(index, int) and index >= 0:
        return {"focus": kind, "index": index}
    if kind == "place" and isinstance(at, list) and len(at) == 2:
        numbers = all(isinstance(value, int | float) and math.isfinite(value) for value in at)
        near = numbers and np.abs(np.array(at) - atlas.places.mean(0)).max() < 10 * atlas.extent
        return {"focus": "place", "at": tuple(round(float(value), 3) for value in at)} if near else {"focus": ""}
    return {"focus": "upload", "code": current().code} if kind == "upload" else {"focus": ""}
