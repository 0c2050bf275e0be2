"""Links between pages: the states of Traverse and Train, which other pages open."""

from collections.abc import Mapping
from typing import Literal, NoReturn

import streamlit as st
from pydantic import Field, field_validator

from explorer.shared import state, widgets
from explorer.shared.encoding import DECIMALS

DRAWING = "gwae.drawing"
"""Where the session notes that the canvas is to be opened."""
Kind = Literal["image", "prior", "component", "upload"]  # of the picture that a view starts from


class TraverseState(state.PageState):
    """The view of the page. Fields are the URL's parameters; defaults are left out.

    `code` is the code of an uploaded picture, because a picture cannot be in a URL; `end...` is the end picture of the
    interpolation.
    """

    checkpoint: str = ""  # hash of the weights that edits and codes belong to
    start: Kind = "image"
    index: int = Field(0, ge=0)
    label: str = ""
    seed: int = Field(0, ge=0, le=state.SEED_LIMIT)
    component: int = Field(0, ge=0)
    code: tuple[float, ...] = ()
    edits: tuple[str, ...] = ()
    view: Literal["sheet", "interpolation", "pad", "code"] = "sheet"
    rows: tuple[int, ...] = ()  # axes of the sheet; none chosen: the strongest
    steps: Literal[5, 7, 9, 11, 13] = 9
    axis: int = Field(-1, ge=-1)  # of the animation; -1: the strongest
    factor: int = Field(-1, ge=-1)  # whose rendered sweep is below the sheet; -1: none
    end: Kind = "image"
    end_index: int = Field(-1, ge=-1)  # -1: the first test picture with another label
    end_label: str = ""
    end_seed: int = Field(1, ge=0, le=state.SEED_LIMIT)
    end_component: int = Field(1, ge=0)
    end_code: tuple[float, ...] = ()
    pad_x: int = Field(-1, ge=-1)  # -1: the strongest axis
    pad_y: int = Field(-1, ge=-1)  # -1: the second strongest
    background: Literal["pictures", "codes"] = "pictures"

    @field_validator("edits")
    @classmethod
    def _edits_are_pairs(cls, edits: tuple[str, ...]) -> tuple[str, ...]:
        for edit in edits:
            axis, separator, value = edit.partition("_")
            if not (separator and axis.isdecimal() and abs(float(value)) < 1e6):
                raise ValueError(f"{edit} is not axis_value")
        return edits


def edits_text(edits: Mapping[int, float]) -> tuple[str, ...]:
    """Return moved axes as TraverseState has them, to the decimals that a URL carries."""
    return tuple(f"{axis}_{value:.{DECIMALS}f}".rstrip("0").rstrip(".") for axis, value in sorted(edits.items()))


def open_traverse(view: TraverseState) -> NoReturn:
    """Open the Traverse page with this view."""
    state.save(view)
    widgets.open_page("traverse")


def open_drawing() -> NoReturn:
    """Open the canvas of Out of distribution, which leads back to Traverse with the code of what is drawn."""
    st.session_state[DRAWING] = True
    widgets.open_page("ood")


class TrainState(state.PageState):
    """The view of the page. Fields are the URL's parameters; defaults are left out.

    A new training is `preset` with `data` and `choice` (a name of explorer.train.presets.MODELS) in place of the
    preset's where they are not empty, and `changes` ("optim.max_steps=500") on top.
    """

    view: Literal["new", "runs", "compare"] = "new"
    preset: str = "quick-look"
    data: str = ""
    choice: str = ""
    changes: tuple[str, ...] = ()
    name: str = ""
    run: str = ""
    compared: tuple[str, ...] = ()
    term: str = ""
    study: str = ""
    number: str = ""


train = state.Page("train", TrainState)


def open_run(name: str) -> NoReturn:
    """Open the Train page with this run chosen."""
    train.change(view="runs", run=name)
    widgets.open_page("train")
