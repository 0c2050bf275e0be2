"""Layouts and depths: exact, invertible, and converted in one place."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import torch

from trainer.data import pixels
from trainer.system import ROOT


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("front", [(), (4,), (2, 3)])
def test_channels_move_there_and_back(front):
    colour = noise(*front, 3, 5, 7)
    last = pixels.channels_last(colour)
    assert last.shape == (*front, 5, 7, 3)
    for channel in range(3):
        assert (last[..., channel] == colour[..., channel, :, :]).all()
    assert last.flags.c_contiguous
    assert (pixels.channels_first(last) == colour).all()
    assert pixels.channels_last(noise(*front, 1, 5, 7)).shape == (*front, 5, 7)


def test_bytes_survive_the_way_through_floats():
    every = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    floats = pixels.to_float(every)
    assert floats.dtype == torch.float32
    assert (floats.min(), floats.max()) == (0, 1)
    assert (pixels.to_uint8(floats) == every).all()
    assert pixels.to_uint8(torch.tensor([-1.0, 0.4999 / 255, 0.5001 / 255, 2.0])).tolist() == [0, 0, 1, 255]
    every.setflags(write=False)
    pixels.to_float(every).zero_()
    assert every.max() == 255


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_are_joined_and_split(channels):
    tiles = noise(6, channels, 4, 5)
    sheet = pixels.join_tiles(tiles, 3)
    assert (pixels.split_tiles(sheet.reshape(8, 15, channels), 4, 5) == tiles).all()
    spaced = pixels.join_tiles(tiles[:5], 3, gap=2, ground=9)
    assert spaced.shape[:2] == (10, 19)
    assert (spaced[6:, 7:12] == pixels.channels_last(tiles[4])).all()
    assert (spaced[4:6] == 9).all()
    assert (spaced[6:, 14:] == 9).all()


def test_no_other_module_moves_axes_of_pictures():
    """priors.py permutes codes, not pictures."""
    allowed = {"trainer/data/pixels.py", "trainer/models/priors.py"}
    moving = {"transpose", "moveaxis", "swapaxes", "permute", "rollaxis"}
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("trainer", "explorer", "pages")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in moving
    }
    assert found == allowed
