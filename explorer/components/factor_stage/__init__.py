"""Six factor sliders with the rendered picture, its reconstruction and its code; all of them follow the drag.

Python renders, encodes and decodes. One report is under way at a time, and the latest place of the hand goes next, so a
fast drag never queues up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explorer.components.register import register

_STAGE = register("factors", "factor_stage/stage")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What is drawn.

    Attributes:
        model: its hash.
        sequence: of the report that this answers.
        values: places of the six factors on the grid.
        shape: (C, H, W).
        picture, reconstruction: base64 of bytes.
        code: d numbers.
        factors: {name, values (in words), colours (or none)} each.
        axes: {i, carries, live, low, high, quantiles, spread} each.
    """

    model: str
    sequence: int
    values: list[int]
    shape: list[int]
    picture: str
    reconstruction: str
    code: list[float]
    factors: list[dict[str, Any]]
    axes: list[dict[str, Any]]


def stage(content: Stage, *, key: str, on_moved: Callable[[], None]) -> None:
    """Draw the stage; `st.session_state[key].moved` is {"sequence", "values", "final"} while on_moved runs."""
    _STAGE(key=key, data=vars(content), on_moved_change=on_moved)
