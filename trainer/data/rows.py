"""Some rows of a picture file on disk, read when they are asked for."""

from __future__ import annotations

import numpy as np
import torch

WEIGHTS = (19595, 38470, 7471)  # ITU-R 601 luma in 1/65536, as Pillow's convert("L") has it


class Rows:
    """What an ImageSet holds as `images` where they are too many for the memory: indexing gives ordinary tensors.

    Args:
        store: uint8 (M, 3, H, W), usually a memory-mapped file.
        index: int64 (N,), which rows of it, in which order.
        channels: 3, or 1 for grey, computed while reading.
    """

    dtype, ndim = torch.uint8, 4

    def __init__(self, store: np.ndarray, index: np.ndarray, channels: int = 3):
        self.store, self.index, self.channels = store, np.asarray(index, dtype=np.int64), channels

    def __len__(self) -> int:
        return len(self.index)

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return torch.Size((len(self.index), self.channels, *self.store.shape[2:]))

    def __getitem__(self, rows: int | slice | list[int] | np.ndarray | torch.Tensor | tuple) -> torch.Tensor:
        """The pictures at `rows` as a tensor of their own, uint8 (B, C, H, W); (C, H, W) for one number.

        Of a tuple the first selects pictures, the others (numbers or slices) channels, rows and columns in them.
        """
        if isinstance(rows, tuple):
            first, *others = rows
            return self[first][tuple(others) if isinstance(first, int) else (slice(None), *others)]
        pixels = np.array(self.store[self.index[_plain(rows)]])  # always a copy: the file stays as it is
        if self.channels == 1:
            red, green, blue = (pixels[..., channel, :, :].astype(np.uint32) for channel in range(3))
            grey = WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue + 0x8000 >> 16
            pixels = np.expand_dims(grey.astype(np.uint8), -3)
        return torch.from_numpy(pixels)

    def numpy(self) -> np.ndarray:
        """Return all rows in memory, uint8 (N, C, H, W)."""
        return self[:].numpy()

    def take(self, rows: slice | list[int] | np.ndarray | torch.Tensor) -> Rows:
        """Return some of these rows without reading them."""
        return Rows(self.store, self.index[_plain(rows)], self.channels)


def _plain(rows: int | slice | list[int] | np.ndarray | torch.Tensor) -> int | slice | np.ndarray:
    if isinstance(rows, torch.Tensor):
        return rows.numpy()
    return np.asarray(rows, dtype=np.int64) if isinstance(rows, list) else rows
