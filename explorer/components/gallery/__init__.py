"""Pictures in titled groups to click on."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.components.register import register
from explorer.shared import pixels

_GALLERY = register("gallery", "gallery/gallery")
_COLUMNS = 50  # of the sprite
_TILE = 44  # CSS pixels


def gallery(
    groups: Sequence[dict[str, Any]],
    pictures: np.ndarray,
    below: np.ndarray | None = None,
    *,
    key: str,
    on_picked: Callable[[int], None] = lambda number: None,
) -> None:
    """Draw pictures in groups.

    Args:
        groups: {title, note, colour, titles} each: the next pictures in turn, one for each of the titles.
        pictures: uint8 (n, C, H, W); below: as many, each drawn below its picture.
        on_picked: called with the number of the picture that was clicked.
    """

    def picked() -> None:
        number = st.session_state[key].picked
        if isinstance(number, int) and 0 <= number < len(pictures):
            on_picked(number)

    tiles = pictures if below is None else np.concatenate([pictures, below])
    firsts = np.cumsum([0, *(len(group["titles"]) for group in groups)]).tolist()
    data = {
        "sprite": pixels.as_base64(pixels.png(pixels.join_tiles(tiles, _COLUMNS))),
        "columns": _COLUMNS,
        "shape": list(pictures.shape[1:]),
        "count": len(pictures),
        "pair": below is not None,
        "size": _TILE,
        "groups": [group | {"first": first} for group, first in zip(groups, firsts, strict=False)],
    }
    _GALLERY(key=key, data=data, on_picked_change=picked)
