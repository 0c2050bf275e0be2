"""InfoMEC, DCI-ES and the DCI of the published GWAE code: closed cases, and a fixed problem calculated another way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.optimize import minimize
from scipy.special import digamma, logsumexp, xlogy

from trainer.errors import StoppedError
from trainer.evaluation.disentanglement import dci_es as es_module
from trainer.evaluation.disentanglement import dci_forest as forest_module
from trainer.evaluation.disentanglement.dci_es import dci_es, explicitness
from trainer.evaluation.disentanglement.dci_forest import dci_forest, targets
from trainer.evaluation.disentanglement.infomec import infomec, preference

GRID = np.array(list(itertools.product(range(4), range(3), range(5))))
NAMES = ("wall_hue", "shape", "scale")
TRAIN = 600


def factors(repeats: int = 15) -> np.ndarray:
    """(900, 3) in a fixed random order."""
    return np.random.default_rng(7).permutation(np.tile(GRID, (repeats, 1)))


def codes(case: str) -> np.ndarray:
    """Codes of `factors`: a factor per axis, the same twice, the same rotated (with an idle fourth axis), or noise."""
    known, random = factors(), np.random.default_rng(3)
    aligned = (known - known.mean(0)) / known.std(0) + 0.01 * random.normal(size=known.shape)
    if case == "twice":
        return np.concatenate([aligned, aligned + 0.001 * random.normal(size=known.shape)], axis=1)
    idle = np.concatenate([aligned, 0.01 * random.normal(size=(len(known), 1))], axis=1)
    return {"aligned": aligned, "rotated": idle @ (hadamard(4) / 2), "noise": random.normal(size=known.shape)}[case]


def parts(case: str) -> tuple[np.ndarray, ...]:
    z, f = codes(case), factors()
    return z[:TRAIN], f[:TRAIN], z[TRAIN:], f[TRAIN:]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setattr(es_module, "cores", lambda: 1)
    monkeypatch.setattr(es_module, "TREES", 20)


# --- InfoM, InfoC, InfoE ----------------------------------------------------------------------------------------


def test_a_factor_per_axis_is_modular_compact_and_explicit():
    found = infomec(codes("aligned"), factors())
    assert found.modularity > 0.93
    assert found.compactness > 0.93
    assert found.explicitness > 0.99
    np.testing.assert_allclose(np.diag(found.information), 1, atol=0.02)
    assert found.active.all()


def test_a_code_that_stands_twice_is_modular_but_not_compact():
    found = infomec(codes("twice"), factors())
    assert found.modularity > 0.93
    assert found.compactness == pytest.approx((1 / 2 - 1 / 6) / (1 - 1 / 6), abs=0.03)
    assert found.explicitness > 0.99


def test_a_rotated_code_is_explicit_only():
    found = infomec(codes("rotated"), factors())
    assert found.modularity < 0.4
    assert found.compactness < 0.2
    assert found.explicitness > 0.99


def test_noise_is_nothing_of_it():
    found = infomec(codes("noise"), factors())
    assert found.information.max() < 0.06
    assert found.explicitness < 0.02


def test_axes_narrower_than_a_twentieth_do_not_count():
    wide = np.concatenate([codes("aligned"), 0.02 * codes("rotated")], axis=1)
    found = infomec(wide, factors())
    assert found.active.tolist() == [True] * 3 + [False] * 4
    assert found.modularity == pytest.approx(infomec(codes("aligned"), factors()).modularity, abs=0.01)
    assert infomec(np.zeros((60, 2)), GRID).active.tolist() == [False, False]


def test_preference_by_hand():
    assert preference(np.array([[3.0, 1.0], [0.0, 0.0]])) == pytest.approx(((0.75 + 0.5) / 2 - 0.5) / 0.5)
    assert preference(np.ones((2, 1))) == 1.0
    assert preference(np.ones((0, 3))) == 0.0


def _neighbours(axis: np.ndarray, factor: np.ndarray, k: int = 10) -> float:
    """The estimator of Ross (2014), by all distances: I = psi(N) + psi(k) - <psi(N_x)> - <psi(m)>."""
    distances = np.abs(axis[:, None] - axis[None])
    terms = []
    for place, value in enumerate(factor):
        same = np.flatnonzero(factor == value)
        radius = np.sort(distances[place, same])[k]  # the first is the point itself
        terms.append(digamma(len(same)) + digamma((distances[place] < radius).sum()))
    return digamma(len(axis)) + digamma(k) - np.mean(terms)


def _log_loss(z: np.ndarray, factor: np.ndarray) -> float:
    """Of a multinomial logistic regression with balanced classes, minimised here from its definition."""
    x = np.c_[(z - z.mean(0)) / z.std(0), np.ones(len(z))]
    count = factor.max() + 1
    weights = (len(z) / (count * np.bincount(factor)))[factor] / len(z)

    def loss(flat):
        scores = x @ flat.reshape(-1, count)
        error = np.exp(scores - logsumexp(scores, axis=1, keepdims=True))
        error[np.arange(len(x)), factor] -= 1
        each = logsumexp(scores, axis=1) - scores[np.arange(len(x)), factor]
        return weights @ each, (x.T @ (error * weights[:, None])).ravel()

    best = minimize(loss, np.zeros(x.shape[1] * count), jac=True, method="L-BFGS-B", options={"maxiter": 5000}).x
    scores = x @ best.reshape(-1, count)
    return float(np.mean(logsumexp(scores, axis=1) - scores[np.arange(len(x)), factor]))


def problem() -> tuple[np.ndarray, np.ndarray]:
    """A fixed problem between the cases: axes lean to a factor, with some of the others and noise."""
    f, random = factors(), np.random.default_rng(11)
    mixed = (f - f.mean(0)) / f.std(0) @ (np.eye(3) + 0.25 * random.normal(size=(3, 3)))
    return np.c_[mixed, random.normal(size=len(f))] + 0.3 * random.normal(size=(len(f), 4)), f


def test_infomec_of_a_fixed_problem():
    z, f = problem()
    found = infomec(z, f)
    entropy = np.log([4, 3, 5])
    expected = np.array([[max(0, _neighbours(axis, factor)) for factor in f.T] for axis in z.T]) / entropy
    np.testing.assert_allclose(found.information, expected, atol=2e-3)
    shares = expected.max(1) / expected.sum(1), expected.max(0) / expected.sum(0)
    assert found.modularity == pytest.approx((shares[0].mean() - 1 / 3) / (2 / 3), abs=0.01)
    assert found.compactness == pytest.approx((shares[1].mean() - 1 / 4) / (3 / 4), abs=0.01)
    losses = np.array([_log_loss(z, factor) for factor in f.T])
    assert found.explicitness == pytest.approx(np.mean(1 - losses / entropy), abs=1e-3)
    scores = [found.modularity, found.compactness, found.explicitness]
    np.testing.assert_allclose(scores, [0.894, 0.880, 0.834], atol=1e-3)


# --- DCI-ES -----------------------------------------------------------------------------------------------------


def test_explicitness_of_a_curve_by_hand(monkeypatch):
    monkeypatch.setattr(es_module, "DEPTHS", (1, 2, 4))
    falling = np.array([[0.6, 0.6, 0.2, 0.6], [0.3, 0.4, 0.2, 0.0], [0.0, 0.0, 0.2, 0.0]])
    area = (0.6 + 0.3) / 2 * 1 + 0.3 / 2 * 2
    expected = [1 - area / (0.6 * 3 / 2), 0.0, 1.0, 1 - 0.3 / 0.9]  # the second falls along the straight line
    np.testing.assert_allclose(explicitness(falling, np.full(4, 0.6)), expected, atol=1e-12)
    assert explicitness(np.zeros((3, 1)), np.zeros(1)).tolist() == [1.0]


def test_shallow_trees_read_an_aligned_code_and_deep_ones_a_rotated_code():
    aligned, rotated, noise = (dci_es(*parts(case)) for case in ("aligned", "rotated", "noise"))
    assert aligned.explicitness > rotated.explicitness + 0.02
    assert aligned.losses[-1].max() < 0.03
    assert (aligned.size, dci_es(*parts("twice")).size) == (1.0, 0.5)
    np.testing.assert_allclose(noise.losses[-1], noise.guessing, atol=0.12)
    assert noise.explicitness > 0.9, "nothing to read, at any capacity: the docstring warns"


def test_losses_are_those_of_scikit_learns_forests_at_every_depth():
    from sklearn.ensemble import RandomForestClassifier

    z, f = problem()
    found = dci_es(z[:TRAIN], f[:TRAIN], z[TRAIN:], f[TRAIN:], seed=5)
    for factor in range(3):
        forests = [RandomForestClassifier(20, max_depth=depth, random_state=5) for depth in es_module.DEPTHS]
        errors = [1 - forest.fit(z[:TRAIN].astype("f4"), f[:TRAIN, factor]).score(z[TRAIN:], f[TRAIN:, factor])
                  for forest in forests]  # fmt: skip
        np.testing.assert_allclose(found.losses[:, factor], np.minimum.accumulate(errors), atol=1e-12)
    np.testing.assert_allclose(found.per_factor, [0.980, 0.961, 0.941], atol=0.01)


# --- DCI of the published GWAE code -----------------------------------------------------------------------------


def test_targets_are_factors_from_0_to_1_and_the_shape_one_hot():
    made = targets(np.array([[0, 2, 4], [3, 0, 1]]), GRID, NAMES)
    np.testing.assert_allclose(made, [[0, 0, 0, 1, 1], [1, 1, 0, 0, 0.25]])
    six = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    every = np.array(list(itertools.product(range(2), range(2), range(2), range(2), range(4), range(2))))
    assert targets(every, every, six).shape[1] == 9


@pytest.fixture
def few_folds(monkeypatch):
    monkeypatch.setattr(forest_module, "DEPTHS", (2, 8))
    monkeypatch.setattr(forest_module, "FOLDS", 2)


def test_forests_on_closed_cases(few_folds):
    found = {case: dci_forest(*parts(case), NAMES) for case in ("aligned", "twice", "rotated", "noise")}
    aligned, twice, rotated, noise = (found[case].scores for case in ("aligned", "twice", "rotated", "noise"))
    assert aligned.completeness > 0.97
    assert aligned.informativeness > 0.99
    three = 1 - np.log(3) / np.log(5)  # the axis of the shape serves three of the five targets
    assert aligned.disentanglement == pytest.approx((2 + 3 * three) / 5, abs=0.02)
    assert twice.completeness < 0.85 < aligned.completeness
    assert twice.disentanglement == pytest.approx(aligned.disentanglement, abs=0.03)
    assert rotated.disentanglement < aligned.disentanglement - 0.15
    assert noise.disentanglement < 0.12
    assert noise.informativeness < 0.35


def test_forests_on_a_fixed_problem_give_what_the_published_formulas_give(few_folds):
    from sklearn.ensemble import RandomForestRegressor

    z, f = problem()
    found = dci_forest(z[:TRAIN], f[:TRAIN], z[TRAIN:], f[TRAIN:], NAMES)
    wanted = targets(f, f, NAMES)
    gini, errors = np.zeros((4, 5)), []
    for place in range(5):
        forest = RandomForestRegressor(10, max_depth=found.depth, random_state=0).fit(z[:TRAIN], wanted[:TRAIN, place])
        gini[:, place] = forest.feature_importances_
        errors.append(np.mean((forest.predict(z[TRAIN:]) - wanted[TRAIN:, place]) ** 2))
    rows, columns = gini / gini.sum(1, keepdims=True), gini / gini.sum(0)
    spread = 1 + xlogy(rows, rows).sum(1) / np.log(5)
    assert found.scores.disentanglement == pytest.approx(gini.sum(1) / gini.sum() @ spread, abs=1e-6)
    assert found.scores.completeness == pytest.approx(np.mean(1 + xlogy(columns, columns).sum(0) / np.log(4)), abs=1e-6)
    assert found.scores.informativeness == pytest.approx(np.mean(np.maximum(0, 1 - 6 * np.array(errors))), abs=1e-9)
    scores = [found.scores.disentanglement, found.scores.completeness, found.scores.informativeness]
    np.testing.assert_allclose(scores, [0.365, 0.621, 0.821], atol=0.01)


# --- progress and stop ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["InfoMEC", "DCI-ES probes", "GWAE DCI forests"])
def test_each_reports_and_stops_where_it_is_asked_to(stage, few_folds, monkeypatch):
    monkeypatch.setattr(es_module, "DEPTHS", (1, 2))
    reports: list[tuple[int, int]] = []

    def progress(name: str, done: int, total: int) -> None:
        assert name == stage
        reports.append((done, total))
        if stopping and done == 2:
            raise StoppedError

    def work() -> None:
        if stage == "InfoMEC":
            infomec(codes("aligned"), factors(), progress=progress)
        elif stage == "DCI-ES probes":
            dci_es(*parts("aligned"), progress=progress)
        else:
            dci_forest(*parts("aligned"), NAMES, progress=progress)

    stopping = False
    work()
    assert reports == sorted(reports)
    assert reports[-1][0] == reports[-1][1]
    stopping, reports[:] = True, []
    with pytest.raises(StoppedError):
        work()
    assert len(reports) <= 3
