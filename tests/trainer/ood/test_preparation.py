"""Own pictures made like the training pictures: the bundled model then judges them by their shape alone."""

from __future__ import annotations

import numpy as np
import pytest

from tests.handwriting import digits, letter, photographed, png, written
from trainer.data.pictures import DETAIL, read_picture
from trainer.data.strokes import random_strokes
from trainer.ood import pictures as scoring
from trainer.ood import preparation
from trainer.ood.preparation import AS_IT_IS, CUT_OUT, INVERTED, Like
from trainer.runs.folder import Run
from trainer.system import ROOT

DIGITS, MISTAKES = 24, 3
"""Of 24 ordinary digits one is flagged at 5 %; more than three would be the preparation's doing."""
LETTERS = "AEFHKMNRWX"  # unlike any digit


@pytest.fixture(scope="module")
def judged():
    """Return versions and verdicts of files, by the settings that page and command line have by default."""
    run = Run(ROOT / "pretrained" / "mnist-gmp")
    model, wanted = run.load_model(), preparation.of_run(run)

    def judge(files: list[bytes]) -> tuple[list[str], list[str]]:
        read = [read_picture(file, (1, 32, 32), detail=DETAIL) for file in files]
        arrays, details = (np.stack([getattr(each, name) for each in read]) for name in ("array", "detail"))
        found = scoring.prepared(run, model, arrays, details, wanted)
        table = scoring.score_pictures(run, found.arrays, [""] * len(files), model=model, versions=found.versions)
        assert table["read as"].tolist() == list(found.versions)
        return list(found.versions), table["verdict"].tolist()

    return judge


PHOTOGRAPHS = {
    "grey paper": {},
    "white paper": {"paper": 0.95, "pen": 0.1},
    "dark paper": {"paper": 0.35, "pen": 0.15},
    "pencil": {"paper": 0.75, "pen": 0.5},
    "light on black": {"paper": 0.2, "pen": 0.8},
    "uneven light": {"uneven": 0.7},
    "noise and JPEG": {"noise": 0.06, "quality": 40},
    "turned by 90": {"turned": 6},
    "turned by 180": {"turned": 3},
    "turned by 270": {"turned": 8},
}
SIZES = {
    "small": {"side": 80, "margin": 0.1},
    "large": {"side": 900, "margin": 0.1},
    "much paper": {"side": 200, "margin": 0.5},
    "no margin": {"side": 200, "margin": 0.0},
    "thin pen": {"thinner": 3},
}


@pytest.mark.parametrize("how", PHOTOGRAPHS)
def test_photographed_digits_are_ordinary(judged, how):
    versions, verdicts = judged(
        [photographed(written(each), i, **PHOTOGRAPHS[how]) for i, each in enumerate(digits(DIGITS, seed=3))]
    )
    assert verdicts.count("outlier") <= MISTAKES
    assert versions.count(CUT_OUT) >= DIGITS - MISTAKES


@pytest.mark.parametrize("how", SIZES)
def test_so_they_are_in_any_size(judged, how):
    inks = [written(each, **SIZES[how]) for each in digits(DIGITS, seed=1)]
    assert judged([photographed(ink, i) for i, ink in enumerate(inks)])[1].count("outlier") <= MISTAKES


def test_black_on_white_is_inverted_and_what_fits_stays_as_it_is(judged):
    versions, verdicts = judged([png(255 - each) for each in digits(DIGITS)])
    assert verdicts.count("outlier") <= MISTAKES
    assert versions.count(INVERTED) >= DIGITS - MISTAKES
    versions, verdicts = judged([png(each) for each in digits(DIGITS)])
    assert verdicts.count("outlier") <= MISTAKES
    assert versions.count(AS_IT_IS) >= DIGITS - MISTAKES


@pytest.mark.parametrize("stroke", [0, 6])
@pytest.mark.parametrize("how", ["grey paper", "white paper", "uneven light", "turned by 90"])
def test_letters_stay_outliers(judged, how, stroke):
    files = [photographed(letter(each, stroke=stroke), i, **PHOTOGRAPHS[how]) for i, each in enumerate(LETTERS)]
    assert judged(files)[1].count("outlier") >= len(LETTERS) - 1


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
