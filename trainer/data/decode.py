"""Many picture files to one array: in parallel, in order, and with the broken ones listed instead of fatal."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from trainer.data.collect import Entry
from trainer.data.pictures import read_picture
from trainer.errors import UserError

WORKERS = min(4, os.cpu_count() or 1)  # Pillow decodes and resizes without Python's lock
_BLOCK = 256  # files handed to the pool at a time: bounds what waits, and paces the progress reports


@dataclass(frozen=True)
class Decoded:
    """images: uint8 (n, C, H, W); kept: positions in the entries; skipped: sentences on the others."""

    images: torch.Tensor
    kept: list[int]
    skipped: list[str]


def decode(
    entries: Sequence[Entry],
    size: int,
    channels: int,
    progress: Callable[[int, int], None] | None = None,
    crop: int | None = None,
) -> Decoded:
    """Decode all entries to (channels, size, size), keeping their order.

    Args:
        crop: side of the centred square that is kept, in pixels of the file; default the largest one.

    The memory is that of the result and of WORKERS pictures at a time.
    """
    shape = (channels, size, size)
    images = np.empty((len(entries), *shape), dtype=np.uint8)

    def one(entry: Entry) -> np.ndarray | str:
        try:
            return read_picture(entry.read(), shape, name=entry.name, crop=crop).array
        except UserError as error:
            return str(error)

    kept: list[int] = []
    skipped: list[str] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(entries), _BLOCK):
            for offset, result in enumerate(pool.map(one, entries[start : start + _BLOCK])):
                if isinstance(result, str):
                    skipped.append(result)
                else:
                    images[len(kept)] = result
                    kept.append(start + offset)
            if progress is not None:
                progress(min(start + _BLOCK, len(entries)), len(entries))
    return Decoded(torch.from_numpy(images[: len(kept)]), kept, skipped)
