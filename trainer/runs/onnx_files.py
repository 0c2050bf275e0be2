"""decoder.onnx and encoder.onnx of a run folder: what the browser needs to decode a code and to encode a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.runs import layout, status

if TYPE_CHECKING:
    from trainer.models.base import LatentModel

MAX_BUNDLE = 14 * 10**6
"""Bytes of weights and networks in a folder without a training, which is passed on with the program or as a zip."""


def write(folder: Path, model: LatentModel) -> str:
    """Write both networks of a model in evaluation mode on the CPU; return a sentence if encoder.onnx was left out.

    It is where the folder holds no training (a bundled model) and would exceed MAX_BUNDLE.

    Raises: UserError if a file cannot be written.
    """
    from trainer.models import onnx_export  # torch stays out of processes that only list runs

    encoder, decoder = folder / layout.ENCODER, folder / layout.DECODER
    onnx_export.export_decoder(model, decoder)
    onnx_export.export_encoder(model, encoder)
    size = sum(path.stat().st_size for path in (folder / layout.WEIGHTS, decoder, encoder) if path.is_file())
    if size <= MAX_BUNDLE or not status.is_model_only(folder):
        return ""
    encoder.unlink()
    return (
        f"{folder}: {layout.ENCODER} was left out, because with it weights and networks would have "
        f"{size / 1e6:.1f} MB, more than {MAX_BUNDLE / 1e6:.0f}; nobody can draw for this model."
    )
