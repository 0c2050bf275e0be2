"""Folders and zips that are broken, huge or made to harm."""

from __future__ import annotations

import os
import struct
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tests.trainer.data.folders import CLASSES, fill, open_set, pack, picture, refusal
from trainer.config import DataConfig
from trainer.data import collect, load
from trainer.data.zips import Limits
from trainer.errors import UserError


def test_broken_files_are_listed_and_the_rest_is_kept(tmp_path):
    good, noise = picture(50), np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    jpeg = BytesIO()
    Image.fromarray(noise).save(jpeg, "JPEG")
    files = {
        "good.png": good,
        "zero.png": b"",
        "text.png": b"not a picture",
        "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "cut.jpg": jpeg.getvalue()[:2000],
        "damaged.png": good[:40] + bytes(20) + good[60:],
        "inner.zip": pack(tmp_path / "inner", {"x.png": good}).read_bytes(),
    }
    for source in (fill(tmp_path / "folder", files), pack(tmp_path / "all.zip", files)):
        images = open_set(source)
        assert images.ids == ("good.png",)
        reasons = {text.split(": ")[0]: text for text in images.skipped}
        assert set(reasons) == set(files) - {"good.png"}
        assert "empty" in reasons["zero.png"]
        assert "text" in reasons["text.png"]
        assert "SVG" in reasons["drawing.png"]
        assert "cut short" in reasons["cut.jpg"]
        assert "zip archive" in reasons["inner.zip"]


def test_nothing_to_read(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty" in refusal(tmp_path / "empty")
    assert "empty" in refusal(pack(tmp_path / "empty.zip", {}))
    assert "none of its 1 files is a picture" in refusal(fill(tmp_path / "text", {"a.txt": b"hello"}))
    assert "is readable" in refusal(fill(tmp_path / "broken", {"a.png": picture()[:60]}))
    assert "no such folder" in refusal(tmp_path / "absent")
    assert "nor an intact zip" in refusal(fill(tmp_path, {"x.zip": b"PK\x03\x04 and then nothing"}) / "x.zip")
    assert "nor an intact zip" in refusal(fill(tmp_path, {"one.png": picture()}) / "one.png")


@pytest.mark.parametrize(
    "name", ["../up.png", "a/../../up.png", "/etc/up.png", "C:/up.png", "..\\up.png", "C:\\up.png"]
)
def test_unsafe_zip_paths_are_refused_and_nothing_is_written(tmp_path, name):
    (tmp_path / "in").mkdir()
    source = pack(tmp_path / "in" / "x.zip", {"ok.png": picture()})
    with zipfile.ZipFile(source, "a") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, picture())
    before = sorted(tmp_path.rglob("*"))
    images = open_set(source)
    assert images.ids == ("ok.png",)
    assert len(images.skipped) == 1
    assert "unsafe path" in images.skipped[0]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_second_entry_of_a_name(tmp_path):
    source = pack(tmp_path / "x.zip", {"a.png": picture(1), "b.png": picture(2)})
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("a.png", picture(250))
    images = open_set(source)
    assert images.ids == ("a.png", "b.png")
    assert images.images[0].max() == 1
    assert "second entry" in images.skipped[0]


def test_entries_that_lie_about_their_size(tmp_path):
    """A bomb that declares 100 bytes and unpacks to 64 MiB: no more than the limit is ever unpacked."""
    source = pack(tmp_path / "x.zip", {"ok.png": picture(), "bomb.png": picture() + bytes(2**26)})
    content = bytearray(source.read_bytes())
    declared = struct.pack("<I", len(picture()) + 2**26)
    assert content.count(declared) == 2  # in the entry and in the table of contents
    images = open_set(source)
    assert images.ids == ("ok.png",)
    assert "larger than" in images.skipped[0]
    source.write_bytes(bytes(content).replace(declared, struct.pack("<I", 100)))
    images = open_set(source)
    assert images.ids == ("ok.png",)
    assert images.skipped[0].startswith("bomb.png: ")


def test_damaged_encrypted_and_unusual_entries(tmp_path):
    files = {"ok.png": picture(), "sum.png": picture(7)}
    source = pack(tmp_path / "x.zip", files, zipfile.ZIP_STORED)
    content = source.read_bytes()
    place = content.rindex(b"IDAT", 0, content.index(b"PK\x01\x02")) + 8
    source.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
    images = open_set(source)
    assert images.ids == ("ok.png",)
    assert "damaged in the zip" in images.skipped[0]

    source = pack(tmp_path / "y.zip", {"ok.png": picture()})
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("lzma.png", picture(), zipfile.ZIP_LZMA)
    assert "method" in open_set(source).skipped[0]

    content = bytearray(pack(tmp_path / "z.zip", {"ok.png": picture()}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "z.zip").write_bytes(content)
    assert "without password" in refusal(tmp_path / "z.zip")


def test_counts_and_totals_are_limited(tmp_path, monkeypatch):
    files = {f"{index}.png": picture() for index in range(6)}
    folder, packed = fill(tmp_path / "f", files), pack(tmp_path / "f.zip", files)
    monkeypatch.setattr(collect, "LIMITS", Limits(files=6))
    assert len(open_set(folder)) == len(open_set(packed)) == 6
    monkeypatch.setattr(collect, "LIMITS", Limits(files=5))
    assert "more than 5 files" in refusal(folder)
    assert "more than 5 files" in refusal(packed)
    monkeypatch.setattr(collect, "LIMITS", Limits(files=10, unpacked=6 * len(picture()) - 1))
    assert "when unpacked" in refusal(packed)


def test_a_huge_table_of_contents_is_refused_before_it_is_read(tmp_path):
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, 200 * 2**20, 0, 0)
    with (tmp_path / "x.zip").open("wb") as handle:
        handle.truncate(200 * 2**20)
        handle.seek(0, os.SEEK_END)
        handle.write(end)
    assert "more than 200,000 files" in refusal(tmp_path / "x.zip")


def test_cut_zips_never_escape_as_another_error(tmp_path):
    content = pack(tmp_path / "x.zip", CLASSES).read_bytes()
    generator = np.random.default_rng(0)
    outcomes = set()
    for _ in range(60):
        damaged = bytearray(content)
        for position in generator.integers(len(content) - 2500, len(content), size=4):
            damaged[position] = generator.integers(0, 256)
        (tmp_path / "d.zip").write_bytes(damaged)
        try:
            outcomes.add(len(open_set(tmp_path / "d.zip")) > 0)
        except UserError:
            outcomes.add(False)
    assert True in outcomes


def test_links_pipes_and_circles(tmp_path):
    fill(tmp_path, {"a/1.png": picture(), "b/2.png": picture()})
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "b" / "pipe.png")
    images = open_set(tmp_path)
    assert images.ids == ("a/1.png", "b/2.png")
    link = "a/loop: a link to a folder that is read already."
    assert images.skipped == (link, "b/gone.png: not a regular file.", "b/pipe.png: not a regular file.")


def test_a_failure_in_the_callers_code_stays_what_it_is(tmp_path):
    def fail(_done: int, _total: int) -> None:
        raise BrokenPipeError("the terminal is gone")

    source = pack(tmp_path / "x.zip", CLASSES)
    with pytest.raises(BrokenPipeError):
        load(DataConfig(name="folder", path=str(source)), "all", progress=fail)
