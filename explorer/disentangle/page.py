"""The Disentangle page put together: controls in one row, the open view below, and what to do where nothing is."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.disentangle import compare, live, matrix, measure, path
from explorer.disentangle.records import Kind, data_title, records
from explorer.disentangle.state import MATRICES, VIEWS, bound, change, current, page
from explorer.shared import catalog, state, widgets
from explorer.shared.factors import has_factors

_SEEN = "disentangle.checkpoint"
CSS = Path(__file__).with_suffix(".css")
"""Two columns where there is room for two, and a quiet table that scrolls rather than being cut."""


def show(entry: catalog.Entry) -> None:
    """The whole page for one model.

    Raises: UserError if the model, its codes or its records cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    st.html(CSS)
    if not has_factors(entry):
        _without_factors(entry)
        return
    _follow_model(entry)
    found = records(entry)
    kind = _chosen(found)
    _controls(entry, found, kind)
    measure.running(entry)
    view = current().view
    if view == "matrix" and kind is None:
        measure.offer(entry)
    elif view == "matrix":
        matrix.show(entry, found[kind])
    elif view == "path":
        path.show(entry)
    elif view == "live":
        live.show(entry)
    else:
        compare.show(entry, kind)


def _follow_model(entry: catalog.Entry) -> None:
    """A chosen axis belongs to one model: another one starts without it."""
    before = st.session_state.get(_SEEN)
    st.session_state[_SEEN] = entry.hash
    if before not in (None, entry.hash):
        change(axis=-1, factor=-1)


def _without_factors(entry: catalog.Entry) -> None:
    able = [other.name for other in catalog.usable() if has_factors(other)]
    need = (
        f"{entry.name} was trained on {entry.data_title}. This page needs pictures whose making is known in every "
        "detail, such as 3D Shapes: hues, scale, shape and orientation."
    )
    title = "The factors of these pictures are not known"
    if able:
        widgets.empty_state(title, need + " Choose a model of such pictures:", icon=":material/category:")
        with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
            for name in able:
                st.button(name, key=f"disentangle.choose.{name}", on_click=state.select_model, args=(name,))
        return
    widgets.empty_state(
        title,
        need + " The command below trains a model on pictures that are rendered here, without a download.",
        "python -m trainer fit trainer/configs/mnist-vae.yaml --out runs/shapes --set data.name=shapes3d-rendered "
        "--set data.channels=3 --max-minutes 10",
        icon=":material/category:",
    )


def _chosen(found: dict) -> Kind | None:
    """The measurement that is shown: the wanted one, else the best there is."""
    wanted = current().record
    return next((kind for kind in found if kind.text == wanted), next(iter(found), None))


def _controls(entry: catalog.Entry, found: dict, kind: Kind | None) -> None:
    """The view; for the matrix also which one, of which measurement, and making another."""
    if widgets.view_selector(page, VIEWS) != "matrix" or kind is None:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="disentangle-controls"):
        st.segmented_control(
            "What a cell holds", list(MATRICES), format_func=MATRICES.__getitem__, required=True, **bound("matrix")
        )
        if len(found) > 1:
            names = {each.text: f"{data_title(entry, each)} · {each.protocol}" for each in found}
            st.selectbox(
                "Measurement", list(names), format_func=names.__getitem__, width=290, **bound("record", kind.text)
            )
        measure.popover(entry, found)
