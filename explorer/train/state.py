"""What the Train page shows, as one typed state that the URL mirrors, and how widgets read and change it."""

from __future__ import annotations

from typing import Any, Literal, NoReturn

from explorer.shared import state, widgets

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
    state.change(TrainState, **fields)


def open_run(name: str) -> NoReturn:
    """Go to the Train page with this run chosen."""
    change(view="runs", run=name)
    widgets.open_page("train")


def bound(name: str, value: Any = None, /, **also: Any) -> dict[str, Any]:
    """As explorer.shared.state.bound, for this page."""
    return state.bound(TrainState, "train", name, value, **also)
