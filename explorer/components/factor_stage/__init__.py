"""Six factor sliders with the rendered picture, its reconstruction and its code; all of them follow the drag.

Python renders, encodes and decodes. One report is under way at a time and the latest position goes next, so a fast drag
never queues up.
"""

from dataclasses import dataclass
from typing import Any, TypedDict

from explorer.components.register import Component


class Model(TypedDict):
    """What the stage shows of one model.

    Attributes:
        name, model: of the model, and its hash.
        reconstruction: base64 of bytes.
        code: d numbers.
        axes: {i, carries, live, low, high, quantiles, spread} each.
    """

    name: str
    model: str
    reconstruction: str
    code: list[float]
    axes: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Stage(Component, name="factors", part="factor_stage/stage"):
    """The stage; it reports `moved`, {"sequence", "values", "final"}.

    Attributes:
        sequence: of the report that this answers.
        values: places of the six factors on the grid.
        shape: (C, H, W).
        picture: base64 of bytes.
        factors: {name, values (as labels), colours (or none)} each.
        models: one, or two side by side.
        reason: sentence on what a comparison does not say.
    """

    sequence: int
    values: list[int]
    shape: list[int]
    picture: str
    factors: list[dict[str, Any]]
    models: list[Model]
    reason: str
