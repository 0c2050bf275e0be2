"""The four measures against closed cases and values worked out by hand or by another way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.linalg import hadamard

from trainer.errors import UserError
from trainer.evaluation.disentanglement import dci as dci_module
from trainer.evaluation.disentanglement import factor_vae as vae_module
from trainer.evaluation.disentanglement.codes import FactorCodes
from trainer.evaluation.disentanglement.dci import dci, scores
from trainer.evaluation.disentanglement.factor_vae import draw_votes, factor_vae, voted_axes
from trainer.evaluation.disentanglement.mig import column_gaps, mig
from trainer.evaluation.disentanglement.protocol import FAST, FULL, LEAST, Protocol, measure
from trainer.evaluation.disentanglement.sap import sap

SIZES = (4, 3, 5)
NAMES = ("wall_hue", "shape", "scale")
GRID = np.array(list(itertools.product(*map(range, SIZES))))
SMALL = Protocol("fast", 400, 300, 600, 400, 200, 100)


@pytest.fixture(autouse=True)
def few_stages(monkeypatch):
    """The trees of a tenth of the stages tell these small problems apart as well."""
    monkeypatch.setattr(dci_module, "STAGES", 10)


def many(repeats: int = 20) -> np.ndarray:
    return np.tile(GRID, (repeats, 1))


def centred(factors: np.ndarray) -> np.ndarray:
    return (factors - factors.mean(0)) / factors.std(0)


def codes_of(case: str, factors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Codes (N, 4): one factor per axis and an idle axis, noise alone, or the first rotated by 45 degrees twice."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(len(factors), 4))
    aligned = np.concatenate([centred(factors)[:, [2, 0, 1]], 0 * noise[:, :1]], axis=1) + 0.01 * noise
    if case == "noise":
        return noise
    return aligned if case == "aligned" else aligned @ (hadamard(4) / 2)


def source(case: str, seed: int = 0) -> FactorCodes:
    return FactorCodes.of_codes(codes_of(case, many(), seed), many(), NAMES)


def measured(case: str, seed: int = 0, data_seed: int = 0):
    return measure(source(case, data_seed), SMALL, checkpoint="c", data="grid", split="all", seed=seed)


# --- closed cases ----------------------------------------------------------------------------------------------


def test_aligned_codes_are_disentangled():
    found = measured("aligned")
    assert found.dci.disentanglement > 0.98
    assert found.dci.completeness > 0.98
    assert found.dci.informativeness > 0.99
    assert found.mig.score > 0.85  # plug-in information of 600 codes: the other axes seem to know a little
    assert found.factor_vae.score == 1.0
    assert found.dci.importance[:3].argmax(axis=1).tolist() == [2, 0, 1]
    assert found.mig.information[:3].argmax(axis=1).tolist() == [2, 0, 1]
    assert found.sap.accuracy[:3].argmax(axis=1).tolist() == [2, 0, 1]
    assert found.sap.score > 0.25  # one linear machine on one axis tells little more than the two ends apart
    assert found.factor_vae.active.tolist() == [True, True, True, False]


def test_noise_is_not():
    found = measured("noise")
    assert found.dci.disentanglement < 0.1
    assert found.dci.completeness < 0.1
    assert abs(found.dci.informativeness - np.mean([1 / size for size in SIZES])) < 0.06
    assert found.mig.score < 0.03
    assert found.sap.score < 0.06
    assert found.factor_vae.score < 0.5


def test_rotated_codes_are_informative_but_entangled():
    aligned, rotated = measured("aligned"), measured("rotated")
    assert rotated.dci.informativeness > 0.8
    assert rotated.dci.disentanglement < aligned.dci.disentanglement / 2
    assert rotated.dci.completeness < aligned.dci.completeness / 2
    assert rotated.mig.score < 0.3
    assert rotated.sap.score < aligned.sap.score


def test_two_seeds_agree():
    """Entangled as codes of a trained model are: each axis leans to a factor, with some of the others and noise."""
    factors = many(60)
    noise = 0.3 * np.random.default_rng(0).normal(size=(len(factors), 4))
    codes = np.concatenate([centred(factors) @ (np.eye(3) + 0.3), np.zeros((len(factors), 1))], axis=1) + noise
    grid = FactorCodes.of_codes(codes, factors, NAMES)
    protocol = Protocol("full", 2000, 1000, 500, 400, 10, 10)
    first, second = (measure(grid, protocol, checkpoint="", data="", split="", seed=seed).dci for seed in (0, 1))
    assert not np.array_equal(first.importance, second.importance)  # they did draw other codes
    assert 0.3 < first.disentanglement < 0.9
    assert abs(first.disentanglement - second.disentanglement) < 0.02
    assert abs(first.completeness - second.completeness) < 0.02
    assert abs(first.informativeness - second.informativeness) < 0.02


def test_the_same_seed_gives_the_same_numbers_whatever_the_number_of_threads():
    codes, factors = codes_of("rotated", many()), many()
    a, b = (dci(codes[:300], factors[:300], codes[300:], factors[300:], seed=4, workers=w) for w in (1, 3))
    assert np.array_equal(a.importance, b.importance)
    assert np.array_equal(a.accuracy, b.accuracy)


# --- DCI -------------------------------------------------------------------------------------------------------


def test_dci_of_an_importance_matrix_by_hand():
    importance = np.array([[0.5, 0.0], [0.25, 0.75], [0.25, 0.25]])  # 3 axes, 2 factors
    found = scores(importance, np.array([0.5, 0.9]))
    two = 0.25 * math.log2(4) + 0.75 * math.log2(4 / 3)  # entropy of (1/4, 3/4) in bits
    np.testing.assert_allclose(found.per_axis, [1.0, 1 - two, 0.0], atol=1e-8)
    assert found.disentanglement == pytest.approx((0.5 * 1 + 1.0 * (1 - two) + 0) / 2, abs=1e-8)
    three = (0.5 * math.log(2) + 2 * 0.25 * math.log(4)) / math.log(3)
    np.testing.assert_allclose(found.per_factor, [1 - three, 1 - two * math.log(2) / math.log(3)], atol=1e-8)
    assert found.completeness == pytest.approx(found.per_factor.mean(), abs=1e-8)
    assert found.informativeness == pytest.approx(0.7)


def test_dci_of_no_importance_one_axis_or_one_factor():
    nothing = scores(np.zeros((3, 2)), np.zeros(2))
    assert max(nothing.disentanglement, nothing.completeness) < 1e-9
    assert scores(np.ones((1, 2)), np.zeros(2)).completeness == 1.0
    assert scores(np.ones((3, 1)), np.zeros(1)).disentanglement == 1.0


def test_the_importance_is_that_of_scikit_learns_classifier():
    from sklearn.ensemble import GradientBoostingClassifier

    codes, factors = codes_of("rotated", many()), many()
    found = dci(codes[:300], factors[:300], codes[300:], factors[300:], seed=2)
    for factor in range(3):
        alone = GradientBoostingClassifier(n_estimators=10, random_state=2).fit(codes[:300], factors[:300, factor])
        np.testing.assert_allclose(found.importance[:, factor], alone.feature_importances_)
        assert found.accuracy[factor] == alone.score(codes[300:], factors[300:, factor])


def test_a_factor_that_does_not_vary_in_training_is_refused():
    codes, factors = codes_of("noise", many()), many()
    factors[:100, 1] = 0
    with pytest.raises(UserError, match="Factor 1 takes one value in the 100 training codes"):
        dci(codes[:100], factors[:100], codes, factors)


# --- MIG -------------------------------------------------------------------------------------------------------


def test_mig_of_a_small_joint_by_hand():
    """A fair binary factor; one axis equals it, one differs in a quarter of the cases, one is constant."""
    factor = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    codes = np.stack([factor, [0, 0, 0, 1, 1, 1, 1, 0], np.full(8, 7)], axis=1)
    quarter = 0.25 * math.log2(4) + 0.75 * math.log2(4 / 3)
    found = mig(codes, factor[:, None])
    np.testing.assert_allclose(found.information[:, 0], [1.0, 1 - quarter, 0.0], atol=1e-12)
    assert found.score == pytest.approx(quarter)


def test_mig_takes_the_gap_between_axes_not_between_factors():
    """One axis holds both factors: each is known by it alone, so the gap is full, though the axis has two masters."""
    first, second = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    codes = np.stack([2 * first + second, np.zeros(4)], axis=1)
    np.testing.assert_allclose(mig(codes, np.stack([first, second], axis=1)).gaps, [1.0, 1.0])
    np.testing.assert_allclose(mig(codes[:, [0, 0]], np.stack([first, second], axis=1)).gaps, [0.0, 0.0])


def test_mig_agrees_with_scikit_learn():
    from sklearn.metrics import mutual_info_score

    codes, factors = codes_of("rotated", many(3)), many(3)
    found = mig(codes, factors)
    for axis, factor in np.ndindex(found.information.shape):
        edges = np.histogram(codes[:, axis], 20)[1][:-1]
        binned, values = np.digitize(codes[:, axis], edges), factors[:, factor]
        expected = mutual_info_score(binned, values) / mutual_info_score(values, values)
        assert found.information[axis, factor] == pytest.approx(expected)


def test_gaps_of_columns():
    np.testing.assert_allclose(column_gaps(np.array([[0.2, 0.9], [0.5, 0.1], [0.4, 0.3]])), [0.1, 0.6])
    np.testing.assert_allclose(column_gaps(np.array([[0.2, 0.9]])), [0.2, 0.9])  # a single axis has no rival


# --- SAP -------------------------------------------------------------------------------------------------------


def test_sap_by_hand():
    """One axis tells a binary factor in all test cases, one in three of four, one never varies."""
    factor = np.tile([0, 0, 0, 0, 1, 1, 1, 1], 20)
    codes = np.stack([factor, np.tile([0, 0, 0, 1, 1, 1, 1, 0], 20), np.zeros(160)], axis=1) * 2.0 - 1
    found = sap(codes, factor[:, None], codes[:80], factor[:80, None])
    np.testing.assert_allclose(found.accuracy[:, 0], [1.0, 0.75, 0.5])
    assert found.score == pytest.approx(0.25)


def test_sap_with_a_factor_that_does_not_vary_in_training():
    codes, factors = codes_of("noise", GRID), GRID.copy()
    factors[:, 1] = 2
    assert sap(codes, factors, codes, factors).gaps[1] == 0.0


# --- FactorVAE score -------------------------------------------------------------------------------------------


def test_the_pictures_of_a_vote_share_the_fixed_factor_and_only_that():
    fixed, rows = draw_votes(GRID, 400, 64, np.random.default_rng(0))
    drawn = GRID[rows]  # (votes, 64, F)
    distinct = np.array([[len(np.unique(column)) for column in vote.T] for vote in drawn])
    assert (distinct[np.arange(400), fixed] == 1).all()
    others = np.arange(3)[None] != fixed[:, None]
    assert (distinct[others] > 1).all()
    for factor, size in enumerate(SIZES):  # uniform: every factor, every value, every row of it
        assert abs((fixed == factor).mean() - 1 / 3) < 0.1
        values = drawn[fixed == factor][:, 0, factor]
        assert np.bincount(values, minlength=size).min() > 0.5 * len(values) / size
    assert np.bincount(rows.ravel(), minlength=len(GRID)).min() > 0.7 * rows.size / len(GRID)


def test_factor_vae_score_by_brute_force():
    codes = codes_of("rotated", many())
    found_in = FactorCodes.of_codes(codes, many(), NAMES)
    spread = codes[np.random.default_rng(5).permutation(len(codes))[:300]].astype(np.float32).var(axis=0, ddof=1)
    found = factor_vae(found_in, variance_samples=300, train_votes=90, test_votes=60, batch=16, seed=5)
    random = np.random.default_rng(5)
    random.permutation(len(codes))
    fixed, rows = draw_votes(many(), 150, 16, random)
    ballots = []
    for factor, chosen in zip(fixed, rows, strict=True):
        shares = [np.var(codes[chosen, axis], ddof=1) / spread[axis] for axis in range(4)]
        ballots.append((min(range(4), key=shares.__getitem__), factor))
    counted = {pair: ballots[:90].count(pair) for pair in itertools.product(range(4), range(3))}
    winner = {axis: max(range(3), key=lambda f, axis=axis: counted[axis, f]) for axis in range(4)}
    assert found.votes.tolist() == [[counted[axis, f] for f in range(3)] for axis in range(4)]
    assert found.score == pytest.approx(np.mean([winner[axis] == factor for axis, factor in ballots[90:]]))
    assert found.train_score == pytest.approx(np.mean([winner[axis] == factor for axis, factor in ballots[:90]]))


def test_an_axis_that_does_not_vary_wins_no_votes():
    codes = codes_of("aligned", GRID)
    codes[:, 3] = 0.01 * codes[:, 0] / codes[:, 0].std()  # below the limit, and perfectly tied to a factor
    spread = codes.var(axis=0, ddof=1)
    grid = FactorCodes.of_codes(codes, GRID, NAMES)
    _, rows = draw_votes(GRID, 50, 64, np.random.default_rng(0))
    axes = voted_axes(grid, rows, spread, np.sqrt(spread) >= vae_module.PRUNED_BELOW)
    assert 3 not in axes


def test_collapsed_codes_score_nothing():
    collapsed = FactorCodes.of_codes(0.001 * codes_of("aligned", many()), many(), NAMES)
    found = measure(collapsed, SMALL, checkpoint="", data="", split="").factor_vae
    assert (found.score, found.train_score, found.active.any(), found.votes.sum()) == (0.0, 0.0, False, 0)


def test_too_few_pictures_for_votes():
    with pytest.raises(UserError, match="at least 128 pictures"):
        factor_vae(FactorCodes.of_codes(codes_of("noise", GRID[:60]), GRID[:60], NAMES))


# --- codes and protocols ---------------------------------------------------------------------------------------


def test_only_what_is_asked_for_is_encoded_and_only_once():
    asked: list[int] = []

    def encode(rows: np.ndarray) -> np.ndarray:
        asked.extend(rows.tolist())
        return np.stack([rows, -rows], axis=1).astype(np.float32)

    grid, reported = FactorCodes(many(), NAMES, encode), []
    rows = np.array([[7, 3], [3, 950]])
    found = grid.codes(rows, lambda *said: reported.append(said))
    assert found.tolist() == [[[7, -7], [3, -3]], [[3, -3], [950, -950]]]
    grid.codes(np.array([3, 8]))
    assert asked == [3, 7, 950, 8]
    assert grid.encoded == 4
    assert reported == [("encoding", 0, 3), ("encoding", 3, 3)]


def test_factors_that_never_vary_are_left_out():
    factors = np.insert(GRID, 1, 5, axis=1)
    grid = FactorCodes.of_codes(np.zeros((len(GRID), 2)), factors, ("a", "constant", "b", "c"))
    assert grid.factor_names == ("a", "b", "c")
    assert np.array_equal(grid.factors, GRID)
    for unusable in (np.zeros((9, 2)), np.zeros((9, 0))):
        with pytest.raises(UserError, match="factors are known and vary"):
            FactorCodes.of_codes(np.zeros((9, 2)), unusable, tuple("ab")[: unusable.shape[1]])


def test_codes_that_are_not_finite_are_refused():
    broken = np.full((len(GRID), 2), np.nan)
    with pytest.raises(UserError, match="not finite"):
        FactorCodes.of_codes(broken, GRID, NAMES).codes(np.arange(3))


def test_the_full_protocol_is_the_published_one():
    assert Protocol("full", 10_000, 5_000, 10_000, 10_000, 10_000, 5_000) == FULL
    assert FULL.fitted(480_000) == FULL
    assert (FAST.train, FAST.test, FAST.mig) == (1_000, 500, 2_000)


def test_a_protocol_takes_no_more_pictures_than_there_are():
    fitted = FULL.fitted(9_000)
    assert (fitted.train, fitted.test, fitted.mig, fitted.variance) == (6_000, 3_000, 9_000, 9_000)
    with pytest.raises(UserError, match=f"at least {LEAST}"):
        FULL.fitted(LEAST - 1)


def test_training_and_test_codes_are_disjoint(monkeypatch):
    seen = {}

    def spy(train, train_factors, test, test_factors, **options):
        seen.update(train=train[:, 0], test=test[:, 0])
        return scores(np.ones((1, 3)), np.ones(3))

    monkeypatch.setattr("trainer.evaluation.disentanglement.protocol.dci", spy)
    numbered = FactorCodes.of_codes(np.arange(len(many()))[:, None], many(), NAMES)
    measure(numbered, SMALL, checkpoint="", data="", split="")
    assert len(np.unique(np.concatenate([seen["train"], seen["test"]]))) == SMALL.train + SMALL.test


# --- progress and stop -----------------------------------------------------------------------------------------


class HaltError(Exception):
    """What a caller raises in its progress function to end the work."""


def test_progress_rises_to_its_end_in_every_stage():
    reported: dict[str, list[tuple[int, int]]] = {}
    measure(
        source("aligned"),
        SMALL,
        checkpoint="",
        data="",
        split="",
        progress=lambda *s: reported.setdefault(s[0], []).append(s[1:]),
    )
    assert set(reported) == {"encoding", "FactorVAE votes", "SAP", "DCI trees"}
    assert reported["DCI trees"][-1] == (10 * sum(SIZES),) * 2
    for what in ("FactorVAE votes", "SAP", "DCI trees"):
        done = [step[0] for step in reported[what]]
        assert done == sorted(done)
        assert reported[what][-1][0] == reported[what][-1][1]


@pytest.mark.parametrize("stage", ["encoding", "FactorVAE votes", "SAP", "DCI trees"])
def test_a_run_can_be_stopped_in_every_stage(stage):
    def progress(what, done, total):
        if what == stage:
            raise HaltError

    with pytest.raises(HaltError):
        measure(source("noise"), SMALL, checkpoint="", data="", split="", progress=progress)


def test_a_stop_ends_the_trees_at_once(monkeypatch):
    monkeypatch.setattr(dci_module, "STAGES", 100_000)  # hours, were it not stopped
    looks = []

    def progress(what, done, total):
        looks.append(done)
        if done > 0:
            raise HaltError

    codes, factors = codes_of("noise", many()), many()
    with pytest.raises(HaltError):
        dci(codes, factors, codes, factors, progress=progress, workers=2)
    assert looks[-1] > 0
