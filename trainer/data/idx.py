"""IDX, the file format of MNIST: a header that names the axes, then bytes; also compressed by gzip, as it is published.

    0, 0, 8 (bytes), number of axes | length of each axis, 4 bytes big-endian | the bytes, last axis fastest

Source: http://yann.lecun.com/exdb/mnist/.
"""

import gzip
import math
import struct
from pathlib import Path

import numpy as np

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
"""What MNIST and Fashion-MNIST consist of."""
FOLDERS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
"""Where torchvision keeps them below the data root, in a folder raw; also the names of its classes."""

LIMIT = 2**29
"""Bytes of values at most: ten times MNIST, and what a small compressed file may become."""


def split_files(split: str) -> tuple[str, ...]:
    """Return the names of pictures and labels of the split "train" or "test"."""
    return FILES[:2] if split == "train" else FILES[2:]


def find(folder: Path, name: str) -> Path | None:
    """Return the file `name` of a folder, else its compressed form `name`.gz, else None."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def read(path: Path) -> np.ndarray:
    """Return values of a file, uint8, in its own shape; read-only.

    Raises: ValueError, OSError or EOFError if it is damaged, cut short, too long, or holds anything but bytes.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as handle:
        zeros, kind, axes = struct.unpack(">HBB", _exactly(handle, 4))
        if zeros != 0 or kind != 8 or axes not in (1, 2, 3):
            raise ValueError(f"{path}: no IDX file of bytes")
        shape = struct.unpack(f">{axes}I", _exactly(handle, 4 * axes))
        if math.prod(shape) > LIMIT:
            raise ValueError(f"{path}: {shape} are too many values")
        values = _exactly(handle, math.prod(shape))
        if handle.read(1):
            raise ValueError(f"{path}: longer than its header says")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def _exactly(handle, count: int) -> bytes:
    data = handle.read(count)
    if len(data) != count:
        raise ValueError("cut short")
    return data
