"""Batches of pictures for the networks, and the form in which work reports its progress."""

from collections.abc import Callable

import numpy as np

BATCH = 100
"""Pictures per forward pass: large enough to be fast on two cores, small enough to add little memory at 64x64."""

Progress = Callable[[str, int, int], None]
"""progress(what, done, total), called from time to time; it must not print to standard output."""


def silent(what: str, done: int, total: int) -> None:
    """Report no progress."""


def batches(n: int, size: int = BATCH) -> list[np.ndarray]:
    """Return consecutive index ranges that cover 0..n-1, at most `size` long."""
    return [np.arange(start, min(start + size, n)) for start in range(0, n, size)]


def evenly(n: int, count: int) -> np.ndarray:
    """Return at most `count` of n rows, evenly spread, int64, with the first and the last; all if there are fewer."""
    return np.linspace(0, n - 1, min(n, count)).round().astype(np.int64)
