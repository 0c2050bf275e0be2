"""Components of the Clusters page: pictures in titled groups to click on, and the ring on the map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
_GALLERY = st.components.v2.component(
    "gwae_gallery",
    html=(_HERE / "gallery.html").read_text(encoding="utf-8"),
    css=(_HERE / "gallery.css").read_text(encoding="utf-8"),
    js=(_HERE / "gallery.js").read_text(encoding="utf-8"),
)

_PIN = st.components.v2.component("gwae_pin", html="<span\n></span>", js=(_HERE / "pin.js").read_text(encoding="utf-8"))


def pin(chart: str, at: tuple[float, ...], colour: str, ground: str) -> None:
    """A ring on a map.

    Args:
        chart: key of the container that holds the plotly chart.
        at: x and y in the chart's own coordinates; empty: no ring.
        colour, ground: of the ring and of the page, so that it stands out from any point.
    """
    _PIN(key=f"{chart}-pin", data={"chart": chart, "at": list(at), "colour": colour, "ground": ground})


def gallery(data: dict[str, Any], *, key: str, on_picked: Callable[[], None] | None = None) -> None:
    """Draw the groups; `st.session_state[key].picked` is the picture's number while on_picked runs.

    Args:
        data: sprite (base64 PNG, tile i holds picture i, `columns` to a row), shape (C, H, W), pair (whether tile
            count + i is what the model makes of picture i), size (CSS pixels), count, and groups: [{title, note,
            colour, first, titles}], each showing pictures first, first + 1, ... under their titles.
    """
    _GALLERY(key=key, data=data, on_picked_change=on_picked or (lambda: None))
