"""What the OoD page shows, as one typed state that the URL mirrors, and how widgets read and change it."""

from __future__ import annotations

import math
from typing import Literal

import streamlit as st
from pydantic import Field, field_validator

from explorer.shared import state

View = Literal["measured", "mine"]

VIEWS: dict[str, str] = {"measured": "On data sets", "mine": "Check my pictures"}
AUTOMATIC = "auto"
PAPER = "paper"
"""A choice of scores: for each kind of model the one the paper reports."""
DIGITS = 6


class OodState(state.PageState):
    """The whole view. Field names are the URL's; defaults are left out of it.

    `against` holds the models beside the selected one, `focus` the curve that the operating point belongs to as
    "model|score" ("|mean intensity" for a baseline), `at` a threshold set by hand (empty: the one of `fpr`).
    """

    view: View = "measured"
    pair: str = ""  # a name of trainer.ood.pairs.PAIRS, or OWN; empty or unknown: the first that tells something
    against: tuple[str, ...] = (AUTOMATIC,)
    scores: tuple[str, ...] = ("combined",)
    log: bool = False
    focus: str = ""
    fpr: float = Field(0.05, ge=0.001, le=0.5)
    at: str = ""
    invert: bool = False

    @field_validator("at")
    @classmethod
    def _at_is_a_number(cls, at: str) -> str:
        if at and not math.isfinite(float(at)):
            raise ValueError(f"{at} is not a threshold")
        return at


page = state.Page("ood", OodState)
current, change, bound = page.current, page.change, page.bound


def target_rate() -> None:
    """The share of ordinary pictures that may be called outliers; choosing one forgets a threshold set by hand."""

    def chosen() -> None:
        change(fpr=round(st.session_state["ood.fpr"] / 100, 3), at="")

    st.session_state["ood.fpr"] = round(100 * current().fpr, 1)
    st.number_input(
        "Target FPR, %",
        0.1,
        50.0,
        step=0.5,
        format="%.1f",
        key="ood.fpr",
        on_change=chosen,
        width=150,
        help="False-positive rate: of a hundred ordinary pictures, so many may be called outliers. The threshold that "
        "keeps to it was measured on held-out pictures.",
    )
