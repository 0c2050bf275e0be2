"""The Disentangle page put together: controls in one row, the open view below, and what to do without factors."""

from pathlib import Path

import streamlit as st

from explorer.disentangle import compare, live, matrix, measure, path
from explorer.disentangle.records import Measurement, data_title, records
from explorer.disentangle.state import MATRICES, VIEWS, bound, change, current, page
from explorer.shared import beside, catalog, state, widgets
from explorer.shared.factors import has_factors
from trainer.evaluation.disentanglement.record import Record

CSS = Path(__file__).with_suffix(".css")


def show(entry: catalog.Entry) -> None:
    """Draw the page for one model.

    Raises: UserError if the model, its codes or its records cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    st.html(CSS)
    if not has_factors(entry):
        _without_factors(entry)
        return
    stored = records(entry)  # the measurement of the link, else the best there is
    kind = next((kind for kind in stored if kind.text == current().record), next(iter(stored), None))
    _follow_model(entry, stored.get(kind))
    view = _controls(entry, stored, kind)
    measure.running(entry)
    if view == "matrix" and kind is None:
        measure.offer(entry)
    elif view == "matrix":
        matrix.show(entry, stored[kind])
        for other in beside.models(entry)[:1]:
            matrix.show_beside(other, records(other).get(kind), kind.text)
    elif view == "path":
        path.show(entry)
    elif view == "live":
        live.show(entry)
    else:
        compare.show(entry, kind)


def _follow_model(entry: catalog.Entry, record: Record | None) -> None:
    """Keep the chosen factor when another model is selected, with the axis that carries it there."""
    if not page.is_of_another(entry):
        return
    factor = current().factor
    if record is None or not 0 <= factor < len(record.factor_names):
        change(axis=-1, factor=-1)
    else:
        change(axis=int(record.dci.importance[:, factor].argmax()))


def _without_factors(entry: catalog.Entry) -> None:
    names = [other.name for other in catalog.usable() if has_factors(other)]
    sentence = (
        f"{entry.name} was trained on {entry.data_title}. This page needs pictures with known factors, such as "
        "3D Shapes: hues, scale, shape and orientation. "
    )
    command = (
        "python -m trainer fit trainer/configs/mnist-vae.yaml --out runs/shapes --set data.name=shapes3d-rendered "
        "--set data.channels=3 --max-minutes 10"
    )
    train = "The command below trains a model on pictures that are rendered here, without a download."
    sentence += "Choose a model of such pictures:" if names else train
    title, command = "The factors of these pictures are not known", None if names else command
    widgets.empty_state(title, sentence, command, icon=":material/category:")
    with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
        for name in names:
            st.button(name, key=f"disentangle.choose.{name}", on_click=state.select_model, args=(name,))


def _controls(entry: catalog.Entry, stored: dict[Measurement, Record], kind: Measurement | None) -> str:
    """Choose the view, and for the matrix its values and measurement; return the view."""
    view = widgets.view_selector(page, VIEWS)
    if view != "matrix" or kind is None:
        return view
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="disentangle-controls"):
        widgets.segments("Cell value", MATRICES, **bound("matrix"))
        if len(stored) > 1:
            names = {each.text: f"{data_title(entry, each)} · {each.protocol}" for each in stored}
            tied = bound("record", kind.text)
            st.selectbox("Measurement", list(names), format_func=names.__getitem__, width=290, **tied)
        measure.popover(entry, stored)
    return view
