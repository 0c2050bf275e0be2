"""All 480,000 pictures as one uncompressed .npy file, made once and then memory-mapped."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from trainer.data.registry import Progress
from trainer.data.rendering import drawing
from trainer.data.rendering.grid import COUNT, SIZES, factors_of, values_of
from trainer.errors import UserError
from trainer.system import files, locks

_SPARE = 64 * 2**20  # bytes that a disk keeps free
_SCENES = SIZES[3] * SIZES[4] * SIZES[5]  # they follow each other in the file, with the same three hues


def mapped(path: Path, shape: tuple[int, int, int, int], blocks: Callable[[], Iterable[np.ndarray]]) -> np.ndarray:
    """Return the picture file `path`, memory-mapped and read-only; made from `blocks` first if it is not there whole.

    Args:
        shape: (N, 3, H, W).
        blocks: gives the pictures in order as uint8 (B, 3, H, W).

    Raises: UserError if the disk has not enough room, the folder may not be written, or another process writes it.
    """
    if (pictures := opened(path, shape)) is not None:
        return pictures
    files.make_folder(path.parent)
    with locks.exclusive(path.parent / f".{path.stem}.lock", f"{path}: another process is making it; wait for that."):
        if (pictures := opened(path, shape)) is None:
            files.remove_leftovers(path.parent)
            _require_room(path, shape)
            files.write_atomic(path, lambda temporary: _write(temporary, shape, blocks()))
            pictures = opened(path, shape)
    if pictures is None:
        raise UserError(f"{path}: could not be read back; delete it and start again.")
    return pictures


def opened(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the file's pictures, or None if it is absent, cut short or something else."""
    try:
        pictures = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return pictures if pictures.shape == shape and pictures.dtype == np.uint8 else None


def _require_room(path: Path, shape: tuple[int, ...]) -> None:
    needed, free = int(np.prod(shape)), shutil.disk_usage(path.parent).free
    if needed + _SPARE > free:
        raise UserError(
            f"{path}: needs {needed / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB free; "
            "free some, or name another folder with --data-root or GWAE_DATA."
        )


def _write(path: Path, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> None:
    """Write an ordinary file: a full disk is then an error with a message, and not a killed process."""
    count = 0
    with open(path, "wb") as handle:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(handle, header)
        for block in blocks:
            if block.shape[1:] != shape[1:] or block.dtype != np.uint8:
                raise ValueError(f"blocks are uint8 (B, {shape[1:]}), not {block.dtype} {block.shape}")
            handle.write(np.ascontiguousarray(block).data)
            count += len(block)
    if count != shape[0]:
        raise ValueError(f"{count} pictures were given for {shape[0]} places")


def rendered_path(root: Path, size: int) -> Path:
    """Return where the rendered pictures lie; the name changes with every change of what is drawn."""
    return root / "shapes3d-rendered" / f"rendered-{size}-v{drawing.VERSION}-{fingerprint(size)}.npy"


def fingerprint(size: int) -> str:
    """Return eight hexadecimal digits of 32 pictures from all over the grid: another renderer, another number."""
    some = torch.linspace(0, COUNT - 1, 32, dtype=torch.float64).long()
    return hashlib.sha256(drawing.render_indices(factors_of(some), size).numpy().tobytes()).hexdigest()[:8]


def rendered_blocks(size: int, progress: Progress | None = None, count: int = COUNT) -> Iterator[np.ndarray]:
    """Return the first `count` pictures of the grid, 480 at a time: one combination of hues, all scenes.

    The weights of the 480 scenes are cast once and kept, 39 MB at 64x64.
    """
    values = values_of(factors_of(torch.arange(_SCENES)))
    weights = drawing.weights_of(values[:, 3:], size)
    for start in range(0, count, _SCENES):
        scenes = min(_SCENES, count - start)
        hues = values_of(factors_of(torch.tensor([start])))[:, :3]
        out = torch.empty(scenes, 3, size, size, dtype=torch.uint8)
        for part, target in zip(weights[:scenes].split(drawing.CHUNK), out.split(drawing.CHUNK), strict=True):
            drawing.colour(part, drawing.palette(hues), target)
        if progress:
            progress(start + scenes, count)
        yield out.numpy()
