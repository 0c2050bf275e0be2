"""The Generate page put together: the view and the models beside the selected one, then the open view."""

from __future__ import annotations

import streamlit as st

from explorer.generate import numbers, reconstructions, samples
from explorer.generate.state import OTHERS, VIEWS, bound, change, current, page
from explorer.shared import catalog


def show(entry: catalog.Entry) -> None:
    """The whole page for one model.

    Raises: UserError if the model, its codes or its pictures cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    _follow_model(entry)
    _controls(entry)
    view = current().view
    if view == "samples":
        samples.show(entry)
    elif view == "reconstructions":
        reconstructions.show(entry)
    else:
        numbers.show(entry)


def _follow_model(entry: catalog.Entry) -> None:
    """A clicked sample belongs to one model: another one starts without it."""
    if page.is_of_another(entry):
        change(picked=-1, of="", beside=tuple(name for name in current().beside if name != entry.name))


def _controls(entry: catalog.Entry) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.segmented_control(
            "View",
            list(VIEWS),
            format_func=VIEWS.__getitem__,
            required=True,
            label_visibility="collapsed",
            **bound("view"),
        )
        others = [other.name for other in catalog.comparable(entry)]
        if others:
            chosen = [name for name in current().beside if name in others][:OTHERS]
            tied = bound("beside")
            st.session_state[tied["key"]] = chosen
            st.multiselect("Compare with", others, max_selections=OTHERS, width=420, **tied)
