"""pair_history.safetensors: distances of the same pairs at each validation of a training, to be replayed.

A row per validation, 1 KiB each; when KEPT are there, every second one is dropped, and so the file stays small.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.runs import array_file, validation

PAIRS = 256
"""Pairs of a row at most."""
KEPT = 256
"""Rows at most."""
_BYTES = 2**20
_LARGEST = 60_000.0  # float16 holds 65,504


class PairHistory(NamedTuple):
    """Distances over a training.

    Attributes:
        step: (V,) int64, ascending.
        slope: (V,) float32, of the line d_X = slope d_Z at that step.
        d_z, d_x: (V, P) float16, of the same P pairs of noise in every row.
    """

    step: np.ndarray
    slope: np.ndarray
    d_z: np.ndarray
    d_x: np.ndarray

    def until(self, step: int) -> "PairHistory":
        """Return the rows up to a step."""
        kept = self.step <= step
        return PairHistory(*(part[kept] for part in self))

    def extended(self, step: int, slope: float, d_z: np.ndarray, d_x: np.ndarray) -> "PairHistory":
        """Return the history with another row; rows from that step on are replaced; every second one is dropped where
        KEPT are there.
        """
        before = self.until(step - 1)
        if len(before.step) >= KEPT:
            before = PairHistory(*(part[::2] for part in before))
        rows = np.int64([step]), np.float32([slope]), *(_short(d)[None] for d in (d_z, d_x))
        if not len(before.step):
            return PairHistory(*rows)
        return PairHistory(*(np.concatenate(parts) for parts in zip(before, rows, strict=True)))


EMPTY = PairHistory(np.zeros(0, np.int64), np.zeros(0, np.float32), *(np.zeros((0, 0), np.float16) for _ in range(2)))


def _short(d: np.ndarray) -> np.ndarray:
    return np.minimum(d, _LARGEST).astype(np.float16)


def write(history: PairHistory, path: Path) -> None:
    """Store a history. Raises: UserError if the folder cannot be written."""
    array_file.write(history, path)


def read(path: Path) -> PairHistory:
    """Return a stored history, which may come from a stranger. Raises: UserError if it is damaged."""
    return array_file.read(path, PairHistory, "pairs", _BYTES, _check)


def _check(found: PairHistory) -> None:
    """Raises: WrongError unless types, sizes and values are those of a history."""
    if [part.dtype for part in found] != [part.dtype for part in EMPTY]:
        raise validation.WrongError("its numbers are of another type")
    rows, pairs = found.d_z.shape if found.d_z.ndim == 2 else (0, 0)
    if [part.shape for part in found] != [(rows,), (rows,), (rows, pairs), (rows, pairs)]:
        raise validation.WrongError("its parts do not fit each other")
    if not (0 < rows <= KEPT and 0 < pairs <= PAIRS):
        raise validation.WrongError("it has more or fewer rows than a training writes")
    array_file.check_steps(found.step)
    if any(not np.isfinite(part).all() or (part < 0).any() for part in found[1:]):
        raise validation.WrongError("it holds values that are no distances")
