"""decoder.onnx and encoder.onnx of a run folder: what the browser needs to decode a code and to encode a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.runs import layout

if TYPE_CHECKING:
    from trainer.models.base import LatentModel


def write(folder: Path, model: LatentModel) -> None:
    """Write both networks of a model in evaluation mode on the CPU. Raises: UserError if a file cannot be written."""
    from trainer.models import onnx_export  # torch stays out of processes that only list runs

    write_decoder(folder, model)
    onnx_export.export_encoder(model, folder / layout.ENCODER)


def write_decoder(folder: Path, model: LatentModel) -> None:
    """Write the decoder alone, as `write`: in a bundled folder the encoder, made for the first drawing, would take the
    room of another model.
    """
    from trainer.models import onnx_export

    onnx_export.export_decoder(model, folder / layout.DECODER)
