"""The layouts and depths of pictures, converted here alone.

Models take (C, H, W), float32 in [0, 1]; files and browsers take (H, W) or (H, W, 3), uint8. Arrays that travel between
the two stay uint8 (C, H, W).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def channels_last(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (..., C, H, W) as (..., H, W) for one channel and (..., H, W, C) for more, contiguous."""
    moved = pictures[..., 0, :, :] if pictures.shape[-3] == 1 else np.moveaxis(pictures, -3, -1)
    return np.ascontiguousarray(moved)


def channels_first(pixels: np.ndarray) -> np.ndarray:
    """Return pixels (..., H, W, C) as (..., C, H, W), contiguous."""
    return np.ascontiguousarray(np.moveaxis(pixels, -1, -3))


def to_uint8(pictures: Tensor) -> np.ndarray:
    """Return pictures in [0, 1] as bytes of the same shape, rounded to the nearest level, contiguous."""
    return (pictures.clamp(0, 1) * 255).round().byte().cpu().contiguous().numpy()


def to_float(pictures: np.ndarray) -> Tensor:
    """Return bytes as what a model takes, float32 in [0, 1], of the same shape; the array is copied."""
    import torch

    return torch.from_numpy(np.array(pictures)).float() / 255


def join_tiles(pictures: np.ndarray, columns: int, gap: int = 0, ground: int = 255) -> np.ndarray:
    """Return pictures side by side, row-major, `columns` to a row, `gap` pixels of level `ground` between them.

    Args:
        pictures: uint8 (N, C, H, W), N >= 1.

    Returns: uint8 (height, width) for one channel, (height, width, C) for more; places left over are `ground`.
    """
    n, channels, height, width = pictures.shape
    rows = -(-n // columns)
    sheet = np.full((rows * columns, channels, height + gap, width + gap), ground, dtype=np.uint8)
    sheet[:n, :, :height, :width] = pictures
    grid = sheet.reshape(rows, columns, channels, height + gap, width + gap).transpose(2, 0, 3, 1, 4)
    joined = grid.reshape(channels, rows * (height + gap), columns * (width + gap))
    return channels_last(joined[:, : rows * (height + gap) - gap, : columns * (width + gap) - gap])


def split_tiles(sheet: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the tiles of a sheet (rows * height, columns * width, C), row-major, (N, C, height, width)."""
    channels = sheet.shape[-1]
    grid = sheet.reshape(-1, height, sheet.shape[1] // width, width, channels)
    return np.ascontiguousarray(grid.transpose(0, 2, 4, 1, 3).reshape(-1, channels, height, width))
