"""AUROC, AUPR, FPR95 and their intervals against scikit-learn and a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics

from trainer.errors import UserError
from trainer.ood import ranking

RNG = np.random.default_rng(0)
CASES = {
    "random": (RNG.normal(size=300), RNG.normal(0.8, 1.5, 170)),
    "tied": (RNG.integers(0, 4, 200).astype(float), RNG.integers(1, 6, 90).astype(float)),
    "two values": (np.r_[np.zeros(30), np.ones(10)], np.r_[np.zeros(5), np.ones(7)]),
    "constant": (np.full(12, 0.3), np.full(5, 0.3)),
    "perfect": (np.arange(20.0), 30 + np.arange(9.0)),
    "reversed": (30 + np.arange(20.0), np.arange(9.0)),
    "one each": (np.array([1.0]), np.array([2.0])),
}


def reference(ordinary: np.ndarray, outliers: np.ndarray) -> dict[str, float]:
    scores = np.r_[ordinary, outliers]
    truth = np.r_[np.zeros(len(ordinary)), np.ones(len(outliers))]
    fpr, tpr, _ = metrics.roc_curve(truth, scores, drop_intermediate=False)
    return {
        "AUROC": metrics.roc_auc_score(truth, scores),
        "AUPR out": metrics.average_precision_score(truth, scores),
        "AUPR in": metrics.average_precision_score(1 - truth, -scores),
        "FPR95": fpr[np.argmax(tpr >= 0.95)],
    }


@pytest.mark.parametrize("case", CASES)
def test_measures_are_those_of_scikit_learn(case):
    assert ranking.measures(*CASES[case]) == pytest.approx(reference(*CASES[case]), abs=1e-12)


def test_constant_scores_say_nothing():
    found = ranking.measures(*CASES["constant"])
    assert found == pytest.approx({"AUROC": 0.5, "AUPR out": 5 / 17, "AUPR in": 12 / 17, "FPR95": 1.0})


@pytest.mark.parametrize("case", CASES)
def test_the_curve_keeps_every_corner_of_scikit_learns(case):
    ordinary, outliers = CASES[case]
    fpr, tpr, thresholds = ranking.roc_curve(ordinary, outliers)
    truth = np.r_[np.zeros(len(ordinary)), np.ones(len(outliers))]
    expected = metrics.roc_curve(truth, np.r_[ordinary, outliers], drop_intermediate=False)
    points = set(zip(*(np.round(part, 12) for part in expected[:2]), strict=True))
    assert set(zip(np.round(fpr, 12), np.round(tpr, 12), strict=True)) <= points
    assert np.trapezoid(tpr, fpr) == pytest.approx(reference(ordinary, outliers)["AUROC"])
    assert (fpr[0], tpr[0], thresholds[0]) == (0, 0, np.inf)
    assert (fpr[-1], tpr[-1]) == (1, 1)
    for false, true, threshold in zip(fpr, tpr, thresholds, strict=True):
        assert false == pytest.approx((ordinary >= threshold).mean())
        assert true == pytest.approx((outliers >= threshold).mean())


@pytest.mark.parametrize(
    ("ordinary", "outliers", "said"),
    [
        ([], [1.0, 2.0], "no in-distribution"),
        ([1.0], [], "no out-of-distribution"),
        ([np.nan, 1.0], [1.0], "not finite"),
        ([1.0], [np.inf], "not finite"),
    ],
)
def test_what_cannot_be_ranked_is_refused(ordinary, outliers, said):
    for function in (ranking.measures, ranking.with_intervals, ranking.roc_curve):
        with pytest.raises(UserError, match=said):
            function(np.array(ordinary), np.array(outliers))


@pytest.mark.parametrize("case", ["random", "tied"])
def test_a_resample_is_the_measure_of_the_drawn_pictures(case):
    ordinary, outliers = CASES[case]
    draws = ranking.resampled(ordinary, outliers, resamples=7, seed=3)
    counts = np.concatenate(list(ranking._bootstrap_counts(len(ordinary), len(outliers), 7, 3)))
    assert (counts[:, : len(ordinary)].sum(1) == len(ordinary)).all()
    assert len({tuple(row) for row in counts}) == 7
    for index, row in enumerate(counts):
        drawn = reference(
            np.repeat(ordinary, row[: len(ordinary)]),
            np.repeat(outliers, row[len(ordinary) :]),
        )
        for name in ranking.MEASURES:
            assert draws[name][index] == pytest.approx(drawn[name], abs=1e-12)


def test_intervals_cover_the_truth_at_their_nominal_rate():
    """Normal scores one standard deviation apart: AUROC is Phi(1 / sqrt 2)."""
    truth, rng, trials = norm.cdf(1 / np.sqrt(2)), np.random.default_rng(1), 400
    covered = below = 0
    for trial in range(trials):
        found = ranking.with_intervals(rng.normal(size=120), rng.normal(1, 1, 80), 200, seed=trial)["AUROC"]
        assert found.low <= found.value <= found.high
        covered += found.low <= truth <= found.high
        below += found.high < truth
    assert 0.92 <= covered / trials <= 0.98  # 0.95 within 2.7 standard errors
    assert below / trials <= 0.06


def test_intervals_depend_on_the_seed_alone_and_shrink_with_n():
    small = ranking.with_intervals(*(part[:40] for part in CASES["random"]), 300)["AUROC"]
    large = ranking.with_intervals(*CASES["random"], 300)["AUROC"]
    assert large == ranking.with_intervals(*CASES["random"], 300)["AUROC"]
    assert large != ranking.with_intervals(*CASES["random"], 300, seed=1)["AUROC"]
    assert large.high - large.low < small.high - small.low


def test_differences_are_paired():
    ordinary, outliers = CASES["random"]
    same = ranking.difference((ordinary, outliers), (3 * ordinary + 1, 3 * outliers + 1), resamples=100)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    noisy = ranking.difference((ordinary, outliers), (RNG.normal(size=300), RNG.normal(size=170)), resamples=200)
    assert noisy.low < noisy.value < noisy.high
    assert noisy.low > 0  # an informative score against noise
