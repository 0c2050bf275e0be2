"""Folders and zips of pictures, kind and hostile, and Omniglot's tree."""

from __future__ import annotations

import os
import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.config import DataConfig
from trainer.data import collect, load
from trainer.data.folder import arrange, hashed_splits
from trainer.data.imageset import ImageSet
from trainer.data.zips import Limits
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


# --- what it must read -----------------------------------------------------------------------------------------------


def test_the_crop_decides_what_is_seen(tmp_path):
    """White within the central 40 pixels of 80, black around: only a crop of 40 sees no black."""
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[10:50, 20:60] = 255
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    files = {f"{name}.png": buffer.getvalue() for name in "ab"}
    for place in (fill(tmp_path / "photos", files), pack(tmp_path / "photos.zip", files)):
        assert open_set(place, crop=40).images.min() > 230  # Lanczos reads a pixel beyond the box
        assert open_set(place).images.min() < 30
        assert torch.equal(open_set(place, crop=60).images, open_set(place).images)


def test_sub_folders_are_classes(tmp_path):
    images = open_set(fill(tmp_path / "pets", CLASSES))
    assert images.name == "pets"
    assert images.label_names == ("cat", "dog")
    assert images.labels.bincount().tolist() == [15, 15]
    assert list(images.ids) == sorted(CLASSES)
    for index, name in enumerate(images.ids):
        assert images.label_names[images.labels[index]] == name.split("/")[0]
        assert images.images[index].unique().tolist() == [10 * int(Path(name).stem) + 5]


def test_a_flat_folder_and_a_mixed_one_have_no_classes(tmp_path):
    loose = {f"loose-{i}.png": picture() for i in range(10)}
    assert open_set(fill(tmp_path / "flat", {"1.png": picture(), "2.png": picture()})).labels is None
    mixed = open_set(fill(tmp_path / "mixed", CLASSES | loose))
    assert mixed.labels is None
    assert mixed.label_names == ()
    assert len(mixed) == 40


def test_notes_beside_the_pictures_do_not_hide_the_classes(tmp_path):
    files = CLASSES | {
        "README.md": b"my pets",
        "cat/labels.csv": b"a,b",
        ".DS_Store": b"x",
        "__MACOSX/cat/._1.png": b"x",
    }
    for source in (fill(tmp_path / "pets", files), pack(tmp_path / "pets.zip", files)):
        images = open_set(source)
        assert images.label_names == ("cat", "dog")
        assert [text.split(":")[0] for text in images.skipped] == ["README.md", "cat/labels.csv"]
        assert all("text" in text for text in images.skipped)


def test_a_zip_equals_its_folder(tmp_path):
    folder = open_set(fill(tmp_path / "pets", CLASSES), "test")
    for name, prefix in (("plain.zip", ""), ("wrapped.zip", "my photos/pets/")):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            packed = open_set(
                pack(tmp_path / name, {prefix + key: value for key, value in CLASSES.items()}, method), "test"
            )
            assert packed.ids == folder.ids
            assert packed.images.equal(folder.images)
            assert packed.labels.equal(folder.labels)
    assert packed.name == "wrapped"


def test_every_mode_and_size_ends_as_the_models_input(tmp_path):
    files = {
        f"{mode}-{kind}.{kind.lower()}": picture(204, size, mode, kind)
        for (mode, kind), size in zip(
            [
                ("L", "PNG"),
                ("RGB", "JPEG"),
                ("RGBA", "PNG"),
                ("P", "GIF"),
                ("1", "PNG"),
                ("CMYK", "JPEG"),
                ("LA", "PNG"),
            ],
            [(5, 5), (300, 20), (20, 300), (64, 64), (33, 65), (100, 101), (1, 1)],
            strict=True,
        )
    }
    deep = BytesIO()
    Image.fromarray(np.full((9, 17), 204 * 257, dtype=np.uint16)).save(deep, "PNG")
    images = open_set(fill(tmp_path, files | {"deep.png": deep.getvalue()}), size=64, channels=3)
    assert images.images.shape == (8, 3, 64, 64)
    assert images.skipped == ()
    for index, name in enumerate(images.ids):
        if not name.startswith("1-"):  # bilevel dithers grey into black and white; 204 is in the palette
            assert (images.images[index].int() - 204).abs().max() <= 3, name


def test_relative_paths_are_also_looked_for_below_the_data_root(tmp_path):
    fill(tmp_path / "own" / "pets", CLASSES)
    images = load(DataConfig(name="folder", path="own/pets"), "all", tmp_path)
    assert len(images) == 30


def test_progress_reaches_the_total(tmp_path):
    seen = []
    fill(tmp_path, {f"{index:03d}.png": picture(index % 256) for index in range(300)} | {"100.png": b""})
    config = DataConfig(name="folder", path=str(tmp_path))
    images = load(config, "all", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(256, 299), (299, 299)]
    assert images.images[:, 0, 0, 0].tolist() == [int(name[:3]) % 256 for name in images.ids]  # also past a block


def test_names_that_cannot_be_printed_or_encoded(tmp_path):
    fill(tmp_path, {"a\x1b[31m.png": picture(), "grün 图.png": picture(), "back\\slash.png": picture()})
    with open(os.fsencode(tmp_path) + b"/bad\xff.png", "wb") as handle:
        handle.write(picture())
    images = open_set(tmp_path)
    assert set(images.ids) == {r"a\x1b[31m.png", "grün 图.png", r"back\\slash.png", r"bad\udcff.png"}
    assert "".join(images.ids).encode("utf-8").decode().isprintable()


# --- splits ----------------------------------------------------------------------------------------------------------


def test_train_and_test_are_disjoint_and_complete(tmp_path):
    fill(tmp_path, {f"{index:03d}.png": picture(index) for index in range(200)})
    train, test, both = (open_set(tmp_path, split) for split in ("train", "test", "all"))
    assert sorted(train.ids + test.ids) == list(both.ids)
    assert 8 <= len(test) <= 35  # binomial with mean 20: outside this range once in a thousand at most
    assert (train.split, test.split) == ("train", "test")


def test_the_split_of_a_picture_does_not_depend_on_the_others():
    names = [f"{index}.jpg" for index in range(5000)]
    splits = dict(zip(names, hashed_splits(names), strict=True))
    assert 0.08 < list(splits.values()).count("test") / 5000 < 0.12
    fewer = names[1000:]
    assert hashed_splits(fewer) == [splits[name] for name in fewer]


def test_no_split_is_empty_in_a_small_folder(tmp_path):
    for count in range(2, 12):
        for start in range(20):
            splits = hashed_splits([f"{start + index}.jpg" for index in range(count)])
            assert set(splits) == {"train", "test"}, (start, count)
    one = fill(tmp_path, {"1.png": picture()})
    assert len(open_set(one, "all")) == len(open_set(one, "train")) == 1  # SHA-256 puts "1.png" there
    assert "too few" in refusal(one, "test")


def test_given_splits_are_obeyed(tmp_path):
    files = {
        f"faces/{part}/{kind}/{i}.png": picture()
        for part in ("Train", "val", "test")
        for kind in "ab"
        for i in range(3)
    }
    train, test = (open_set(fill(tmp_path, files), split) for split in ("train", "test"))
    assert (len(train), len(test)) == (12, 6)
    assert {name.split("/")[0] for name in test.ids} == {"test"}
    assert train.label_names == test.label_names == ("a", "b")
    assert [place.split for place in arrange(["train/1.png", "other/2.png"] * 20)].count("test") < 20  # not a split


# --- hostile input ---------------------------------------------------------------------------------------------------


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


# --- Omniglot --------------------------------------------------------------------------------------------------------


@pytest.fixture
def omniglot(tmp_path) -> Path:
    """Two alphabets of 10 and 6 characters, three drawers; white with a black square that grows by character."""
    for alphabet, count in (("Greek", 10), ("Korean", 6)):
        for number in range(1, count + 1):
            pixels = np.ones((105, 105), dtype=bool)
            pixels[: 5 * number, : 5 * number] = False
            for drawer in (1, 2, 3):
                name = f"omniglot-py/images_background/{alphabet}/character{number:02d}/{number:04d}_{drawer:02d}.png"
                buffer = BytesIO()
                Image.fromarray(pixels).save(buffer, "PNG")
                fill(tmp_path, {name: buffer.getvalue()})
    return tmp_path


def test_omniglot_splits_by_character(omniglot):
    train, test, both = (load("omniglot", split, omniglot) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(both)) == (39, 9, 48)
    assert {test.label_names[label] for label in test.labels} == {
        "Greek/character05",
        "Greek/character10",
        "Korean/character05",
    }
    assert len(both.label_names) == 16
    assert train.label_names == test.label_names == both.label_names
    assert test.ids[0] == "omniglot-Greek-character05-0005_01"
    assert both.labels.bincount().tolist() == [3] * 16


def test_omniglot_keeps_its_polarity_and_takes_both_sizes(omniglot):
    for size, channels in ((32, 1), (64, 3)):
        images = load(DataConfig(name="omniglot", size=size, channels=channels), "all", omniglot)
        assert images.images.shape == (48, channels, size, size)
        assert images.images[0, 0, 0, 0] == 0
        assert images.images[0, 0, -1, -1] == 255
        ink = (255 - images.images[:, 0].double()).mean((1, 2)) / 255
        number = [int(name.split("character")[1][:2]) for name in images.ids]
        assert np.allclose(ink, [(5 * n / 105) ** 2 for n in number], atol=0.01)


def test_omniglot_lists_what_is_broken_or_astray(omniglot):
    root = omniglot / "omniglot-py" / "images_background"
    fill(root, {"Greek/character01/0001_01.png": b"", "Greek/stray.png": picture(), "Greek/notes.txt": b"hello"})
    images = load("omniglot", "all", omniglot)
    assert len(images) == 47
    assert sorted(text.split(":")[0] for text in images.skipped) == [
        "Greek/character01/0001_01.png",
        "Greek/notes.txt",
        "Greek/stray.png",
    ]


def test_an_empty_omniglot_says_what_to_do(tmp_path):
    (tmp_path / "omniglot-py" / "images_background").mkdir(parents=True)
    with pytest.raises(UserError, match=r"holds no readable test characters.*github\.com/brendenlake"):
        load("omniglot", "test", tmp_path)
