"""3D Shapes, the published pictures ("shapes3d") and rendered ones of the same factors ("shapes3d-rendered").

    <root>/3dshapes/3dshapes.h5                   as published, 255 MB; downloaded where it is absent
    <root>/3dshapes/3dshapes-<size>.npy           its pictures unpacked at the model's size
    <root>/shapes3d-rendered/rendered-<size>-...  the renderer's pictures

All 480,000 pictures are 5.9 GB at 64x64 and 1.5 GB at 32x32: they are unpacked or rendered once, and afterwards only
what a batch needs is read from the memory-mapped file. Source: Burgess and Kim, *3D Shapes Dataset*, 2018.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from trainer.config import DataConfig
from trainer.data import shapes3d_file
from trainer.data.download import pace
from trainer.data.imageset import ImageSet
from trainer.data.registry import DatasetInfo, Progress
from trainer.data.rendering import store
from trainer.data.rendering.grid import COUNT, FACTORS, factors_of
from trainer.data.rows import Rows

TEST_COUNT = 48_000  # a tenth
_SPLIT_SEED = 3


def load(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None = None) -> ImageSet:
    """Return one split of "shapes3d" or "shapes3d-rendered".

    * "test": 48,000 combinations of factors drawn at random once and for all, the same in both sets; "train": the
      other 432,000; "all": every one. Each in the order of the published file.
    * factors: int64 (N, 6), indices into trainer.data.rendering.GRID; no labels.
    * ids are "<name>-<place in the published file, six digits>".
    * At 32x32, 2x2 pixels of the published pictures become their mean.

    Raises: UserError if the published file is absent and cannot be downloaded, is damaged, or the disk is full.
    """
    if data.name == "shapes3d-rendered":
        pictures = _rendered(root, data.size, progress)
    else:
        pictures = _published(root, info, data.size, progress)
    places = np.arange(COUNT) if split == "all" else split_places()[split]
    return ImageSet(
        images=Rows(pictures, places, data.channels),
        labels=None,
        label_names=(),
        ids=tuple(f"{data.name}-{place:06d}" for place in places.tolist()),
        name=info.title,
        split=split,
        factors=factors_of(torch.from_numpy(places)),
        factor_names=FACTORS,
    )


def is_at_hand(name: str, root: Path, size: int) -> bool:
    """Return whether a set can be loaded without a download: rendered ones always, published ones where they lie."""
    folder = root / "3dshapes"
    return name == "shapes3d-rendered" or any((folder / f).is_file() for f in ("3dshapes.h5", f"3dshapes-{size}.npy"))


@functools.cache
def split_places() -> dict[str, np.ndarray]:
    """Return places of the "train" and "test" pictures in the published file, int64, ascending."""
    # NumPy's legacy generator is the one whose stream never changes.
    order = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(_SPLIT_SEED))).permutation(COUNT)
    return {"test": np.sort(order[:TEST_COUNT]), "train": np.sort(order[TEST_COUNT:])}


def _rendered(root: Path, size: int, progress: Progress | None) -> np.ndarray:
    blocks = functools.partial(_reporting, "rendering", size, functools.partial(store.rendered_blocks, size), progress)
    return store.mapped(store.rendered_path(root, size), (COUNT, 3, size, size), blocks)


def _published(root: Path, info: DatasetInfo, size: int, progress: Progress | None) -> np.ndarray:
    folder = root / "3dshapes"
    path, shape = folder / f"3dshapes-{size}.npy", (COUNT, 3, size, size)
    if (pictures := store.opened(path, shape)) is not None:  # then the compressed file is no longer needed
        return pictures
    file = shapes3d_file.available(folder, info.title, info.url)
    blocks = functools.partial(
        _reporting, "unpacking", size, functools.partial(shapes3d_file.blocks, file, size), progress
    )
    return store.mapped(path, shape, blocks)


def _reporting(
    doing: str, size: int, blocks: Callable[[Progress], Iterator[np.ndarray]], progress: Progress | None
) -> Iterator[np.ndarray]:
    """Blocks that tell `progress`, or a bar on standard error where none was asked for: this takes a minute, once."""
    if progress is not None:
        yield from blocks(progress)
        return
    what = f"{doing} 3D Shapes at {size}x{size}"
    with tqdm(total=COUNT, desc=what, unit="picture", file=sys.stderr, mininterval=pace()) as bar:
        yield from blocks(lambda done, total: bar.update(done - bar.n))
