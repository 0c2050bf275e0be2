"""Omniglot's tree of alphabets and characters."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainer.data.folders import fill, picture
from trainer.config import DataConfig
from trainer.data import load
from trainer.errors import UserError


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
