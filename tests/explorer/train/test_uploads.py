"""Uploaded pictures end as one zip of the run, whatever came with them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.train import uploads as train_uploads
from tests.fixtures import zipped
from trainer.config import DataConfig
from trainer.data import load
from trainer.errors import UserError
from trainer.runs import layout


def png(value: int = 0, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(value).integers(0, 255, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def test_files_and_zips_become_one_zip_that_trains(tmp_path):
    inside = {
        f"cats/{i}.png": png(i, (20 + i, 50), mode) for i, mode in enumerate(("RGB", "L", "P", "RGBA", "1", "LA"))
    }
    inside |= {"../evil.png": png(), "notes.txt": b"hello", "cats/broken.png": b"\x89PNG\r\n\x1a\nnothing"}
    uploads = [("a.png", png(20)), ("a.png", png(21)), ("b.jpg", b"no picture"), ("more.zip", zipped(inside))]
    target = tmp_path / "run" / layout.PICTURES
    packed = train_uploads.pack(uploads, target)
    names = zipfile.ZipFile(target).namelist()
    assert {"a.png", "a-2.png", "cats/0.png"} <= set(names)
    assert packed.pictures == len(names) == 9, "the broken one too: the training names it"
    reasons = "\n".join(packed.skipped)
    assert "b.jpg: the content is text" in reasons
    assert "../evil.png: unsafe path" in reasons
    assert "notes.txt: the content is text" in reasons
    images = load(DataConfig(name="folder", path=str(target), size=32, channels=3), "all")
    assert len(images) == 8
    assert [line.split(":")[0] for line in images.skipped] == ["cats/broken.png"]


def test_the_limits_of_uploads_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(train_uploads, "MAX_PIXELS", 2000)
    monkeypatch.setattr(train_uploads, "MAX_BYTES", 8000)
    files = [(f"{i}.png", png(i, (20, 20))) for i in range(8)] + [
        ("wide.png", png(9, (60, 40))),
        ("fat.png", png(9, (90, 90))),
    ]
    packed = train_uploads.pack(files, tmp_path / "x.zip")
    assert packed.pictures == 8
    assert [line.split(":")[0] for line in packed.skipped] == ["wide.png", "fat.png"]
    monkeypatch.setattr(train_uploads, "MAX_PICTURES", 7)
    with pytest.raises(UserError, match="More than 7 pictures"):
        train_uploads.pack(files, tmp_path / "y.zip")
    assert not list(tmp_path.glob("*y.zip*"))


def test_too_few_and_damaged_zips_are_refused_without_a_trace(tmp_path):
    with pytest.raises(UserError, match="1 pictures are too few"):
        train_uploads.pack([("a.png", png()), ("b.png", b"")], tmp_path / "x.zip")
    whole = zipped({"a.png": png()})
    with pytest.raises(UserError, match=r"bad\.zip: not an intact zip"):
        train_uploads.pack([("bad.zip", whole[:50])], tmp_path / "x.zip")
    assert not list(tmp_path.rglob("*.zip*"))


@pytest.mark.parametrize("name", ["../../x.png", "C:\\x.png", "/etc/x.png", "x\n.png", ""])
def test_no_name_reaches_the_disk(tmp_path, name):
    files = [(name, png(i)) for i in range(8)]
    train_uploads.pack(files, tmp_path / "x.zip")
    for stored in zipfile.ZipFile(tmp_path / "x.zip").namelist():
        assert not Path(stored).is_absolute()
        assert ".." not in stored.split("/")
        assert stored.isprintable()
