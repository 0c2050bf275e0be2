"""Decodes many picture files to one array, in parallel and in order; damaged files are listed, not fatal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from trainer.data.collect import read_each
from trainer.data.pictures import Picture, read_picture
from trainer.data.zips import Entry


@dataclass(frozen=True)
class Decoded:
    """images: uint8 (n, C, H, W); kept: positions in the entries; skipped: sentences on the others.

    details: uint8 (n, C, side, side), the same pictures of another side, where that was asked for.
    """

    images: torch.Tensor
    kept: list[int]
    skipped: list[str]
    details: np.ndarray | None = None


def decode(
    entries: Sequence[Entry],
    size: int,
    channels: int,
    progress: Callable[[int, int], None] | None = None,
    crop: int | None = None,
    detail: int = 0,
) -> Decoded:
    """Decode all entries to (channels, size, size), keeping their order.

    Args:
        crop: side of the centred square that is kept, in pixels of the file; default the largest one.
        detail: see trainer.data.pictures.read_picture.

    The memory is that of the result and of WORKERS pictures at a time.
    """
    shape = (channels, size, size)
    images = np.empty((len(entries), *shape), dtype=np.uint8)
    details = np.empty((len(entries), channels, detail, detail), dtype=np.uint8) if detail else None
    kept: list[int] = []
    skipped: list[str] = []

    def read(entry: Entry) -> Picture:
        return read_picture(entry.read(), shape, name=entry.name, crop=crop, detail=detail)

    for place, result in read_each(entries, read, progress):
        if isinstance(result, str):
            skipped.append(result)
        else:
            images[len(kept)] = result.array
            if details is not None:
                details[len(kept)] = result.detail
            kept.append(place)
    larger = None if details is None else details[: len(kept)]
    return Decoded(torch.from_numpy(images[: len(kept)]), kept, skipped, larger)
