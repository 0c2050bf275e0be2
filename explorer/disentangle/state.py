"""The view of the Disentangle page as one typed state in the URL."""

from typing import Literal

from pydantic import Field, field_validator

from explorer.shared import state

VIEWS: dict[str, str] = {"matrix": "Matrix", "path": "Factor → path", "live": "Live", "compare": "Compare models"}
MATRICES: dict[str, str] = {"importance": "Importance (DCI)", "information": "Mutual information"}


class DisentangleState(state.PageState):
    """The whole view. Field names are the URL's; defaults are left out of it.

    `record` is the measurement, as "protocol" or "protocol,data set" (empty: the best there is); `base` one combination
    of factors by their places on the grid (empty: the usual one); `group` data set and protocol of the comparison.
    """

    view: Literal["matrix", "path", "live", "compare"] = "matrix"
    matrix: Literal["importance", "information"] = "importance"
    record: str = ""
    axis: int = Field(-1, ge=-1)  # of the chosen cell; -1: none is chosen
    factor: int = Field(-1, ge=-1)
    base: tuple[int, ...] = ()
    sweep: int = Field(2, ge=0)
    group: str = ""

    @field_validator("base")
    @classmethod
    def _base_counts_from_zero(cls, base: tuple[int, ...]) -> tuple[int, ...]:
        if any(place < 0 for place in base):
            raise ValueError("places on the grid count from 0")
        return base


page = state.Page("disentangle", DisentangleState)
current, change, bound = page.current, page.change, page.bound
