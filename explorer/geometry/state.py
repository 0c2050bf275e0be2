"""What the Geometry page shows, as one typed state that the URL mirrors."""

from typing import Literal

from pydantic import Field

from explorer.shared import state

VIEWS = {
    "pairs": "Pairs of distances",
    "transport": "Discrete GW",
    "course": "Over training",
    "terms": "What is minimised",
    "potential": "Critic",
}
SOURCES = {"prior": "Prior samples", "posterior": "Codes of test pictures"}


class GeometryState(state.PageState):
    """The view. Fields are the URL's parameters; defaults are left out.

    `cell` is a place of the density, column and row, in which the pairs are shown; `side` the model that it belongs to:
    0 the selected one, 1 the one beside it. `point` is a matched code: such a number of a model, and its own.
    `plane_x` and `plane_y` are the axes or components of the critic's plane.
    """

    view: Literal["pairs", "transport", "course", "terms", "potential"] = "pairs"
    source: Literal["prior", "posterior"] = "prior"
    cell: tuple[int, ...] = Field((), max_length=2)
    side: int = Field(0, ge=0, le=1)
    point: tuple[int, ...] = Field((), max_length=2)
    plane: Literal["axes", "components"] = "axes"
    plane_x: int = Field(-1, ge=-1)  # -1: chosen by the page
    plane_y: int = Field(-1, ge=-1)


page = state.Page("geometry", GeometryState)
current, change, bound = page.current, page.change, page.bound
