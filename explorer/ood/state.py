"""The state of the OoD page, which the URL mirrors, and how widgets read and change it."""

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


class OodState(state.PageState):
    """The whole view. Field names are the URL's; defaults are left out of it.

    `against` holds the models that the selected one is compared with, `focus` the curve of the operating point as
    "model|score" ("|mean intensity" for a baseline), `at` a threshold set by hand (empty: the one of `fpr`).
    """

    view: View = "measured"
    pair: str = ""  # a name of trainer.ood.pairs.PAIRS, or OWN; empty or unknown: see benchmark._usual
    against: tuple[str, ...] = (AUTOMATIC,)
    scores: tuple[str, ...] = ("combined",)
    log: bool = True
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
    """The share of ordinary pictures that may be flagged; choosing one forgets a threshold set by hand."""

    def chosen() -> None:
        change(fpr=round(st.session_state["ood.fpr"] / 100, 3), at="")

    st.session_state["ood.fpr"] = round(100 * current().fpr, 1)
    meaning = (
        "False-positive rate: the percentage of ordinary pictures that may be flagged as outliers. Its threshold "
        "was measured on held-out pictures."
    )
    limits = {"min_value": 0.1, "max_value": 50.0, "step": 0.5, "format": "%.1f"}
    st.number_input("Target FPR, %", **limits, key="ood.fpr", on_change=chosen, width=150, help=meaning)
