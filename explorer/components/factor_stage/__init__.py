"""Six factor sliders with the rendered picture, its reconstruction and its code; all of them follow the drag.

Python renders, encodes and decodes. One report is under way at a time and the latest position goes next, so a fast drag
never queues up.
"""

from dataclasses import dataclass
from typing import Any

from explorer.components.register import Component


@dataclass(frozen=True, kw_only=True)
class Stage(Component, name="factors", part="factor_stage/stage"):
    """The stage; it reports `moved`, {"sequence", "values", "final"}.

    Attributes:
        model: its hash.
        sequence: of the report that this answers.
        values: places of the six factors on the grid.
        shape: (C, H, W).
        picture, reconstruction: base64 of bytes.
        code: d numbers.
        factors: {name, values (as labels), colours (or none)} each.
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
