"""Folders and zips of small pictures, written for a test, and opened as a data set."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from trainer.config import DataConfig
from trainer.data import load
from trainer.data.imageset import ImageSet
from trainer.errors import UserError


def picture(value: int = 100, size: tuple[int, int] = (40, 30), mode: str = "RGB", kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, (value, value, value)).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def fill(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def pack(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def open_set(path: Path, split: str = "all", **options) -> ImageSet:
    return load(DataConfig(name="folder", path=str(path), **options), split, Path("/nonexistent"))


def refusal(path: Path, split: str = "all") -> str:
    with pytest.raises(UserError) as caught:
        open_set(path, split)
    text = str(caught.value)
    assert "\n" not in text
    return text


CLASSES = {f"{kind}/{index}.png": picture(10 * index + 5) for kind in ("cat", "dog") for index in range(15)}
