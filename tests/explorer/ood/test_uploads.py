"""Files and zips of a visitor: the good ones in order, the bad ones by name, the hostile ones refused."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from explorer.shared import uploads
from explorer.shared.uploads import read_files
from tests.fixtures import blob_pictures, zipped
from trainer.errors import UserError
from trainer.ood.inputs import read_pictures

SHAPE = (1, 32, 32)


def png(seed: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0]), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def refused(name: str, content: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_files([(name, content)], SHAPE)
    sentence = str(caught.value)
    assert sentence.startswith(f"{name}: ")
    assert sentence.count("\n") == 0
    return sentence


@pytest.mark.parametrize("several", [False, True])
def test_files_and_zips_are_read_and_named_as_the_command_line_does(several, tmp_path):
    content = {"b/2.png": png(2), "a/1.png": png(1), "a/broken.png": png(3)[:60], "notes.txt": b"hello"}
    files = [("some.zip", zipped(content))]
    if several:
        files += [("alone.png", png(4)), ("second.ZIP", zipped({"a/1.png": png(5)}))]
    paths = []
    for name, data in files:
        (tmp_path / name).write_bytes(data)
        paths.append(tmp_path / name)
    found, expected = read_files(files, SHAPE), read_pictures(paths, SHAPE)
    assert found.names == expected.names
    assert len(found.names) == (4 if several else 2)
    assert np.array_equal(np.stack([upload.array for upload in found.uploads]), expected.arrays)
    assert len(found.rejected) == len(expected.skipped) == 2


def test_one_bad_file_is_reported_by_its_name_and_the_others_are_read():
    entries = {"good/1.png": png(1), "good/2.png": png(2)[:50], "other/2.png": png(3), "empty.png": b""}
    found = read_files([("set.zip", zipped(entries))], SHAPE)
    assert found.names == ("good/1.png", "other/2.png")
    assert len(found.rejected) == 2
    assert any(sentence.startswith("good/2.png: ") for sentence in found.rejected)
    assert any(sentence.startswith("empty.png: ") for sentence in found.rejected)


def test_unsafe_paths_and_nested_zips_are_left_out_by_name():
    entries = {
        "../up.png": png(1),
        "/etc/absolute.png": png(2),
        "C:/drive.png": png(3),
        "in/../out.png": png(4),
        "nested.zip": zipped({"inner.png": png(5)}),
        "fine.png": png(6),
    }
    found = read_files([("set.zip", zipped(entries))], SHAPE)
    assert found.names == ("fine.png",)
    assert len(found.rejected) == 5
    assert sum("unsafe path" in sentence for sentence in found.rejected) == 4
    assert any(sentence.startswith("nested.zip: ") and "zip" in sentence for sentence in found.rejected)


def test_ten_thousand_entries_are_refused_before_they_are_listed(monkeypatch):
    content = zipped({f"{i:05d}.png": b"" for i in range(10_000)}, zipfile.ZIP_STORED)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # opening it fails now
    assert "10,000 files" in refused("many.zip", content)


def test_more_pictures_than_allowed_are_refused_from_one_zip_or_many_files():
    picture = png(size=(4, 4))
    with pytest.raises(UserError, match="More than 200"):
        read_files([("set.zip", zipped({f"{i}.png": picture for i in range(201)}))], SHAPE)
    with pytest.raises(UserError, match="More than 200"):
        read_files([(f"{i}.png", picture) for i in range(201)], SHAPE)
    assert len(read_files([("set.zip", zipped({f"{i}.png": picture for i in range(200)}))], SHAPE).names) == 200


def test_a_zip_that_unpacks_to_too_much_is_refused_by_what_it_declares():
    bomb = zipped({f"{i}.png": bytes(30 * 2**20) for i in range(9)})
    assert len(bomb) < 2**19
    assert "270 MiB" in refused("bomb.zip", bomb)


def test_a_zip_that_lies_about_its_sizes_gives_no_more_than_it_declared():
    """One entry of 30 MB that calls itself 100 bytes: only these are ever read, and they are no picture."""
    honest = zipped({"lie.png": png(1) + bytes(30 * 2**20)})
    size = len(png(1)) + 30 * 2**20
    lying = honest.replace(struct.pack("<I", size), struct.pack("<I", 100))
    found = read_files([("lies.zip", lying)], SHAPE)
    assert found.names == ()
    assert found.rejected[0].startswith("lie.png: ")


@pytest.mark.parametrize("content", [b"PK\x03\x04 nothing of the kind", b"PK", zipped({"a.png": png()})[:-30]])
def test_what_is_no_zip_is_refused_in_a_sentence(content):
    assert "not an intact zip" in refused("bad.zip", content)


def test_a_picture_of_too_many_pixels_is_left_out_before_it_is_decoded():
    head = png(size=(4, 4))
    wide = head[:16] + struct.pack(">II", 30_000, 30_000) + head[24:]
    import zlib

    wide = wide[:29] + struct.pack(">I", zlib.crc32(wide[12:29])) + wide[33:]
    found = read_files([("huge.png", wide), ("fine.png", png())], SHAPE)
    assert found.names == ("fine.png",)
    assert "million pixels" in found.rejected[0]


def test_together_they_may_not_have_more_pixels_than_the_budget(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_TOGETHER", 2_500)
    found = read_files([(f"{i}.png", png(i)) for i in range(5)], SHAPE)  # 1,200 pixels each
    assert found.names == ("0.png", "1.png", "2.png", "3.png")  # two at a time
    assert found.rejected[0].startswith("1 more were left out")


def test_the_content_decides_not_the_ending():
    found = read_files([("picture.zip", png(1)), ("zip.png", zipped({"a.png": png(2)}))], SHAPE)
    assert found.names == ("picture.zip", "zip.png/a.png")


def test_progress_counts_every_picture_good_or_bad():
    seen = []
    read_files([("a.png", png()), ("b.png", b"no"), ("c.png", png())], SHAPE, lambda *step: seen.append(step))
    assert seen == [(2, 3), (3, 3)]


def test_a_picture_of_the_models_size_arrives_bit_by_bit():
    pixels = blob_pictures(1)[0][0]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[0])).save(buffer, "PNG")
    found = read_files([("exact.png", buffer.getvalue())], SHAPE)
    assert np.array_equal(found.uploads[0].array, pixels)
