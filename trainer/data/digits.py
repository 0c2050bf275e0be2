"""MNIST and Fashion-MNIST: 28x28 grey pictures, read through torchvision from its own folder layout.

    <root>/MNIST/raw/{train,t10k}-images-idx3-ubyte, {train,t10k}-labels-idx1-ubyte
    <root>/FashionMNIST/raw/...

What is not there is downloaded into that place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from trainer import vision
from trainer.data.download import fetch
from trainer.data.imageset import ImageSet
from trainer.errors import UserError

SIDE = 28
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_CLASSES = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
_CHUNK = 512  # pictures made float at a time: 8 MB at 64x64


def load_digits(name: str, title: str, url: str, split: str, root: Path, size: int, channels: int) -> ImageSet:
    """Read one split of MNIST ("mnist") or Fashion-MNIST ("fashion-mnist").

    Returns: ImageSet with 60,000 ("train") or 10,000 ("test") pictures, ids "<name>-<split>-<index, five digits>".
    Raises: UserError if the files are absent and cannot be downloaded, or are damaged.
    """
    kind = _CLASSES[name]
    folder = root / kind / "raw"

    def read(download: bool) -> Any:
        return getattr(vision.datasets(), kind)(str(root), train=split == "train", download=download)

    if not all((folder / file).is_file() for file in FILES):
        fetch(lambda: read(True), title=title, place=folder, url=url)
    try:
        data = read(False)
        pixels, labels = data.data, data.targets.to(torch.int64)
        consistent = pixels.shape == (len(labels), SIDE, SIDE) and len(labels) > 0
        consistent = consistent and int(labels.min()) >= 0 and int(labels.max()) < len(data.classes)
    except Exception as error:  # torchvision's reader asserts, indexes and reshapes: any type may come out
        raise UserError(_damaged(title, folder)) from error
    if not consistent:
        raise UserError(_damaged(title, folder))
    names = tuple(text.split(" - ")[0] for text in data.classes)  # "7 - seven" is just 7
    return ImageSet(
        images=fit_digits(pixels, size).expand(-1, channels, -1, -1).contiguous(),
        labels=labels,
        label_names=names,
        ids=tuple(f"{name}-{split}-{index:05d}" for index in range(len(labels))),
        name=title,
        split=split,
    )


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
