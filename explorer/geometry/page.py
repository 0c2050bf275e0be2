"""The Geometry page put together: the choice of the view, and the open view below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from explorer.geometry import course, pairs, potential, terms, transport
from explorer.geometry.state import SOURCES, VIEWS, bound, change, current, page
from explorer.shared import beside, catalog, escape, widgets

CSS = Path(__file__).with_suffix(".css")


def show(entry: catalog.Entry) -> None:
    """The whole page for one model.

    Raises: UserError if the model, its codes or its history cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    st.html(CSS)
    _follow_model(entry)
    _controls(entry)
    view = current().view
    if view == "pairs":
        pairs.show(entry)
    elif view == "transport":
        transport.show(entry)
    elif view == "course":
        _each(entry, course.show)
    elif view == "potential":
        potential.show(entry)
    else:
        _each(entry, terms.show)


def _each(entry: catalog.Entry, show: Callable[[catalog.Entry, int], None]) -> None:
    """Draw a view of the selected model, and below it that of the model to compare with."""
    models = beside.shown(entry, 2)
    for side, model in enumerate(models):
        if len(models) > 1:
            st.subheader(escape.markdown(model.name), anchor=False)
        with widgets.user_errors():
            show(model, side)


def _follow_model(entry: catalog.Entry) -> None:
    """A clicked place belongs to one model: another one starts without it."""
    if page.is_of_another(entry):
        change(cell=(), side=0, point=(), plane_x=-1, plane_y=-1)


def _controls(entry: catalog.Entry) -> None:
    widgets.segments("View", VIEWS, label_visibility="collapsed", **bound("view"))
    if current().view != "pairs":
        return
    widgets.segments("Pairs of", SOURCES, label_visibility="collapsed", **bound("source", cell=()))
