"""Histograms of two sets of scores with a threshold that can be dragged; what it decides is counted in the browser.

Python hears of the threshold on release only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from explorer.components.register import register

_POINT = register("point", "threshold/point")


@dataclass(frozen=True, kw_only=True)
class Point:
    """What is drawn.

    Attributes:
        ordinary, outliers: scores, base64 of float32, ascending.
        names: of the two sets.
        score: name of the axis.
        low, high: ends of the axis; what lies beyond is counted in the last bars.
        scale: 0: the axis is linear; else asinh(v / scale).
    """

    ordinary: str
    outliers: str
    names: list[str]
    score: str
    low: float
    high: float
    scale: float
    threshold: float


def operating_point(point: Point, *, key: str, on_moved: Callable[[], None]) -> None:
    """Draw the scores; on release `st.session_state[key].moved` is the threshold, a number as text."""
    _POINT(key=key, data=vars(point), on_moved_change=on_moved)
