from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from trainer.errors import UserError
from trainer.runs.folder import SPRITE_COLUMNS
from trainer.runs.sprite import choose_tiles, read_sprite_tiles, write_sprite


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_come_back_bit_exact(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (SPRITE_COLUMNS + 7, channels, 8, 8), dtype=np.uint8)
    write_sprite(images, tmp_path / "sprite.png")
    with Image.open(tmp_path / "sprite.png") as sheet:
        assert sheet.size == (8 * SPRITE_COLUMNS, 16)
        assert sheet.mode == ("L" if channels == 1 else "RGB")
        tile = np.asarray(sheet)[8:16, 16:24].reshape(8, 8, channels)  # row 1, column 2 = tile 52
    assert (tile.transpose(2, 0, 1) == images[SPRITE_COLUMNS + 2]).all()
    order = [SPRITE_COLUMNS + 6, 0, 3, 3]
    assert (read_sprite_tiles(tmp_path / "sprite.png", (channels, 8, 8), order) == images[order]).all()
    everything = read_sprite_tiles(tmp_path / "sprite.png", (channels, 8, 8))
    assert (everything[: len(images)] == images).all()
    assert not everything[len(images) :].any()


def test_wrong_size_damage_absence_and_bad_index_are_told(tmp_path):
    path = tmp_path / "sprite.png"
    with pytest.raises(UserError, match="no such file"):
        read_sprite_tiles(path, (1, 8, 8), [0])
    write_sprite(np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8), path)
    with pytest.raises(UserError, match="not 32x32"):
        read_sprite_tiles(path, (1, 32, 32), [0])
    for index in (-1, 2 * SPRITE_COLUMNS):
        with pytest.raises(IndexError):
            read_sprite_tiles(path, (1, 8, 8), [index])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match="damaged"):
        read_sprite_tiles(path, (1, 8, 8), [0])
    path.write_text("hello")
    with pytest.raises(UserError, match="damaged"):
        read_sprite_tiles(path, (1, 8, 8), [0])


def test_choice_is_balanced_deterministic_and_in_order():
    labels = np.repeat(np.arange(5), [3, 50, 50, 100, 400])
    chosen = choose_tiles(labels, len(labels), limit=101)
    assert len(set(chosen)) == 101
    assert (np.diff(chosen) > 0).all()
    counts = np.bincount(labels[chosen])
    assert counts[0] == 3  # exhausted
    assert sorted(counts[1:]) == [24, 24, 25, 25]
    assert (chosen == choose_tiles(labels, len(labels), limit=101)).all()


def test_choice_takes_everything_where_there_is_room():
    assert choose_tiles(np.zeros(7, dtype=int), 7).tolist() == list(range(7))
    assert len(choose_tiles(None, 5000, limit=2000)) == 2000
