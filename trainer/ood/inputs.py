"""A user's own pictures: files, folders and zips to arrays, the broken ones listed by name instead of fatal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.data.collect import collect, printable
from trainer.data.decode import Entry, decode
from trainer.errors import UserError

_ARCHIVE = b"PK"


@dataclass(frozen=True)
class Pictures:
    """arrays: uint8 (n, C, H, W); names: n, those of one folder or zip relative to it; skipped: a sentence each."""

    arrays: np.ndarray
    names: tuple[str, ...]
    skipped: tuple[str, ...]


def read_pictures(
    paths: Sequence[Path],
    image_shape: tuple[int, int, int],
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Pictures:
    """Decode pictures, folders of pictures and zips of pictures, in the order given, to a model's input.

    The same decoding as that of uploads and training data (trainer/data/pictures.py). A zip is told by its content.

    Args:
        image_shape: (C, H, W) of the model, H equal to W.
        limit: how many pictures at most, or None.

    Raises: UserError if a folder or zip cannot be read or exceeds its limits, or there are more than `limit` pictures.
    """
    channels, size, _ = image_shape
    arrays, names, skipped = [], [], []
    for path in map(Path, paths):
        if path.is_dir() or _is_zip(path):
            with collect(path) as collection:
                found, sentences = collection.entries, collection.skipped
                _check(len(names) + len(found), limit)
                decoded = decode(found, size, channels, progress)
            prefix = f"{printable(path.name)}/" if len(paths) > 1 else ""
        else:
            found, sentences, prefix = [Entry(printable(path.name), lambda path=path: path)], [], ""
            _check(len(names) + 1, limit)
            decoded = decode(found, size, channels, progress)
        arrays.append(decoded.images.numpy())
        names += [prefix + found[index].name for index in decoded.kept]
        skipped += [*sentences, *decoded.skipped]
    stacked = np.concatenate(arrays) if arrays else np.zeros((0, *image_shape), np.uint8)
    return Pictures(stacked, tuple(names), tuple(skipped))


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            return handle.read(2) == _ARCHIVE
    except OSError:
        return False


def _check(count: int, limit: int | None) -> None:
    if limit is not None and count > limit:
        raise UserError(f"More than {limit:,} pictures were given; choose at most {limit:,} at once.")
