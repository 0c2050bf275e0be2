"""What the Traverse page shows, as one typed state that the URL mirrors, and how widgets read and change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator

from explorer.shared import state

Kind = Literal["image", "prior", "component", "upload"]
View = Literal["sheet", "interpolation", "pad", "code"]
Background = Literal["pictures", "codes"]

VIEWS: dict[str, str] = {
    "sheet": "Traversal sheet",
    "interpolation": "Interpolation",
    "pad": "Two-axis pad",
    "code": "Code",
}
SEED_LIMIT = 2**31 - 1
_DECIMALS = state.DECIMALS


class TraverseState(state.PageState):
    """The whole view. Field names are the URL's; defaults are left out of it.

    `code` holds the code of an uploaded picture, because a picture itself cannot be in a URL; `end...` is the second
    start, of the interpolation.
    """

    checkpoint: str = ""  # hash of the weights that edits and codes belong to
    start: Kind = "image"
    index: int = Field(0, ge=0)
    label: str = ""
    seed: int = Field(0, ge=0, le=SEED_LIMIT)
    component: int = Field(0, ge=0)
    code: tuple[float, ...] = ()
    edits: tuple[str, ...] = ()
    view: View = "sheet"
    rows: tuple[int, ...] = ()  # axes of the sheet; none chosen: the strongest
    steps: Literal[5, 7, 9, 11, 13] = 9
    axis: int = Field(-1, ge=-1)  # of the animation; -1: the strongest
    factor: int = Field(-1, ge=-1)  # whose true sweep stands below the sheet; -1: none
    end: Kind = "image"
    end_index: int = Field(-1, ge=-1)  # -1: the first test picture with another label
    end_label: str = ""
    end_seed: int = Field(1, ge=0, le=SEED_LIMIT)
    end_component: int = Field(1, ge=0)
    end_code: tuple[float, ...] = ()
    pad_x: int = Field(-1, ge=-1)  # -1: the strongest axis
    pad_y: int = Field(-1, ge=-1)  # -1: the second strongest
    background: Background = "pictures"

    @field_validator("edits")
    @classmethod
    def _edits_are_pairs(cls, edits: tuple[str, ...]) -> tuple[str, ...]:
        for edit in edits:
            axis, separator, value = edit.partition("_")
            if not (separator and axis.isdecimal() and abs(float(value)) < 1e6):
                raise ValueError(f"{edit} is not axis_value")
        return edits


class Choice(NamedTuple):
    """Where to start from, whichever of the two starts it is."""

    kind: Kind
    index: int
    seed: int
    component: int
    code: tuple[float, ...]


def choice(view: TraverseState, side: str) -> Choice:
    """The choice of side "start" or "end"."""
    before = "" if side == "start" else "end_"
    return Choice(
        getattr(view, side), *(getattr(view, before + name) for name in ("index", "seed", "component", "code"))
    )


def edits_of(view: TraverseState) -> dict[int, float]:
    """Changed axes and their values."""
    pairs = (edit.partition("_") for edit in view.edits)
    return {int(axis): float(value) for axis, _, value in pairs}


def edits_text(edits: Mapping[int, float]) -> tuple[str, ...]:
    """Inverse of edits_of, to the decimals that a URL carries."""
    return tuple(f"{axis}_{value:.{_DECIMALS}f}".rstrip("0").rstrip(".") for axis, value in sorted(edits.items()))


def current() -> TraverseState:
    """The state as it is now, inside a run or a callback."""
    return state.load(TraverseState)


def change(**fields: Any) -> None:
    """Change fields of the state, and with it the URL."""
    state.change(TraverseState, **fields)


def restart(side: str = "start", **fields: Any) -> None:
    """Change where to start from; a new first start forgets the axes that were moved."""
    prefix = "" if side == "start" else "end_"
    named = {side if name == "kind" else prefix + name: value for name, value in fields.items()}
    change(**named, **({"edits": ()} if side == "start" else {}))


def bound(name: str, *, restarts: str | None = None) -> dict[str, Any]:
    """As explorer.shared.state.bound, for this page.

    Args:
        restarts: "start" or "end" where the widget chooses a start (see restart).
    """
    return state.bound(TraverseState, "traverse", name, **({"edits": ()} if restarts == "start" else {}))
