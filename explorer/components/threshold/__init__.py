"""Histograms of two sets of scores with a threshold that can be dragged; what it decides is counted in the browser.

Python hears of the threshold on release only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
_POINT = st.components.v2.component(
    "gwae_point",
    html=(_HERE / "point.html").read_text(encoding="utf-8"),
    css=(_HERE / "point.css").read_text(encoding="utf-8"),
    js=(_HERE / "point.js").read_text(encoding="utf-8"),
)


def operating_point(data: dict[str, Any], *, key: str, on_moved: Callable[[], None]) -> None:
    """Draw the scores; on release `st.session_state[key].moved` is the threshold, a number as text.

    Args:
        data: ordinary, outliers (base64 of float32, ascending), names (two), score (name of the axis), low, high (ends
            of the axis; what lies beyond is counted in the last bars), scale (0: linear; else asinh(v / scale)),
            threshold.
    """
    _POINT(key=key, data=data, on_moved_change=on_moved)
