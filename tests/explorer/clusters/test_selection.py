"""Selections as text: what is packed is unpacked, and what strangers write selects nothing."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest

from explorer.clusters import selection
from explorer.shared.encoding import LONGEST_TEXT

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("count", [1, 8, 9, 1000, 100_000])
@pytest.mark.parametrize("share", [0.0, 0.003, 0.2, 1.0])
def test_what_is_packed_is_unpacked(count, share):
    flags = RANDOM.random(count) < share
    np.testing.assert_array_equal(selection.from_bits(selection.to_bits(flags), count), flags)
    text = selection.to_link(flags)
    assert len(text) <= selection.LONGEST < LONGEST_TEXT
    if text:
        np.testing.assert_array_equal(selection.from_link(text, count), flags)


def test_a_lasso_over_ten_thousand_pictures_fits_a_link():
    for share in (0.001, 0.01, 0.1, 0.5):
        flags = RANDOM.random(10_000) < share
        assert (selection.from_link(selection.to_link(flags), 10_000) == flags).all()


def test_the_lowest_bit_comes_first_as_the_browser_writes_it():
    flags = np.zeros(21, bool)
    flags[::3] = True
    assert base64.b64decode(selection.to_bits(flags))[0] == 0b01001001


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(data, 9)).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "====",
        "é" * 9,
        "\0",
        "AAAA",
        "A" * 4000,
        packed(b"\xff" * 4),
        packed(b"\xff" * 6),
        packed(bytes(10**7)),
    ],
)
def test_anything_else_selects_nothing(text):
    assert not selection.from_link(text, 40).any()
    assert not selection.from_bits(text, 40).any()


@pytest.mark.parametrize("text", [None, 7, ["AAAA"], {"a": 1}])
def test_a_report_of_another_kind_selects_nothing(text):
    assert not selection.from_bits(text, 40).any()
