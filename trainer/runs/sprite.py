"""Sprites: one PNG with many small pictures, SPRITE_COLUMNS tiles in a row."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from trainer.data import pixels
from trainer.errors import UserError
from trainer.runs.folder import SPRITE_COLUMNS
from trainer.system import files

SPRITE_LIMIT = 2000
"""Maximum number of tiles: enough for every page, small enough for the repository (0.5 MB of digits) and Pillow."""


def choose_tiles(labels: np.ndarray | None, n: int, limit: int = SPRITE_LIMIT) -> np.ndarray:
    """Return which of n pictures go into the sprite: at most `limit`, balanced over the classes, ascending, int64.

    Class sizes differ by at most one unless a class is exhausted. The seed is fixed, so the sprites of all models of a
    data set show the same pictures.
    """
    order = np.random.default_rng(0).permutation(n)
    if labels is not None:
        shuffled = np.asarray(labels)[order]
        rank = np.empty(n, dtype=np.int64)  # number of earlier ones of the same class in the shuffled order
        for label in np.unique(shuffled):
            members = shuffled == label
            rank[members] = np.arange(members.sum())
        order = order[np.argsort(rank, kind="stable")]
    return np.sort(order[:limit]).astype(np.int64)


def write_sprite(images: np.ndarray, path: Path) -> None:
    """Write pictures as an optimised PNG, row-major, SPRITE_COLUMNS tiles to a row; the rest of the last row is black.

    Args:
        images: uint8 (N, C, H, W) with C = 1 (grey) or 3 (colour), N >= 1; also a tensor on the CPU.

    Raises: UserError if the file cannot be written.
    """
    picture = Image.fromarray(pixels.join_tiles(np.asarray(images), SPRITE_COLUMNS, ground=0))
    files.write_atomic(Path(path), lambda temporary: picture.save(temporary, format="PNG", optimize=True))


def read_sprite_tiles(
    path: Path, image_shape: tuple[int, int, int], indices: Sequence[int] | np.ndarray | None = None
) -> np.ndarray:
    """Return the tiles at `indices` (None: all of the sheet, also the unused black ones), uint8, shape (n, C, H, W).

    Raises: UserError if the file is damaged or its size does not fit `image_shape`; IndexError for an index outside it.
    """
    channels, height, width = image_shape
    sheet = _open_sheet(Path(path), channels)
    fits = sheet.shape[0] % height == 0 and sheet.shape[1] == SPRITE_COLUMNS * width
    if not fits:
        raise UserError(f"{path}: its tiles are not {height}x{width}; make it anew with 'python -m trainer evaluate'.")
    tiles = pixels.split_tiles(sheet, height, width)
    if indices is None:
        return tiles
    indices = np.asarray(indices, dtype=np.int64)
    if len(indices) and (indices.min() < 0 or indices.max() >= len(tiles)):
        raise IndexError(f"sprite tiles run from 0 to {len(tiles) - 1}")
    return tiles[indices]


def _open_sheet(path: Path, channels: int) -> np.ndarray:
    """Return the whole sheet, uint8, shape (height, width, channels)."""
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            sheet = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; make it with 'python -m trainer evaluate'.") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: the file is damaged; make it anew with 'python -m trainer evaluate'.") from error
    return sheet.reshape(*sheet.shape[:2], channels)
