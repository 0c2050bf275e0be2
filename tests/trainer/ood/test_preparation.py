"""Own pictures made like the training pictures: the bundled model then judges them by their shape alone."""

from __future__ import annotations

import numpy as np
import pytest

from tests.handwriting import Judge, digits, enlarged, letter, png, ways
from trainer.data.pictures import DETAIL
from trainer.data.strokes import random_strokes
from trainer.ood import preparation
from trainer.ood.preparation import AS_IT_IS, CUT_OUT, INVERTED, Like

DIGITS, MISTAKES = 12, 3
"""Of these digits one is broken and two are near the threshold; more mistakes would be the preparation's doing."""
LETTERS = "AEFHKMNRWX"  # unlike any digit
INVISIBLE = "transparent PNG, white ink"


@pytest.fixture(scope="module")
def judged():
    """Return versions and verdicts of files, by the settings that page and command line have by default."""
    return Judge("mnist-gmp")


@pytest.mark.parametrize("way", sorted({*ways()} - {INVISIBLE}))
def test_digits_are_ordinary_however_their_picture_is_taken(judged, way):
    files = [ways()[way](enlarged(each), i) for i, each in enumerate(digits(DIGITS, seed=3))]
    assert judged(files)[1].count("outlier") <= MISTAKES


@pytest.mark.parametrize(
    "way", ["grey paper, 160", "hard shadow", "squared paper, aslant", "off centre, small", "screenshot", "thin pen"]
)
@pytest.mark.parametrize("stroke", [0, 6])
def test_letters_stay_outliers(judged, way, stroke):
    files = [ways()[way](letter(each, stroke=stroke), i) for i, each in enumerate(LETTERS)]
    assert judged(files)[1].count("outlier") >= len(LETTERS) - 1


def test_black_on_white_is_inverted_and_what_fits_stays_as_it_is(judged):
    versions, verdicts = judged([png(255 - each) for each in digits(DIGITS)])
    assert verdicts.count("outlier") <= MISTAKES
    assert versions.count(INVERTED) >= DIGITS - MISTAKES
    versions, verdicts = judged([png(each) for each in digits(DIGITS)])
    assert verdicts.count("outlier") <= MISTAKES
    assert versions.count(AS_IT_IS) >= DIGITS - MISTAKES


def test_blank_and_noisy_pictures_have_no_strokes(judged):
    random = np.random.default_rng(0)
    blank = [np.full((64, 64), value, np.uint8) for value in (0, 128, 255)]
    noise = [np.uint8(np.clip(random.normal(128, deviation, (64, 64)), 0, 255)) for deviation in (2, 20)]
    assert [preparation.strokes(each.astype(np.float32) / 255) for each in (*blank, *noise)] == [None] * 5
    assert judged([png(each) for each in noise])[1] == ["outlier"] * 2


def test_strokes_are_placed_like_those_of_the_training_pictures():
    wanted = Like(light=False, box=20.0, centre=(16.0, 15.0), stroke=2.5)
    ink = np.zeros((64, 64), np.float32)
    ink[10:50, 8:11] = ink[10:13, 8:20] = 1
    found = preparation.placed_like(ink, wanted, 32)
    rows = np.nonzero(found > 0.5)[0]
    assert abs(np.ptp(rows) + 1 - wanted.box) <= 1.5
    weights = found / found.sum()
    assert abs((weights.sum(1) * np.arange(32)).sum() - 16.0) < 0.3
    assert abs((weights.sum(0) * np.arange(32)).sum() - 15.0) < 0.3


def test_training_pictures_are_measured():
    pictures = np.zeros((3, 1, 32, 32), np.uint8)
    pictures[:, 0, 6:26, 14:17] = 255
    dark, light = preparation.like(pictures), preparation.like(255 - pictures)
    assert (dark.light, light.light) == (False, True)
    assert dark._replace(light=True) == light
    assert (dark.box, dark.centre) == (20.0, (15.5, 15.0))
    assert 2.5 < dark.stroke < 4
    assert preparation.like(np.zeros((2, 1, 32, 32), np.uint8)) is None
    assert preparation.like(np.zeros((2, 3, 32, 32), np.uint8)) is None


def test_the_user_has_the_last_word_and_colour_is_left_alone():
    array, detail = np.full((2, 1, 8, 8), 9, np.uint8), np.full((2, 1, DETAIL, DETAIL), 9, np.uint8)
    found = preparation.prepare(lambda some: np.full(len(some), 1.0), array, detail, None)
    assert found.versions == (AS_IT_IS, AS_IT_IS)
    mine = preparation.changed(found, array, detail, None, {1: INVERTED})
    assert mine.versions == (AS_IT_IS, INVERTED)
    assert (mine.arrays[0] == 9).all()
    assert (mine.arrays[1] == 246).all()
    assert preparation.changed(found, array, detail, None, {0: CUT_OUT}).versions[0] == AS_IT_IS  # there is nothing
    colour = np.zeros((1, 3, 8, 8), np.uint8)
    assert preparation.prepare(lambda some: np.ones(len(some)), colour, None, None).versions == (AS_IT_IS,)


def test_outliers_that_look_like_the_data_are_not_made_to_pass(judged):
    versions, verdicts = judged([png(each) for each in random_strokes(40, seed=0)])
    assert versions.count(AS_IT_IS) >= 30
    assert verdicts.count("outlier") >= 30
