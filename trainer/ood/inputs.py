"""A user's own pictures: files, folders and zips to arrays, the broken ones listed by name instead of fatal."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.data.collect import gather
from trainer.data.decode import decode
from trainer.data.pictures import DETAIL


@dataclass(frozen=True)
class Pictures:
    """arrays: uint8 (n, C, H, W); names: n, those of one folder or zip relative to it; skipped: a sentence each.

    details: uint8 (n, 1, DETAIL, DETAIL), the same pictures where they are grey (trainer/ood/preparation.py).
    """

    arrays: np.ndarray
    names: tuple[str, ...]
    skipped: tuple[str, ...]
    details: np.ndarray | None = None


def read_pictures(
    paths: Sequence[Path],
    image_shape: tuple[int, int, int],
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Pictures:
    """Decode pictures, folders of pictures and zips of pictures, in the order given, to a model's input.

    The same decoding as that of uploads and training data (trainer/data/pictures.py). Content decides what is a zip.

    Args:
        image_shape: (C, H, W) of the model, H equal to W.
        limit: how many pictures at most, or None.

    Raises: UserError if a folder or zip cannot be read or exceeds its limits, or there are more than `limit` pictures.
    """
    channels, size, _ = image_shape
    with ExitStack() as stack:
        collection = gather(stack, [Path(path) for path in paths], pictures=limit)
        decoded = decode(collection.entries, size, channels, progress, detail=DETAIL if channels == 1 else 0)
    names = tuple(collection.entries[index].name for index in decoded.kept)
    return Pictures(decoded.images.numpy(), names, (*collection.skipped, *decoded.skipped), decoded.details)
