"""What the Train page shows, as one typed state that the URL mirrors, and how widgets read and change it."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from explorer import state

View = Literal["new", "runs", "compare"]

VIEWS: dict[str, str] = {"new": "New training", "runs": "Trainings", "compare": "Compare"}
FIRST = "mnist-gmp"


class TrainState(state.PageState):
    """The whole view. Field names are the URL's; defaults are left out of it.

    A new training is `preset` with `data` and `choice` (a name of train_choices.MODELS) in place of the preset's where
    they are not empty, and `changes` ("optim.max_steps=500") on top.
    """

    view: View = "new"
    preset: str = FIRST
    data: str = ""
    choice: str = ""
    changes: tuple[str, ...] = ()
    name: str = ""
    run: str = ""
    compared: tuple[str, ...] = ()
    term: str = ""


def current() -> TrainState:
    """The state as it is now, inside a run or a callback."""
    return state.load(TrainState)


def change(**fields: Any) -> None:
    """Change fields of the state, and with it the URL."""
    state.save(TrainState.model_validate(current().model_dump() | fields))


def bound(name: str, value: Any = None, /, **also: Any) -> dict[str, Any]:
    """Arguments that tie a widget to a field: key and on_change. The state is the truth, the widget follows it.

    Args:
        value: what the widget shows instead of the field's own value.
        also: fields that change along with it.
    """
    key = f"train.{name}"
    shown = getattr(current(), name) if value is None else value
    st.session_state[key] = list(shown) if isinstance(shown, tuple) else shown
    return {"key": key, "on_change": _take, "args": (name, key, also)}


def _take(name: str, key: str, also: dict[str, Any]) -> None:
    value = st.session_state[key]
    if value is not None:
        change(**{name: value}, **also)
