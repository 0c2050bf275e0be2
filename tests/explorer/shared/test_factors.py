"""Rendered pictures, and factors in words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from explorer.shared import factors
from trainer.data import rendering


def test_pictures_are_those_of_the_renderer():
    entry = SimpleNamespace(image_shape=(3, 32, 32))
    combinations = [(3, 6, 0, 4, 1, 7), (9, 0, 5, 7, 3, 14), (3, 6, 1, 4, 1, 7)]
    found = factors.rendered(entry, combinations)
    assert np.array_equal(found, rendering.render_indices(torch.tensor(combinations), 32).numpy())


def test_a_sweep_takes_every_value_of_one_factor_and_keeps_the_others():
    base = (1, 2, 3, 4, 0, 6)
    for factor, size in enumerate(rendering.SIZES):
        found = np.array(factors.sweep(base, factor))
        assert found[:, factor].tolist() == list(range(size))
        assert (np.delete(found, factor, 1) == np.delete(np.array(base), factor)).all()


def test_whatever_a_link_says_becomes_a_combination():
    assert factors.combination(()) == factors.USUAL
    assert factors.combination((1, 2)) == factors.USUAL
    assert factors.combination((99,) * 6) == tuple(size - 1 for size in rendering.SIZES)
    assert factors.combination((1, 2, 3, 4, 0, 6)) == (1, 2, 3, 4, 0, 6)


def test_factors_are_in_the_words_of_people():
    known = {factor.name: factor for factor in factors.factors()}
    assert [len(factor.values) for factor in known.values()] == list(rendering.SIZES)
    assert known["shape"].values == rendering.SHAPES
    assert known["orientation"].values[0] == "−30°"
    assert known["orientation"].values[7] == "0°"
    assert known["object hue"].colours[3] == "hsl(108 100% 50%)"
    assert known["scale"].colours is None
