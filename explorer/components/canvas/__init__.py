"""A canvas to draw on: encoder and decoder run in the browser, and reconstruction, place and verdict follow the pen."""

from dataclasses import dataclass
from typing import Any

from explorer.components.register import Component, register

_CARRIER = register("encoder", "canvas/carrier")


@dataclass(frozen=True, kw_only=True)
class Drawing(Component, name="drawing", part="canvas/canvas"):
    """Canvas, the model's input, reconstruction and error, verdict with its scores, place on the map, nearest pictures.

    It reports `opened`, the code as a list of numbers, where it is to be opened in Traverse.

    Attributes:
        model: hash of the checkpoint, as the carriers name its networks; `shape`: (1, H, W) of its pictures.
        like: {light, box, centre, stroke}: how training pictures lie in their frames (trainer/ood/preparation.py).
        scoring: what trainer.ood.browser.scoring returns; `threshold` of the combined score at `fpr`.
        data: title of the model's data set.
        map: {places, codes, labels: base64 of float32 (n, 2), (n, d) and bytes (n,), colours}, or None.
        trained: {codes, sprite, columns, names: of the training pictures in the sprite}, or None.
    """

    model: str
    shape: list[int]
    like: dict[str, Any]
    scoring: dict[str, Any]
    threshold: float
    fpr: float
    data: str
    map: dict[str, Any] | None
    trained: dict[str, Any] | None


def carrier(model_hash: str, encoder: bytes) -> None:
    """Bring encoder.onnx to the browser, as live_decoder.carrier does the decoder."""
    _CARRIER(key=f"encoder-{model_hash}", data=model_hash.encode("ascii") + encoder, height="content")
