"""Histograms of two sets of scores with a threshold that can be dragged; its effect is counted in the browser."""

from dataclasses import dataclass

from explorer.components.register import Component


@dataclass(frozen=True, kw_only=True)
class Point(Component, name="point", part="threshold/point"):
    """The operating point; on release it reports `moved`, the threshold as text.

    Attributes:
        ordinary, outliers: scores, base64 of float32, ascending.
        names: of the two sets.
        score: name of the axis.
        low, high: ends of the axis; what lies beyond is counted in the last bars.
        scale: 0: the axis is linear; else asinh(v / scale).
        colour: of the outliers: that of the model, as in the curves.
    """

    ordinary: str
    outliers: str
    names: list[str]
    score: str
    low: float
    high: float
    scale: float
    threshold: float
    colour: str
