"""The map of page Clusters: points to hover over, click, draw around and connect, painted and decoded in the browser.

Points and codes are sent once, as bytes (`blob`): a click or another colour sends none of them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from explorer.components.register import register

_SCATTER = register("scatter", "scatter/scatter")
_BLOB = register("blob", "scatter/blob")
_NAME = 64


class Badge(TypedDict):
    """A component's centre: its title, and its place on the map, x and y."""

    title: str
    at: list[float]


class Legend(TypedDict):
    """What the colours mean.

    `title` is what points are coloured by, `entries` are {name, colour} with the number of a colour, `more` is how many
    entries are left out, and `scale` is {low, high} in place of entries, or None.
    """

    title: str
    entries: list[dict[str, Any]]
    more: int
    scale: dict[str, str] | None


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """A map. Names are those of `blob`; an empty one means that there are no such bytes.

    Attributes:
        points: name of float32 x and y of all points (codes, prior samples, centres), then for each code its row as
            uint32, its label and its tile of the sprite as int16, -1 for none.
        count, samples: of codes and of prior samples; `badges` are the centres, in the prior's order.
        codes: name of the codes of all points, float16 (N, z_dim).
        colours: name of the number of each code's colour, uint8; `palette` are the colours.
        labels: names by label, in `label_colours` by label, which repeat.
        name: of the model with its hash, above a saved map.
        model: hash of the checkpoint, as `live_decoder.carrier` names the decoder; `shape` is (C, H, W).
        sprite: name of a PNG of test pictures, `sprite_columns` to a row.
        badge_pictures: name of a PNG of the decoded centres in one line.
        prior, centres: whether prior samples and centres are shown.
        outlines: {sigma, paths} each, paths being lists of x and y.
        usual: {map, code}: the distance to the data within which a place and its code are trusted.
        focus: {kind, index, at} of what the page shows; `at` is empty where it has no place here.
        own: place of the user's picture, or empty.
        selected: bits of the selected codes in base64, the lowest of a byte first; empty for none.
    """

    points: str
    count: int
    samples: int
    codes: str
    z_dim: int
    colours: str
    palette: Sequence[str]
    legend: Legend
    labels: dict[int, str]
    label_colours: Sequence[str]
    name: str
    model: str
    shape: tuple[int, int, int]
    sprite: str
    sprite_columns: int
    badges: list[Badge]
    badge_pictures: str
    prior: bool
    centres: bool
    outlines: list[dict[str, Any]]
    usual: dict[str, float]
    focus: dict[str, Any]
    own: Sequence[float] = ()
    selected: str = ""


def scatter(content: Scatter, *, key: str, on_picked: Callable[[], None], on_selected: Callable[[], None]) -> None:
    """Draw a map.

    `st.session_state[key].picked` is {"kind", "index", "at"} while on_picked runs: kind is code (index: its row), prior
    (its number), centre (its component), place (at: x and y) or upload. `.selected` is {"bits"} while on_selected runs.
    """
    _SCATTER(key=key, data=vars(content), on_picked_change=on_picked, on_selected_change=on_selected)


def blob(name: str, data: bytes) -> None:
    """Bring bytes to the browser, once: an unchanged element is not sent again.

    Args:
        name: at most 64 characters of ASCII.
    """
    _BLOB(key=f"blob-{name}", data=name.encode("ascii").ljust(_NAME) + data, height="content")
