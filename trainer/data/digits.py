"""MNIST and Fashion-MNIST: 28x28 grey pictures in torchvision's folder layout, each file plain or compressed.

    <root>/MNIST/raw/{train,t10k}-images-idx3-ubyte[.gz], {train,t10k}-labels-idx1-ubyte[.gz]
    <root>/FashionMNIST/raw/...

A split needs its own two files only. What is not there is downloaded into that place, by torchvision.
"""

import zlib
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from trainer.config import DataConfig
from trainer.data import idx, torchvision_shim
from trainer.data.download import fetch
from trainer.data.imageset import ImageSet
from trainer.data.registry import DatasetInfo, Progress
from trainer.errors import UserError

SIDE = 28
NAMES = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
}  # fmt: skip
"""Label names in the order of the label numbers."""
_CHUNK = 512  # pictures made float at a time: 8 MB at 64x64


def load(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None = None) -> ImageSet:
    """Read one split of MNIST ("mnist") or Fashion-MNIST ("fashion-mnist").

    Nothing is decoded, so `progress` is not called.

    Returns: ImageSet with 60,000 ("train") or 10,000 ("test") pictures, ids "<name>-<split>-<index, five digits>".
    Raises: UserError if the files are absent and cannot be downloaded, or are damaged.
    """
    name, title = data.name, info.title
    kind, folder = idx.FOLDERS[name], _folder(name, root)

    def download() -> Any:
        return getattr(torchvision_shim.datasets(), kind)(str(root), train=split == "train", download=True)

    if not on_disk(name, split, root):
        fetch(download, title=title, place=folder, url=info.url)
    pixels, labels = read_digits(name, title, split, root)
    return ImageSet(
        images=fit_digits(pixels, data.size).expand(-1, data.channels, -1, -1).contiguous(),
        labels=labels,
        label_names=NAMES[name],
        ids=digit_ids(name, split, len(labels)),
        name=title,
        split=split,
    )


def digit_ids(name: str, split: str, count: int) -> tuple[str, ...]:
    """Return ids of the first `count` pictures of a split, in the order of the file."""
    return tuple(f"{name}-{split}-{index:05d}" for index in range(count))


def on_disk(name: str, split: str, root: Path) -> bool:
    """Return whether both files of a split are below `root`, so that nothing has to be downloaded."""
    return all(idx.find(_folder(name, root), file) for file in idx.split_files(split))


def read_digits(name: str, title: str, split: str, root: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return one split as it is in the files: pixels uint8 (N, 28, 28), labels int64 (N,). Nothing is downloaded.

    Raises: UserError if a file is absent or damaged.
    """
    folder = _folder(name, root)
    try:
        images, labels = (
            torch.tensor(idx.read(idx.find(folder, file) or folder / file)) for file in idx.split_files(split)
        )
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(_damaged(title, folder)) from error
    consistent = images.shape == (len(labels), SIDE, SIDE) and labels.ndim == 1 and len(labels) > 0
    if not consistent or int(labels.max()) >= len(NAMES[name]):
        raise UserError(_damaged(title, folder))
    return images, labels.to(torch.int64)


def _folder(name: str, root: Path) -> Path:
    return root / idx.FOLDERS[name] / "raw"


def _damaged(title: str, folder: Path) -> str:
    return f"{title}: the files in {folder} are damaged or cut short; delete that folder to have them downloaded again."


def fit_digits(pixels: torch.Tensor, size: int) -> torch.Tensor:
    """28x28 pictures to the model's size, with as little resampling as the size allows.

    32: two black pixels on each side; every original byte is kept, and three halvings end at 4x4 exactly.
    64: the padded 32x32 picture, enlarged bilinearly (half-pixel centres). Repeating pixels instead would give the
    strokes staircases that no other picture has, and that the critic would learn.

    Args:
        pixels: uint8 (N, 28, 28).
        size: 32 or 64.

    Returns: uint8 (N, 1, size, size).
    """
    if size not in (32, 64):
        raise ValueError(f"size is 32 or 64, not {size}")
    if size == 32:
        return F.pad(pixels, (2, 2, 2, 2)).unsqueeze(1)
    out = torch.empty(len(pixels), 1, size, size, dtype=torch.uint8)
    for start in range(0, len(pixels), _CHUNK):
        part = F.pad(pixels[start : start + _CHUNK], (2, 2, 2, 2)).unsqueeze(1).to(torch.float32)
        enlarged = F.interpolate(part, size=(size, size), mode="bilinear", align_corners=False)
        out[start : start + _CHUNK] = enlarged.round_().to(torch.uint8)
    return out
