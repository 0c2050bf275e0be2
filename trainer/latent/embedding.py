"""UMAP (McInnes, Healy and Melville, arXiv:1802.03426) as it is used here: seeded, one thread, with progress."""

import contextlib
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trainer.batching import Progress, silent


def embed(
    codes: np.ndarray,
    start: np.ndarray,
    *,
    neighbours: int,
    min_dist: float,
    seed: int,
    metric: str = "euclidean",
    progress: Progress = silent,
) -> np.ndarray:
    """Return coordinates float32 (N, m) of codes (N, d). Same input, same seed: same coordinates.

    Args:
        start: (N, m), where the layout begins; its largest coordinate becomes 10.
    """
    from threadpoolctl import threadpool_limits

    progress("preparing", 0, 1)
    with contextlib.redirect_stdout(sys.stderr), threadpool_limits(1):  # sums in one order, whatever the machine
        _provide_numba_cache()
        from umap import UMAP

        progress("neighbours", 0, 1)
        start = 10 * start / np.abs(start).max()
        fitted = UMAP(
            n_neighbors=min(neighbours, len(codes) - 1),
            min_dist=min_dist,
            metric=metric,
            n_components=start.shape[1],
            random_state=seed,
            n_jobs=1,
            init=start.round(4).astype(np.float32),
            tqdm_kwds={"file": _Epochs(progress), "disable": False, "bar_format": "{n_fmt}/{total_fmt}"},
        )
        with _bars_without_lock():
            return fitted.fit_transform(codes).astype(np.float32)


@contextlib.contextmanager
def _bars_without_lock() -> Iterator[None]:
    """Take the lock from tqdm's bars: it is never given back where `_Epochs` raises to stop the map.

    `refresh` has no `finally`, so the next bar of another thread would wait for ever. UMAP's bar writes to `_Epochs`
    alone, so there is no terminal to share.
    """
    from tqdm.auto import tqdm

    lock = tqdm.get_lock()
    tqdm.set_lock(_NoLock())
    try:
        yield
    finally:
        tqdm.set_lock(lock)


class _NoLock(contextlib.nullcontext):
    def acquire(self, *_: object) -> bool:
        return True

    def release(self) -> None:
        pass


def _provide_numba_cache() -> None:
    """Give numba a folder of its own where no usual one may be written: it refuses to be imported."""
    known = os.environ.get("NUMBA_CACHE_DIR")
    library = importlib.util.find_spec("umap")
    places = (
        [known]
        if known
        else [str(Path(library.origin).parent), os.path.expanduser("~/.cache"), os.path.expanduser("~")]
    )
    if not any(os.path.isdir(place) and os.access(place, os.W_OK) for place in places):
        os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="gwae-numba-")


class _Epochs:
    """What UMAP's progress bar writes to: it has no callback, only a bar with a file."""

    def __init__(self, progress: Progress):
        self.progress = progress

    def write(self, text: str) -> None:
        """Report "120/200" as progress."""
        for done, total in re.findall(r"(\d+)/(\d+)", text):
            self.progress("layout", int(done), int(total))

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""
