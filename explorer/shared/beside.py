"""The models that the selected one is compared with: chosen once, below the model picker, for every page and link."""

from __future__ import annotations

import streamlit as st

from explorer.shared import catalog, state

MOST = 3
_PICKER = "gwae.beside_picker"


def models(entry: catalog.Entry) -> list[catalog.Entry]:
    """Return the chosen models of the same pictures, at most MOST, in the order they were chosen."""
    by_name = {other.name: other for other in catalog.comparable(entry)}
    return [by_name[name] for name in dict.fromkeys(state.frame().beside) if name in by_name]


def shown(entry: catalog.Entry, most: int = 1 + MOST) -> list[catalog.Entry]:
    """Return the selected model and those beside it, `most` in all."""
    return [entry, *models(entry)][:most]


def picker(entry: catalog.Entry) -> None:
    """Draw the choice of models to compare with, where there are any of the same pictures."""
    others = [other.name for other in catalog.comparable(entry)]
    if not others:
        return
    st.session_state[_PICKER] = [other.name for other in models(entry)]
    about = (
        "Models of the same pictures. Generate and Out of distribution show all that you choose, other pages "
        "the first, in the views that can."
    )
    options = {"max_selections": MOST, "placeholder": "No other model", "help": about, "select_all": False}
    st.multiselect("Compare with", others, key=_PICKER, on_change=_picked, **options)


def _picked() -> None:
    state.change_frame(beside=tuple(st.session_state[_PICKER]))
