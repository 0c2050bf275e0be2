"""Six factor sliders with the rendered picture, its reconstruction and its code; all of them follow the drag.

Python renders, encodes and decodes. One report is under way at a time, and the latest place of the hand goes next, so a
fast drag never queues up. Drawing is shared with live_decoder/common.js.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
_COMMON = _HERE.parent / "live_decoder" / "common.js"
_STAGE = st.components.v2.component(
    "gwae_factors",
    html=(_HERE / "stage.html").read_text(encoding="utf-8"),
    css=(_HERE / "stage.css").read_text(encoding="utf-8"),
    # A component's script is loaded from a blob and cannot import a neighbour: what they share goes in front.
    js=_COMMON.read_text(encoding="utf-8") + "\n" + (_HERE / "stage.js").read_text(encoding="utf-8"),
)


def stage(data: dict[str, Any], *, key: str, on_moved: Callable[[], None]) -> None:
    """Draw the stage; `st.session_state[key].moved` is {"sequence", "values", "final"} while on_moved runs.

    Args:
        data: model (its hash), sequence (of the report that this answers), values (places of the six factors on the
            grid), shape (C, H, W), picture and reconstruction (base64 of bytes), code (d numbers), factors (name,
            values in words, colours or none), axes (i, carries, live, low, high, quantiles, spread).
    """
    _STAGE(key=key, data=data, on_moved_change=on_moved)
