"""The Traverse page put together: start, panel and open view, the last two as fragments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.components import live_decoder
from explorer.shared import catalog, latent, measuring, widgets
from explorer.shared.escape import markdown
from explorer.shared.latent import Space, Start, own_picture, resolve
from explorer.shared.links import TraverseState
from explorer.traverse import pad, panel, start_picker, views
from explorer.traverse.state import VIEWS, choice, current, page

if TYPE_CHECKING:
    from torch import Tensor


def show(entry: catalog.Entry) -> None:
    """Draw the page for one model.

    Raises: UserError if the model or its codes cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    space = latent.space(entry)
    widgets.follow_model(page, entry, "the pictures may differ from those its sender saw.", lambda: _reset(space))
    if not space.real:
        _without_codes(entry)
    measuring.outdated(entry)
    with st.container(gap="small"), widgets.user_errors():
        start_picker.picker(space, "start")
    _panel(space)
    _views(space)
    panel.carry(space)


def _without_codes(entry: catalog.Entry) -> None:
    text = f"{entry.name} has no codes of test pictures yet; ranges and densities come from draws from its prior"
    if entry.bundled:
        st.info(f"{text}. Compute them: python -m trainer evaluate {markdown(entry.path)}", icon=":material/info:")
    else:
        measuring.missing(entry, f"{markdown(text)}.")


def _reset(space: Space) -> dict[str, Any]:
    """Return the fields that belong to one model's axes, as another model starts: with its own codes of the uploads."""
    kept = {name: own_picture(side).kept(space) for side, name in (("start", "code"), ("end", "end_code"))}
    codes = {name: own.code if own else () for name, own in kept.items()}
    return {"edits": (), "rows": (), "axis": -1, "factor": -1, "pad_x": -1, "pad_y": -1, **codes}


@st.fragment
def _panel(space: Space) -> None:
    """Draw the panel: a released slider reruns nothing else, so that its picture comes at once."""
    if panel.is_renamed():
        st.rerun()
    with widgets.user_errors():
        _, start, z = _now(space)
        if start.note:
            st.caption(f":material/info: {start.note}")
        panel.show(space, start, z)


@st.fragment
def _views(space: Space) -> None:
    """Draw the open view; it is rerun when the panel's picture is on the screen (see live_decoder.echo)."""
    with widgets.user_errors():
        widgets.view_selector(page, VIEWS)
        view, start, z = _now(space)
        if view.view == "sheet":
            views.sheet(space, z)
        elif view.view == "interpolation":
            views.interpolation(space, start, z, _label(space, view))
        elif view.view == "pad":
            pad.pad(space, start, z)
        else:
            views.code(space, start, z)
    live_decoder.echo(panel.sequence(), key="traverse.echo")


def _now(space: Space) -> tuple[TraverseState, Start, Tensor]:
    """Return the state, its start and the current code."""
    view = current()
    start = resolve(space, choice(view, "start"), "start")
    return view, start, panel.code_now(space, start, view)


def _label(space: Space, view: TraverseState) -> str:
    """Return the label of the current test picture: an interpolation ends at a picture with another label."""
    if view.start != "image" or view.index not in space.pictures.index:
        return ""
    return str(space.pictures.loc[view.index, "label_name"])
