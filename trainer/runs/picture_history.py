"""picture_history.safetensors: what a model made of the same pictures and noise at each validation of its training.

A row is up to 60 pictures, 740 KiB at 64x64 in colour; when KEPT rows are there, every second one is dropped, and so
the file stays below 18 MiB, or 1.5 MiB at 32x32 in grey.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.runs import array_file, validation

KEPT = 24
"""Rows at most."""
MAX_PICTURES = 64
"""Pictures of one kind in a row at most."""
_BYTES = 24 * 2**20


class PictureHistory(NamedTuple):
    """Pictures over a training, uint8.

    Attributes:
        step: (V,) int64, ascending.
        originals: (P, C, H, W), held-out pictures, the same in every row.
        reconstructions: (V, P, C, H, W), of the originals.
        samples: (V, S, C, H, W), of the same noise in every row.
        strip: (V, A K, C, H, W), K pictures along each of A axes.
        axes: (V, A) int64, the axes of the strip.
    """

    step: np.ndarray
    originals: np.ndarray
    reconstructions: np.ndarray
    samples: np.ndarray
    strip: np.ndarray
    axes: np.ndarray

    def rows(self, chosen: np.ndarray | slice) -> "PictureHistory":
        """Return some of the rows."""
        kept = {name: part if name == "originals" else part[chosen] for name, part in self._asdict().items()}
        return PictureHistory(**kept)

    def until(self, step: int) -> "PictureHistory":
        """Return the rows up to a step."""
        return self.rows(self.step <= step)

    def extended(self, row: "PictureHistory") -> "PictureHistory":
        """Return the history with another row; rows from its step on are replaced; every second one is dropped where
        KEPT are there. A row of other pictures, with which a training may be resumed, begins a history of its own.
        """
        if not np.array_equal(self.originals, row.originals):
            return row
        before = self.until(int(row.step[0]) - 1)
        if len(before.step) >= KEPT:
            before = before.rows(slice(None, None, 2))
        pairs = zip(self._fields, before, row, strict=True)
        joined = {name: own if name == "originals" else np.concatenate([old, own]) for name, old, own in pairs}
        return PictureHistory(**joined)


def row(step: int, arrays: dict[str, np.ndarray]) -> PictureHistory:
    """Return one row of the arrays of training.preview.Preview.arrays."""
    parts = {name: arrays[name][None] for name in ("reconstructions", "samples", "strip", "axes")}
    return PictureHistory(step=np.int64([step]), originals=arrays["originals"], **parts)


def write(history: PictureHistory, path: Path) -> None:
    """Store a history. Raises: UserError if the folder cannot be written."""
    array_file.write(history, path)


def read(path: Path) -> PictureHistory:
    """Return a stored history, which may come from a stranger. Raises: UserError if it is damaged."""
    return array_file.read(path, PictureHistory, "pictures", _BYTES, _check)


def _check(found: PictureHistory) -> None:
    """Raises: WrongError unless types, sizes and values are those of a history."""
    types = [np.dtype(name) for name in ("int64", "uint8", "uint8", "uint8", "uint8", "int64")]
    if [part.dtype for part in found] != types:
        raise validation.WrongError("its numbers are of another type")
    rows, pictures = len(found.step) if found.step.ndim == 1 else 0, found.originals.shape
    shapes = [part.shape for part in (found.reconstructions, found.samples, found.strip)]
    fits = len(pictures) == 4 and pictures[1] in (1, 3) and shapes[0] == (rows, *pictures)
    fits = fits and all(len(shape) == 5 and (shape[0], *shape[2:]) == (rows, *pictures[1:]) for shape in shapes)
    if not (fits and found.axes.ndim == 2 and len(found.axes) == rows):
        raise validation.WrongError("its parts do not fit each other")
    counts = [pictures[0], found.axes.shape[1], *(shape[1] for shape in shapes)]
    if not (0 < rows <= KEPT and 0 < min(counts) <= max(counts) <= MAX_PICTURES):
        raise validation.WrongError("it has more or fewer rows than a training writes")
    if shapes[2][1] % counts[1]:
        raise validation.WrongError("its strips are of different lengths")
    array_file.check_steps(found.step)
    if (found.axes < 0).any() or (found.axes > validation.MAX_COUNT).any():
        raise validation.WrongError("its axes are not numbered from 0")
