"""Pictures in titled groups, each above what the model makes of it; clicking one reports its number."""

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


def gallery(data: dict[str, Any], *, key: str, on_picked: Callable[[], None] | None = None) -> None:
    """Draw the groups; `st.session_state[key].picked` is the picture's number while on_picked runs.

    Args:
        data: sprite (base64 PNG, tile i holds picture i, `columns` to a row), shape (C, H, W), pair (whether tile
            count + i is what the model makes of picture i), size (CSS pixels), count, and groups: [{title, note,
            colour, first, titles}], each showing pictures first, first + 1, ... under their titles.
    """
    _GALLERY(key=key, data=data, on_picked_change=on_picked or (lambda: None))
