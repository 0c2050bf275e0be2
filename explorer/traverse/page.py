"""The Traverse page as a whole: starts, the panel, and the open view, the last two as fragments of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.components import live_decoder
from explorer.shared import catalog, measuring, widgets
from explorer.shared.escape import markdown
from explorer.shared.latent import Space, Start, own_picture, resolve, space
from explorer.shared.links import TraverseState
from explorer.traverse import pad, panel, start_picker, views
from explorer.traverse.state import VIEWS, change, choice, current, page

if TYPE_CHECKING:
    from torch import Tensor

_SEEN = "traverse.checkpoint"


def show(entry: catalog.Entry) -> None:
    """The whole page for one model.

    Raises: UserError if the model or its codes cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    found = space(entry)
    _follow_model(found)
    if not found.real:
        _without_codes(entry)
    measuring.outdated(entry)
    with st.container(gap="small"), widgets.user_errors():
        start_picker.picker(found, "start")
    _panel(found)
    _views(found)
    panel.carry(found)


def _without_codes(entry: catalog.Entry) -> None:
    said = f"{entry.name} has no codes of test pictures yet, so ranges and densities come from draws of its prior"
    if entry.bundled:
        st.info(f"{said}; make them with: python -m trainer evaluate {entry.path}", icon=":material/info:")
    else:
        measuring.missing(entry, f"{markdown(said)}.")


def _follow_model(found: Space) -> None:
    """Edits belong to the axes of one model: another model starts without them, another checkpoint is named."""
    view, before = current(), st.session_state.get(_SEEN)
    own = found.entry.hash
    st.session_state[_SEEN] = own
    if view.checkpoint == own:
        return
    if before is None and view.checkpoint:  # a link, opened where the same name has other weights
        st.info(
            f"This link was made with other weights ({view.checkpoint}, here {own}); the pictures may differ from "
            "those its sender saw.",
            icon=":material/difference:",
        )
        change(checkpoint=own)
    elif before is None:
        change(checkpoint=own)
    else:
        codes = {field: _code_of(found, side) for side, field in (("start", "code"), ("end", "end_code"))}
        change(checkpoint=own, edits=(), rows=(), axis=-1, factor=-1, pad_x=-1, pad_y=-1, **codes)


def _code_of(found: Space, side: str) -> tuple[float, ...]:
    kept = own_picture(side).kept(found)
    return kept.code if kept else ()


@st.fragment
def _panel(found: Space) -> None:
    """What a release reruns, and nothing else, because its picture is what the user waits for."""
    with widgets.user_errors():
        _, start, z = _now(found)
        if start.note:
            st.caption(f":material/info: {start.note}")
        panel.show(found, start, z)


@st.fragment
def _views(found: Space) -> None:
    """The open view; it follows as soon as the picture is on the screen (see live_decoder.echo)."""
    with widgets.user_errors():
        widgets.view_selector(page, VIEWS)
        view, start, z = _now(found)
        if view.view == "sheet":
            views.sheet(found, z)
        elif view.view == "interpolation":
            views.interpolation(found, start, z, _label(found, view))
        elif view.view == "pad":
            pad.pad(found, start, z)
        else:
            views.code(found, start, z)
    live_decoder.echo(panel.sequence(), key="traverse.echo")


def _now(found: Space) -> tuple[TraverseState, Start, Tensor]:
    """The state, its start and the current code."""
    view = current()
    start = resolve(found, choice(view, "start"), "start")
    return view, start, panel.code_now(found, start, view)


def _label(found: Space, view: TraverseState) -> str:
    """Label of the picture started from, so that the other end of an interpolation can be of another kind."""
    if view.start != "image" or view.index not in found.pictures.index:
        return ""
    return str(found.pictures.loc[view.index, "label_name"])
