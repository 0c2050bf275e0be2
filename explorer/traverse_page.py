"""The Traverse page as a whole: starts, then the panel and the open view in the fragment that a release reruns."""

from __future__ import annotations

import streamlit as st

from explorer import catalog, traverse_pad, traverse_stage, traverse_start, traverse_views, widgets
from explorer.traverse_data import Space, resolve, space, uploaded
from explorer.traverse_state import VIEWS, bound, change, choice, current

_SEEN = "traverse.checkpoint"


def show(entry: catalog.Entry) -> None:
    """The whole page for one model.

    Raises: UserError if the model or its codes cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    found = space(entry)
    _follow_model(found)
    if not found.real:
        st.info(
            f"{entry.name} has no codes of test pictures yet, so ranges and densities come from draws of its prior; "
            f"make them with: python -m trainer evaluate {entry.path}",
            icon=":material/info:",
        )
    with st.container(gap="small"), widgets.user_errors():
        traverse_start.picker(found, "start")
    _workbench(found)
    traverse_stage.carry(found)


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
        change(checkpoint=own, edits=(), rows=(), axis=-1, pad_x=-1, pad_y=-1, **codes)


def _code_of(found: Space, side: str) -> tuple[float, ...]:
    kept = uploaded(found, side)
    return kept.code if kept else ()


@st.fragment
def _workbench(found: Space) -> None:
    """What a release reruns: the panel first, because its picture is what the user waits for, then the open view."""
    with widgets.user_errors():
        _work(found)


def _work(found: Space) -> None:
    view = current()
    start = resolve(found, choice(view, "start"), "start")
    if start.note:
        st.caption(f":material/info: {start.note}")
    z = traverse_stage.code_now(found, start, view)
    now = traverse_stage.show(found, start, z)
    st.segmented_control(
        "View",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        required=True,
        label_visibility="collapsed",
        **bound("view"),
    )
    if view.view == "sheet":
        traverse_views.sheet(found, z)
    elif view.view == "interpolation":
        traverse_views.interpolation(found, start, z, _label(found, view))
    elif view.view == "pad":
        traverse_pad.pad(found, start, z, now)
    else:
        traverse_views.code(found, start, z)


def _label(found: Space, view) -> str:
    """Label of the picture started from, so that the other end of an interpolation can be of another kind."""
    if view.start != "image" or view.index not in found.pictures.index:
        return ""
    return str(found.pictures.loc[view.index, "label_name"])
