"""What the Generate page shows, as one typed state that the URL mirrors, and how widgets read and change it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from explorer.shared import state

View = Literal["samples", "reconstructions", "numbers"]

VIEWS: dict[str, str] = {"samples": "Samples", "reconstructions": "Reconstructions", "numbers": "Numbers"}


class GenerateState(state.PageState):
    """The whole view. Field names are the URL's; defaults are left out of it.

    `seed` is that of the first sample; sample i has seed + i, the same that page Traverse calls it by. `picked` is the
    seed of the sample whose details are shown, made by model `of` (empty: the selected one).
    """

    view: View = "samples"
    seed: int = Field(0, ge=0, le=state.SEED_LIMIT)
    temperature: float = Field(1.0, ge=0, le=1.5)
    component: int = Field(-1, ge=-1)  # of a mixture; -1: drawn by weight
    picked: int = Field(-1, ge=-1, le=state.SEED_LIMIT)
    of: str = ""


page = state.Page("generate", GenerateState)
current, change, bound = page.current, page.change, page.bound
