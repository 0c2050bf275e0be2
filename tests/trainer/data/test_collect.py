"""One reader for folders, zips and uploads: what zipfile would believe is what is limited."""

from __future__ import annotations

import io
import struct
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from tests.fixtures import zipped
from trainer.data import collect
from trainer.data.zips import Limits
from trainer.errors import UserError


def png(value: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), value).save(buffer, "PNG")
    return buffer.getvalue()


def with_zip64(content: bytes, count: int | None = None, length: int | None = None, classic: bool = False) -> bytes:
    """The zip with a zip64 end record that says `count` and `length`; the classic one refers to it, or not."""
    place = content.rindex(b"PK\x05\x06")
    _, _, _, own, _, size, offset, _ = struct.unpack("<4s4H2IH", content[place : place + 22])
    count, length = own if count is None else count, size if length is None else length
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, place, 1)
    said = (own, own, size, offset) if classic else (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    return content[:place] + end64 + locator + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, *said, 0)


def names(content: bytes, limits: Limits | None = None) -> list[str]:
    with collect.collect(io.BytesIO(content), limits, "some.zip") as found:
        return [entry.name for entry in found.entries if entry.read()]


def refusal(content: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(UserError) as caught:
        names(content, limits)
    assert str(caught.value).startswith("some.zip: ")
    return str(caught.value)


def test_a_zip64_of_few_files_is_read():
    content = with_zip64(zipped({"a.png": png(), "b.png": png(1)}))
    assert names(content, Limits(files=2)) == ["a.png", "b.png"]
    assert "the zip holds 2 files" in refusal(content, Limits(files=1))


@pytest.mark.parametrize("classic", [False, True])
def test_the_end_record_that_zipfile_goes_by_is_the_one_that_is_limited(monkeypatch, classic):
    small = zipped({"a.png": png()})
    opened = zipfile.ZipFile
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("objects are made of a huge table of contents"))
    assert "5,000 files" in refusal(with_zip64(small, count=5_000, classic=classic), Limits(files=100))
    assert "very many files" in refusal(with_zip64(small, length=2**30, classic=classic), Limits(files=100))
    monkeypatch.setattr(zipfile, "ZipFile", opened)
    assert "not an intact zip" in refusal(with_zip64(small, length=2**30, classic=classic), Limits(files=2**22))


def test_a_count_that_is_too_low_helps_nobody():
    content = bytearray(zipped({f"{i}.png": png() for i in range(20)}))
    place = content.rindex(b"PK\x05\x06")
    content[place + 8 : place + 12] = struct.pack("<2H", 1, 1)
    assert "the zip holds 20 files" in refusal(bytes(content), Limits(files=10))


def test_entries_that_share_their_bytes_are_refused():
    """Ten names in the table of contents for one entry of 30 MiB in 30 kB: no compression is that good."""
    content = zipped({"0.png": png() + bytes(30 * 2**20)})
    start, end = content.index(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    assert names(content) == ["0.png"]
    table = b"".join(content[start:end].replace(b"0.png", b"%d.png" % i) for i in range(10))
    bomb = content[:start] + table + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 10, 10, len(table), start, 0)
    assert "cannot be true" in refusal(bomb)
    assert "300 MiB when unpacked" in refusal(bomb, Limits(unpacked=2**28))


def test_the_limit_of_one_file_is_that_of_the_caller():
    content = zipped({"a.png": png(), "fat.png": png() + bytes(2**21)})
    with collect.collect(io.BytesIO(content), Limits(file_bytes=2**20), "some.zip") as found:
        assert [entry.name for entry in found.entries] == ["a.png"]
        assert found.skipped == ["fat.png: larger than 1 MiB when unpacked."]


def test_files_folders_and_zips_are_gathered_under_one_roof(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.png").write_bytes(png(1))
    (tmp_path / "y.png").write_bytes(png(2))
    packed = zipped({"in/z.png": png(3), "t.txt": b"text"})
    with ExitStack() as stack:
        sources = [tmp_path / "folder", tmp_path / "y.png", ("C:\\tmp\\up.zip", packed), ("w.png", png(4))]
        found = collect.gather(stack, sources)
        read = [entry.read() for entry in found.entries]
        assert [entry.name for entry in found.entries] == ["folder/x.png", "y.png", "up.zip/in/z.png", "w.png"]
        assert [each.read_bytes() if isinstance(each, Path) else each for each in read] == [
            png(i) for i in (1, 2, 3, 4)
        ]
        assert [sentence.split(":")[0] for sentence in found.skipped] == ["up.zip/t.txt"]
        alone = collect.gather(stack, [("up.zip", packed)])
        assert [entry.name for entry in alone.entries] == ["in/z.png"]
        with pytest.raises(UserError, match="More than 3 pictures"):
            collect.gather(stack, sources, pictures=3)
