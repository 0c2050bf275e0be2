"""Components that answer in the browser: the axis panel with its live pictures, the two-axis pad, and picture tiles.

The decoder runs in the browser (onnxruntime-web, explorer/static), so a picture follows the drag; a change is reported
to Python on release only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from explorer.components.register import Component, register

_CARRIER = register("carrier", "live_decoder/carrier")
_ECHO = register("echo", "live_decoder/echo")


@dataclass(frozen=True, kw_only=True)
class Panel(Component, name="panel", part="live_decoder/panel"):
    """Sliders of all axes and the pictures original, reconstruction, current and error.

    On release it reports `moved`, {"sequence": int, "edits": {"axis": value}}; a name is reported as `named`,
    {"axis": int, "name": str}, and the empty one takes it away.

    Attributes:
        table, place: change with the axes and with the start; everything else may change without new sliders.
        model: hash of the checkpoint, as `carrier` names the decoder; `decoder`: whether there is one.
        shape: (C, H, W) of the pictures, which are base64 of bytes.
        axes: {i, carries, rank, effect, share (of the strongest effect), live, low, high, density, prior} each, by
            falling effect; densities are base64 of bytes, `levels` being the peak of the codes.
        names: of the user, by axis.
        outside: share of the peak below which there is hardly a code.
        floor: text of the effect below which an axis is folded away.
        codes_name, anchor: names of the codes and of the kind of start; `caption`: below the start's picture.
        start, z: codes of the start and now, (d,); `sigma`: the encoder's standard deviations at the start.
        sequence: of the last change that was reported.
        support: {text, far}: how far the code is from real ones.
        twin: of the model to compare with, whose axes of the same rank move along: {name, model (its hash), shape, axes
            ({i, low, high} by falling effect), start, reconstruction, current, note}; None without one.
    """

    table: str
    place: str
    model: str
    decoder: bool
    shape: list[int]
    axes: list[dict[str, Any]]
    names: dict[int, str]
    outside: float
    levels: int
    floor: str
    codes_name: str
    anchor: str
    caption: str
    start: list[float]
    sigma: list[float] | None
    z: list[float]
    sequence: int
    original: str | None
    reconstruction: str
    current: str
    support: dict[str, Any]
    twin: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Pad(Component, name="pad", part="live_decoder/pad"):
    """Two axes under one handle; it moves the panel, which reports.

    Attributes:
        x, y: {i, name, low, high} of the axes.
        value, start: the two axes' values now and at the start.
        background: PNG in base64, or None.
        points: for each label x, y, x, y ... of codes, in `colours`, called `names`.
        shape, current: (C, H, W) and the bytes in base64 of the picture now.
        sequence: of the last change that was reported.
    """

    x: dict[str, Any]
    y: dict[str, Any]
    value: list[float]
    start: list[float]
    background: str | None
    points: list[list[float]]
    colours: list[str]
    names: list[str]
    shape: list[int]
    current: str
    sequence: int


@dataclass(frozen=True, kw_only=True)
class Tiles(Component, name="tiles", part="live_decoder/tiles"):
    """Pictures to look at or choose from; without edits it reports `picked`, a position.

    Attributes:
        sprite: PNG in base64 with `sprite_columns` pictures of `shape` (C, H, W) to a row, their borders doubled.
        count: of pictures.
        columns: of a sheet; 0: as many as there is room for.
        size, height: CSS pixels of a tile and of all (0: as high as they are).
        rows, heads: labels of rows (name, then a line for each detail) and columns.
        titles: of the pictures; `selected`: positions of those that are chosen.
        label: name of the whole.
        edits: {axis: value} for each picture: choosing it moves the panel at once, and nothing is reported.
    """

    sprite: str
    sprite_columns: int
    shape: list[int]
    count: int
    size: int
    titles: list[str]
    selected: list[int]
    label: str
    columns: int = 0
    height: int = 0
    rows: Sequence[str] = ()
    heads: Sequence[str] = ()
    edits: Sequence[dict[int, float]] = ()


def carrier(model_hash: str, decoder: bytes) -> None:
    """Bring decoder.onnx to the browser, once: an unchanged element is not sent again.

    Args:
        model_hash: Run.hash, 12 characters; the panel names the model by it.
    """
    _CARRIER(key=f"carrier-{model_hash}", data=model_hash.encode("ascii") + decoder, height="content")


def echo(sequence: int, *, key: str) -> None:
    """Rerun the fragment this stands in when the panel has shown a later picture than that of `sequence`."""
    _ECHO(key=key, data={"sequence": sequence}, on_behind_change=lambda: None)
