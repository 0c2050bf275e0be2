"""The state of the OoD page, which the URL mirrors, and how widgets read and change it."""

import math
from typing import ClassVar, Literal

import streamlit as st
from pydantic import Field

from explorer.shared import state

View = Literal["measured", "mine", "draw"]

VIEWS: dict[str, str] = {"measured": "On data sets", "mine": "Check my pictures", "draw": "Draw one yourself"}
PAPER = "paper"
"""A choice of scores: for each kind of model the one the paper reports."""
RATES = (
    *(count / 10_000 for count in range(10, 100)),
    *(count / 1_000 for count in range(10, 100)),
    *(count / 100 for count in range(10, 51)),
)
"""The false-alarm rates of the slider: two digits, from 0.1 % to 50 %."""


class OodState(state.PageState):
    """The whole view. Field names are the URL's; defaults are left out of it.

    `focus` is the curve whose pictures are shown, as "model|score" ("|mean intensity" for a baseline).
    """

    decimals: ClassVar[int] = 4

    view: View = "measured"
    pair: str = ""  # a name of trainer.ood.pairs.PAIRS, or OWN; empty or unknown: see benchmark._usual
    others: bool = True  # whether models of the same data run, too, where none is chosen to compare with
    scores: tuple[str, ...] = ("combined",)
    log: bool = True
    focus: str = ""
    fpr: float = Field(0.05, ge=RATES[0], le=RATES[-1])


page = state.Page("ood", OodState)
current, change, bound = page.current, page.change, page.bound


def step_of(rate: float) -> int:
    """Return the place in RATES of the nearest rate, by ratio."""
    return min(range(len(RATES)), key=lambda place: abs(math.log(RATES[place] / rate)))


def target_rate() -> None:
    """The share of ordinary pictures that may be flagged."""

    def chosen() -> None:
        change(fpr=round(st.session_state["ood.fpr"] / 100, OodState.decimals))

    st.session_state["ood.fpr"] = round(100 * current().fpr, 2)
    meaning = (
        "False-positive rate: the percentage of ordinary pictures that may be flagged as outliers. Its threshold "
        "was measured on held-out pictures."
    )
    limits = {"min_value": 100 * RATES[0], "max_value": 100 * RATES[-1], "step": 0.5, "format": "%.2f"}
    st.number_input("Target FPR, %", **limits, key="ood.fpr", on_change=chosen, width=150, help=meaning)
