"""3dshapes.h5 as published: found or downloaded, checked, and read slice by slice.

    /images  uint8   (480000, 64, 64, 3), compressed in chunks
    /labels  float64 (480000, 6), the factor values in the order of trainer.data.rendering.grid

Source: Burgess and Kim, *3D Shapes Dataset*, 2018, https://github.com/google-deepmind/3dshapes-dataset.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import torch

from trainer.data import torchvision_shim
from trainer.data.download import fetch
from trainer.data.pixels import channels_first
from trainer.data.rendering.grid import COUNT, factors_of, values_of
from trainer.errors import UserError

NAME, MD5 = "3dshapes.h5", "099a2078d58cec4daad0702c55d06868"
SIDE = 64
_BLOCK = 2_000  # pictures read at a time, 25 MB


def available(folder: Path, title: str, url: str) -> Path:
    """Return the path of the file in `folder`, downloaded with a progress bar if it is not there; its checksum is
    verified.

    Raises: UserError if it is absent and cannot be downloaded, or is not the published file.
    """
    utils = torchvision_shim.datasets().utils
    file = folder / NAME
    if not file.is_file():
        fetch(lambda: utils.download_url(url, str(folder), NAME, MD5), title=title, place=file, url=url)
    if not utils.check_integrity(str(file), MD5):
        raise UserError(f"{file}: damaged or cut short (its MD5 is not {MD5}); move it away to have it downloaded.")
    return file


def blocks(
    file: Path, size: int, progress: Callable[[int, int], None] | None = None, count: int = COUNT
) -> Iterator[np.ndarray]:
    """Return the first `count` pictures in order, as uint8 (B, 3, size, size); 32 is the mean of 2x2 pixels of 64.

    Raises: UserError if the file cannot be read or has not the structure above.
    """
    try:
        with h5py.File(file, "r") as opened:
            _require_structure(opened, file)
            for start in range(0, count, _BLOCK):
                pixels = opened["images"][start : min(start + _BLOCK, count)]
                yield _resized(channels_first(pixels), size)
                if progress:
                    progress(start + len(pixels), count)
    except OSError as error:
        raise UserError(f"{file}: cannot be read as HDF5; move it elsewhere to have it downloaded again.") from error


def _require_structure(opened: h5py.File, file: Path) -> None:
    wanted = {"images": ((COUNT, SIDE, SIDE, 3), np.uint8), "labels": ((COUNT, 6), np.float64)}
    for name, (shape, dtype) in wanted.items():
        dataset = opened.get(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.shape != shape or dataset.dtype != dtype:
            raise UserError(f"{file}: has no {np.dtype(dtype)} {shape} named '{name}'; it is not the published file.")
    if not np.allclose(opened["labels"][:], values_of(factors_of(torch.arange(COUNT))).numpy(), atol=1e-6):
        raise UserError(f"{file}: its labels are not in the published order; it is not the published file.")


def _resized(pixels: np.ndarray, size: int) -> np.ndarray:
    if size == SIDE:
        return pixels
    part = pixels.reshape(*pixels.shape[:2], size, SIDE // size, size, SIDE // size)
    return (part.mean(axis=(3, 5), dtype=np.float32) + 0.5).astype(np.uint8)
