"""Data sets by name: each one ends as a uint8 ImageSet of the model's size.

    load(config.data, "train", data_root) -> ImageSet

`DATASETS` says what each is, under which licence, and whether its pictures may be bundled with a model.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.config import DATA_TITLES, DataConfig
from trainer.data.imageset import ImageSet, split_validation
from trainer.errors import UserError

__all__ = ["DATASETS", "DatasetInfo", "ImageSet", "Progress", "default_data_root", "load", "split_validation"]

Progress = Callable[[int, int], None]  # (done, total)


@dataclass(frozen=True)
class DatasetInfo:
    """What is known about a data set before it is loaded."""

    title: str
    licence: str
    may_bundle: bool  # whether pictures of it may lie in a run folder that is passed on
    url: str  # where it comes from; empty for the user's own
    size: int  # a model size that suits it
    channels: int
    splits: tuple[str, ...] = ("train", "test")


DATASETS: dict[str, DatasetInfo] = {
    "mnist": DatasetInfo(
        DATA_TITLES["mnist"], "CC BY-SA 3.0, Yann LeCun and Corinna Cortes", True,
        "https://ossci-datasets.s3.amazonaws.com/mnist/", 32, 1,
    ),
    "fashion-mnist": DatasetInfo(
        DATA_TITLES["fashion-mnist"], "MIT, Zalando SE", True,
        "https://github.com/zalandoresearch/fashion-mnist", 32, 1,
    ),
    "omniglot": DatasetInfo(
        DATA_TITLES["omniglot"], "MIT, Brenden Lake", False,
        "https://github.com/brendenlake/omniglot", 32, 1, ("train", "test", "all"),
    ),
    "shapes3d": DatasetInfo(
        DATA_TITLES["shapes3d"], "Apache 2.0, DeepMind", True,
        "https://storage.googleapis.com/3d-shapes/3dshapes.h5", 64, 3, ("train", "test", "all"),
    ),
    "shapes3d-rendered": DatasetInfo(
        DATA_TITLES["shapes3d-rendered"], "made here: that of this project", True, "", 64, 3, ("train", "test", "all"),
    ),
    "celeba": DatasetInfo(
        DATA_TITLES["celeba"], "non-commercial research only, the Chinese University of Hong Kong", False,
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html", 64, 3, ("train", "test", "all"),
    ),
    "folder": DatasetInfo(
        DATA_TITLES["folder"], "unknown: the owner of the pictures decides", False, "", 64, 3, ("train", "test", "all"),
    ),
}  # fmt: skip


def default_data_root() -> Path:
    """`$GWAE_DATA` where it is set, else ./data."""
    return Path(os.environ.get("GWAE_DATA") or "data")


def load(
    data: DataConfig | str,
    split: str,
    data_root: Path | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Load one split of a data set; the same arguments and files give the same pictures in the same order.

    Args:
        data: the configuration's data section, or a name of DATASETS for its default size and channels.
        split: "train" or "test"; "all" for omniglot, the 3D Shapes, celeba and folder.
        data_root: folder in torchvision's layout; default `default_data_root()`.
        progress: called with (done, total) while files are decoded or pictures rendered.

    Raises: UserError if the name or split does not exist, or the data is absent, damaged or empty.
    """
    name = data if isinstance(data, str) else data.name
    info = DATASETS.get(name)
    if info is None:
        raise UserError(f"Unknown data set '{name}'; choose one of {', '.join(DATASETS)}.")
    if split not in info.splits:
        raise UserError(f"{info.title} has no split '{split}'; choose one of {', '.join(info.splits)}.")
    if isinstance(data, str):
        if name == "folder":
            raise UserError("Data set 'folder' needs data.path, a folder or zip of pictures.")
        data = DataConfig(name=name, size=info.size, channels=info.channels)
    root = Path(data_root) if data_root is not None else default_data_root()
    return _LOADERS[name](data, info, split, root, progress)


def _digits(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None) -> ImageSet:
    from trainer.data.digits import load_digits

    return load_digits(data.name, info.title, info.url, split, root, data.size, data.channels)


def _omniglot(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None) -> ImageSet:
    from trainer.data.omniglot import load_omniglot

    return load_omniglot(info.title, info.url, split, root, data.size, data.channels, progress)


def _folder(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None) -> ImageSet:
    from trainer.data.folder import load_folder

    path = Path(data.path or "").expanduser()
    if not path.is_absolute() and not path.exists():
        path = root / path  # so that a recipe can name a folder beside the other data
    return load_folder(path, split, data.size, data.channels, progress)


def _shapes3d(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None) -> ImageSet:
    from trainer.data import shapes3d

    return shapes3d.load_shapes3d(data.name, info.title, info.url, split, root, data.size, data.channels, progress)


def _celeba(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None) -> ImageSet:
    from trainer.data import celeba

    crop = data.crop or celeba.CROP
    return celeba.load_celeba(info.title, info.url, split, root, data.size, data.channels, crop, progress)


_LOADERS = {
    "mnist": _digits,
    "fashion-mnist": _digits,
    "omniglot": _omniglot,
    "shapes3d": _shapes3d,
    "shapes3d-rendered": _shapes3d,
    "celeba": _celeba,
    "folder": _folder,
}
