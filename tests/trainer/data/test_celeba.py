"""CelebA from a small tree made by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer import data
from trainer.config import DataConfig
from trainer.data import local
from trainer.errors import UserError

PARTS = {"000001.jpg": 0, "000002.jpg": 1, "000003.jpg": 2, "000004.jpg": 0, "000009.jpg": 2}  # the last has no file


@pytest.fixture
def root(tmp_path) -> Path:
    """Files of 178 x 218 pixels, black but for a bright frame outside of the 148 pixels in the middle."""
    folder = tmp_path / "celeba" / "img_align_celeba"
    folder.mkdir(parents=True)
    for name in ("000001.jpg", "000002.jpg", "000003.jpg"):
        pixels = np.full((218, 178, 3), 255, np.uint8)
        pixels[35:183, 15:163] = 10
        Image.fromarray(pixels).save(folder / name, quality=100, subsampling=0)
    (folder / "000004.jpg").write_bytes(b"\xff\xd8\xff nothing")
    listing = "".join(f"{name} {part}\n" for name, part in PARTS.items())
    (tmp_path / "celeba" / "list_eval_partition.txt").write_text(listing, encoding="utf-8")
    return tmp_path


def test_the_published_split_with_validation_in_training(root):
    ids = {split: data.load("celeba", split, root).ids for split in ("train", "test", "all")}
    assert ids["train"] == ("celeba-000001", "celeba-000002")
    assert ids["test"] == ("celeba-000003",)
    assert ids["all"] == ("celeba-000001", "celeba-000002", "celeba-000003")
    broken = data.load("celeba", "train", root)
    assert broken.images.shape == (2, 3, 64, 64)
    assert [line.split(":")[0] for line in broken.skipped] == ["000004.jpg"]


def test_the_crop_decides_what_is_seen(root):
    usual = data.load(DataConfig(name="celeba", size=64, channels=3), "test", root).images
    assert usual.max() < 80, "the frame is cut away, but for what resampling and JPEG smear"
    whole = data.load(DataConfig(name="celeba", size=64, channels=3, crop=178), "test", root).images
    assert whole[0, :, :4, :4].min() > 200


def test_a_zip_is_read_as_it_is(root):
    folder = root / "celeba" / "img_align_celeba"
    unpacked = data.load("celeba", "all", root).images
    shutil.make_archive(str(folder), "zip", root / "celeba", "img_align_celeba")
    shutil.rmtree(folder)
    assert (data.load("celeba", "all", root).images == unpacked).all()


def test_what_is_absent_is_told_with_its_address(root):
    with pytest.raises(UserError, match=r"get both from https://mmlab\.ie\.cuhk\.edu\.hk/"):
        data.load("celeba", "train", root / "nowhere")
    (root / "celeba" / "list_eval_partition.txt").write_text("one two three\n", encoding="utf-8")
    with pytest.raises(UserError, match="is not a list of"):
        data.load("celeba", "train", root)
    (root / "celeba" / "list_eval_partition.txt").write_text("000001.jpg 0\n", encoding="utf-8")
    with pytest.raises(UserError, match="no readable picture of the test part"):
        data.load("celeba", "test", root)


def test_a_crop_without_celeba_or_folder_is_refused():
    with pytest.raises(ValueError, match=r"data\.crop belongs to data.name=celeba and data.name=folder only"):
        DataConfig(name="mnist", crop=100)
    with pytest.raises(ValueError, match=r"data\.crop is at most 178"):
        DataConfig(name="celeba", crop=200)


def test_faces_are_found_by_their_ids_where_their_files_are(root):
    settings = DataConfig(name="celeba", size=64, channels=3)
    place = local.place(settings, [root / "nowhere", root])
    assert place == root
    ids = ("celeba-000003", "celeba-000001")
    found = local.find(settings, ids, place)
    assert found.labels is None
    loaded = data.load(settings, "all", root)
    expected = [loaded.images[loaded.ids.index(name)].numpy() for name in ids]
    assert np.array_equal(found.read(np.array([0, 1])), expected)
    assert local.find(settings, (*ids, "celeba-000009"), place) is None
    assert local.find(settings, ("../000001",), place) is None
    assert local.place(settings, [root / "nowhere"]) is None
