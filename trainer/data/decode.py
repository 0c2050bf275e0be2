"""Decodes many picture files to one array, in parallel and in order; damaged files are listed, not fatal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from trainer.data.collect import read_each
from trainer.data.pictures import read_picture
from trainer.data.zips import Entry


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
    kept: list[int] = []
    skipped: list[str] = []

    def read(entry: Entry) -> np.ndarray:
        return read_picture(entry.read(), shape, name=entry.name, crop=crop).array

    for place, result in read_each(entries, read, progress):
        if isinstance(result, str):
            skipped.append(result)
        else:
            images[len(kept)] = result
            kept.append(place)
    return Decoded(torch.from_numpy(images[: len(kept)]), kept, skipped)
