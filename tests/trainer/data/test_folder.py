"""Folders and zips of pictures: what is read, and the splits."""

from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.trainer.data.folders import CLASSES, fill, open_set, pack, picture, refusal
from trainer.config import DataConfig
from trainer.data import load
from trainer.data.folder import arrange, hashed_splits

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
