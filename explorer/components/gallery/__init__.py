"""Pictures in titled groups to click on, and the ring on the map of the Clusters page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explorer.components.register import register

_GALLERY = register("gallery", "gallery/gallery")
_PIN = register("pin", "gallery/pin")


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """What is drawn.

    Attributes:
        sprite: base64 PNG, tile i holds picture i, `columns` to a row.
        shape: (C, H, W).
        count: of pictures.
        pair: whether tile count + i is what the model makes of picture i.
        size: CSS pixels.
        groups: {title, note, colour, first, titles} each, showing pictures first, first + 1, ... under their titles.
    """

    sprite: str
    columns: int
    shape: list[int]
    count: int
    size: int
    groups: list[dict[str, Any]]
    pair: bool = False


def gallery(content: Gallery, *, key: str, on_picked: Callable[[], None] | None = None) -> None:
    """Draw the groups; `st.session_state[key].picked` is the picture's number while on_picked runs."""
    _GALLERY(key=key, data=vars(content), on_picked_change=on_picked or (lambda: None))


def pin(chart: str, at: tuple[float, ...], colour: str, ground: str) -> None:
    """Draw a ring on a map.

    Args:
        chart: key of the container that holds the plotly chart.
        at: x and y in the chart's own coordinates; empty: no ring.
        colour, ground: of the ring and of the page, so that it stands out from any point.
    """
    _PIN(key=f"{chart}-pin", data={"chart": chart, "at": list(at), "colour": colour, "ground": ground})
