"""Curves from planted scores, the standing against baselines, the pictures on either side of a threshold."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.ood import charts, detector, figures, pictures, sentences, stability, table
from explorer.ood.detector import Curve
from explorer.ood.state import PAPER
from trainer.ood import ranking
from trainer.ood.history import Row
from trainer.ood.ranking import Measured


def curve(ordinary, outliers, model: str = "a", score: str = "combined") -> Curve:
    ordinary, outliers = (np.asarray(values, np.float32) for values in (ordinary, outliers))
    measured = ranking.with_intervals(ordinary, outliers, resamples=50)
    return Curve(model, score, ordinary, outliers, measured)


def baseline(ordinary, outliers) -> Curve:
    return detector._facing(curve(ordinary, outliers, model="", score="mean intensity"))


RNG = np.random.default_rng(0)
BLURRED = RNG.normal(size=400), RNG.normal(1.5, 1, 300)


# ---------------------------------------------------------------- curves


def test_thinning_moves_no_curve_by_more_than_a_pixel():
    x, y, _ = ranking.roc_curve(RNG.normal(size=20_000), RNG.normal(1, 1, 20_000))
    keep = figures.thinned(x, y, log=False)
    assert len(keep) < len(x) / 3
    grid = np.linspace(0, 1, 2_001)
    assert np.abs(np.interp(grid, x[keep], y[keep]) - np.interp(grid, x, y)).max() < 2 / figures.STEPS


def test_models_differ_in_colour_and_scores_in_dash():
    both = [curve(*BLURRED, model, score) for model in "ab" for score in ("combined", "prior")]
    styles = figures.line_styles(both)
    assert styles["a|combined"][0] == styles["a|prior"][0] != styles["b|prior"][0]
    assert styles["a|prior"][1] == styles["b|prior"][1] != styles["a|combined"][1]
    alone = figures.line_styles(both[:2])
    assert alone["a|combined"][0] == alone["a|prior"][0] == styles["a|prior"][0], "one colour per model"
    assert alone["a|combined"][1] != alone["a|prior"][1]
    assert figures.line_styles(both[2:], {"a": "#111111", "b": "#222222"})["b|prior"][0] == "#222222"


# ---------------------------------------------------------------- baselines


def test_a_baseline_stands_under_the_sign_that_separates_better():
    facing = baseline(*BLURRED)
    turned = baseline(-BLURRED[0], -BLURRED[1])
    assert not facing.reversed
    assert turned.reversed
    assert turned.title == "mean intensity, reversed"
    assert turned.auroc == pytest.approx(facing.auroc, abs=1e-6)
    assert turned.measured["AUROC"].low == pytest.approx(facing.measured["AUROC"].low, abs=0.01)
    for name in ranking.MEASURES:
        assert turned.measured[name].value == pytest.approx(facing.measured[name].value, abs=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "bar", "standing"),
    [(0.88, 0.92, 0.8, "above"), (0.79, 0.9, 0.8, "level"), (0.99, 1.0, 1.0, "level"), (0.7, 0.79, 0.8, "below")],
)
def test_standing_against_the_best_baseline(low, high, bar, standing):
    made = Curve("a", "combined", np.zeros(1), np.ones(1), {"AUROC": Measured((low + high) / 2, low, high)})
    assert sentences.against_baselines(made, bar) == standing


def test_a_pair_that_a_baseline_solves_is_called_so():
    said = sentences.verdict([curve(range(20), range(30, 40))], [baseline(range(20), range(50, 60))])
    assert said.startswith("Mean intensity alone solves this pair (AUROC 1.000)")


def test_the_verdict_names_the_best_score_and_the_bar():
    good, bad = curve(RNG.normal(size=200), RNG.normal(3, 1, 200), "good"), curve(*BLURRED, "bad")
    said = sentences.verdict([bad, good], [baseline(*BLURRED)])
    assert said.startswith("good · combined has AUROC 0.9")
    assert "% of pairs the outlier scores higher" in said
    assert "above the best baseline, mean intensity (0.8" in said
    assert "no better than the baseline" in sentences.verdict([bad], [baseline(range(99), [*range(90, 120), 3])])


def test_the_ranking_flags_whoever_does_not_beat_the_baseline():
    rows = table.table([curve(*BLURRED)], [baseline(range(99), [*range(90, 120), 3])]).splitlines()[2:]
    assert rows[0].startswith("| mean intensity :gray-badge[baseline]")
    assert rows[1].startswith("| **a** · combined")
    assert ":red-badge[not above]" in rows[1]
    above = table.table([curve(range(9), range(20, 30))], [baseline(*BLURRED)]).splitlines()[2]
    assert above.startswith("| **a** · combined | 1.000")
    assert "badge" not in above


# ---------------------------------------------------------------- choosing


class _Found:
    """As much of a Detector as choosing scores needs."""

    def __init__(self, kind: str, scores: tuple[str, ...]):
        self.entry = type("Entry", (), {"model_kind": kind, "name": kind})
        self.scores = self.rows = scores
        self.calibration = type("Calibration", (), {"detectors": ()})


def test_the_papers_score_is_another_one_for_each_kind_of_model():
    gwae = _Found("gwae", ("combined", "potential f(g(mu), mu)", "prior"))
    vae = _Found("vae", ("combined", "prior"))
    assert detector.chosen_scores(gwae, (PAPER, "combined")) == ["potential f(g(mu), mu)", "combined"]
    assert detector.chosen_scores(vae, (PAPER, "prior")) == ["prior"]
    assert detector.lacking(vae, (PAPER, "potential f(x, mu)")) == [
        "vae has no “potential f(x, mu)”: only a GWAE has a critic."
    ]


# ---------------------------------------------------------------- either side of a threshold


def test_the_worst_errors_by_hand():
    scores = np.array([1, 5, 3, 9, 2, 7, 3], np.float32)
    known = np.ones(7, bool)
    assert pictures.farthest(scores, 3.0, False, known, 2).tolist() == [3, 5]  # flagged, the farthest above first
    assert pictures.farthest(scores, 3.0, True, known, 9).tolist() == [0, 4, 2, 6]  # at the threshold itself: accepted
    known[[3, 0]] = False
    assert pictures.farthest(scores, 3.0, False, known, 2).tolist() == [5, 1]


def test_pictures_around_the_line_by_hand():
    scores, known = np.arange(10, dtype=np.float32)[::-1], np.ones(10, bool)
    chosen = lambda *limits, margin=1, count=10: scores[  # noqa: E731
        pictures.around(scores, np.array(limits), known, margin, count)
    ].tolist()
    assert chosen(3.5, 5.5) == [3, 4, 5, 6]
    assert chosen(5.5, 3.5, margin=0) == [4, 5]
    assert chosen(3.0) == [3, 4], "at the threshold itself: accepted"
    assert chosen(-1.0, 99.0, margin=2) == list(range(10)), "nothing beyond either end"
    assert chosen(0.5, 2.5, 4.5, 8.5, margin=0, count=3) == [1, 5], "where there are too many: those just above"
    known[4] = False
    assert chosen(3.5, 5.5) == [3, 4, 6], "the fifth cannot be shown"
    assert pictures.around(scores, np.array([3.0]), np.zeros(10, bool), 1, 9).tolist() == []


def test_the_axis_bends_only_where_outliers_lie_far_out():
    near = charts.axis(RNG.normal(size=1_000), RNG.normal(3, 1, 1_000))
    far = charts.axis(RNG.normal(size=1_000), RNG.normal(300, 40, 1_000))
    assert near[2] == 0
    assert far[2] == pytest.approx(3.3, abs=0.5)
    for low, high, _ in (near, far):
        assert low < -2 < high
    low, high, scale = charts.axis(np.ones(5), np.ones(5))
    assert low < 1 < high
    assert scale == 0


def test_error_maps_are_blue_where_the_model_is_too_dark_and_blank_where_it_agrees():
    picture, made = np.zeros((1, 1, 1, 3), np.uint8), np.zeros((1, 1, 1, 3), np.uint8)
    picture[..., 0], made[..., 2] = 255, 255
    for dark in (False, True):
        (left, middle, right) = pictures.differences(picture, made, dark)[0, :, 0].T.astype(int)
        assert left[2] > left[0] + 50
        assert right[0] > right[2] + 50
        assert tuple(middle) == pictures._ZERO[dark]


# ---------------------------------------------------------------- over the training


def test_the_course_is_told_in_words():
    def rows(*values):
        return [Row(100 * i, "p", "s", value, 300, 300) for i, value in enumerate(values)]

    assert "steady" in stability.sentence(rows(0.6, 0.8, 0.92, 0.93, 0.93), "s")
    assert "between 0.70 and 0.95" in stability.sentence(rows(0.6, 0.9, 0.95, 0.7), "s")
    assert "changed sides twice" in stability.sentence(rows(0.6, 0.4, 0.9), "s")
    assert "changed sides once" in stability.sentence(rows(0.6, 0.4), "s")
    assert "recorded once: 0.900" in stability.sentence(rows(0.9), "s")
    assert "not recorded" in stability.sentence(rows(0.9), "t")
