"""What a running training shows: preview, skipped files, log; read without torch, empty if missing or half-written."""

import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from trainer.runs import layout

LOG_BYTES = 64 * 1024


def preview(folder: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of training.preview.Preview.arrays and "step"; None if there is no preview."""
    try:
        return load_file(folder / layout.PREVIEW)
    except (SafetensorError, OSError, ValueError):  # damaged: the next one comes in seconds
        return None


def skipped(folder: Path) -> list[str]:
    """Return a sentence for each file that was left out of the training pictures."""
    try:
        return (folder / layout.SKIPPED).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def log(folder: Path, lines: int = 200) -> str:
    """Return the last lines of training/log.txt."""
    try:
        with open(folder / layout.LOG, "rb") as handle:
            handle.seek(max(0, handle.seek(0, os.SEEK_END) - LOG_BYTES))
            text = handle.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
