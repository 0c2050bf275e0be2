"""Quantiles, percentiles, thresholds, two-sided potentials and the combined score."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.fixtures import make_run
from trainer.errors import UserError
from trainer.ood import calibration
from trainer.ood.calibration import COMBINED, TWO_SIDED, calibrate
from trainer.runs import layout

POTENTIAL = "potential f(x, mu)"


def raw(n: int = 4000, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "reconstruction error": rng.gamma(3, 2, n),
        "relative error": rng.gamma(5, 0.05, n),
        "prior": rng.normal(20, 4, n),
        POTENTIAL: rng.normal(-3, 0.2, n),
    }


def test_a_threshold_is_exceeded_by_the_chosen_share():
    found, fresh = calibrate(raw(), "gwae"), raw(20_000, seed=1)
    scores = found.extend(fresh)
    for name in found.names:
        for fpr in (0.5, 0.05, 0.01):
            share = (scores[name] > found.threshold(name, fpr)).mean()
            assert share == pytest.approx(fpr, abs=4 * np.sqrt(fpr / 4000) + 1e-3), (name, fpr)
        uniform = np.sort(found.percentile(name, scores[name]))
        assert np.abs(uniform - np.linspace(0, 100, len(uniform))).max() < 4
    assert list(found.percentile("prior", np.array([-1e9, 1e9]))) == [0, 100]
    for wrong in (0, 1, -0.1, 1.5):
        with pytest.raises(UserError, match="between 0 and 1"):
            found.threshold(COMBINED, wrong)


def test_the_combined_score_adds_surprises_of_its_parts():
    found, fresh = calibrate(raw(), "gwae"), raw(500, seed=2)
    assert found.parts == ("relative error", "prior")
    expected = sum(
        -np.log((raw()[name][None] >= fresh[name][:, None]).mean(1).clip(0.01)) for name in ("relative error", "prior")
    )
    inside = [fresh[name] < np.quantile(raw()[name], 0.99) for name in ("relative error", "prior")]
    both = inside[0] & inside[1]
    assert both.sum() > 400
    np.testing.assert_allclose(found.extend(fresh)[COMBINED][both], expected[both], atol=0.05)


def test_parts_without_units():
    """Another unit of a part changes nothing; neither does anything that is not a part."""
    scaled = {name: values * (7 if name == "prior" else 1) for name, values in raw().items()}
    scaled[POTENTIAL] = -scaled[POTENTIAL]
    fresh = raw(50, seed=3)
    other = fresh | {"prior": 7 * fresh["prior"], POTENTIAL: 0 * fresh[POTENTIAL]}
    first, second = calibrate(raw(), "gwae").extend(fresh), calibrate(scaled, "gwae").extend(other)
    np.testing.assert_allclose(first[COMBINED], second[COMBINED], rtol=1e-5)


def test_far_outliers_keep_their_order():
    quantiles = calibrate(raw(), "gwae").quantiles["prior"]
    points = np.linspace(-50, 500, 5000)
    values = calibration.surprise(points, quantiles)
    assert (np.diff(values) >= 0).all()
    assert (values >= 0).all()
    beyond = points > quantiles[-1]
    assert (np.diff(values[beyond]) > 0).all()
    q99 = np.interp(0.99, calibration.LEVELS, quantiles)
    around = calibration.surprise(np.array([q99 - 1e-9, q99 + 1e-9]), quantiles)
    np.testing.assert_allclose(around, np.log(100), atol=1e-6)  # no jump where the tail begins


def test_two_sided_potentials_do_not_care_for_sign_or_constant():
    flipped = raw() | {POTENTIAL: 5 - raw()[POTENTIAL]}
    fresh = raw(300, seed=4)
    first = calibrate(raw(), "gwae").extend(fresh)[POTENTIAL + TWO_SIDED]
    second = calibrate(flipped, "gwae").extend(fresh | {POTENTIAL: 5 - fresh[POTENTIAL]})[POTENTIAL + TWO_SIDED]
    np.testing.assert_allclose(first, second, rtol=1e-5)
    assert np.median(first) == pytest.approx(0.6745, abs=0.08)  # of |N(0, 1)|
    assert (first >= 0).all()


@pytest.mark.parametrize(
    ("kind", "left_out", "parts"),
    [
        ("gwae", "prior", ("relative error",)),
        ("vae", POTENTIAL, ("relative error", "prior")),
        ("dagmm", POTENTIAL, ("relative error", "energy")),
    ],
)
def test_parts_by_kind_of_model(kind, left_out, parts):
    scores = {name: values for name, values in raw(50).items() if name != left_out}
    if kind == "dagmm":
        scores["energy"] = np.arange(50.0)
    found = calibrate(scores, kind)
    assert found.parts == parts
    assert found.names[0] == COMBINED
    assert set(found.names) >= set(scores)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_or_equal_pictures_still_calibrate(n):
    for scores in (raw(n), {name: np.full(n, 2.0) for name in raw(n)}):
        values = calibrate(scores, "gwae").extend({name: np.array([-1e3, 2.0, 1e3]) for name in scores})
        assert all(np.isfinite(part).all() for part in values.values())
        assert np.diff(values[COMBINED])[-1] > 0


def test_what_cannot_calibrate():
    with pytest.raises(UserError, match="no finite scores"):
        calibrate({name: values[:0] for name, values in raw().items()}, "gwae")
    with pytest.raises(UserError, match="no finite scores"):
        calibrate(raw(5) | {"prior": np.array([1.0, np.nan, 1, 1, 1])}, "gwae")


def test_the_file_gives_back_the_same_numbers(tmp_path):
    run = make_run(tmp_path / "small")
    made = calibrate(raw(), "gwae", checkpoint=run.hash, data="MNIST")
    calibration.write(made, run.path)
    found = calibration.read(run)
    assert (found.n, found.data, found.parts, found.names) == (4000, "MNIST", made.parts, made.names)
    for name, values in found.extend(raw(100, seed=5)).items():
        np.testing.assert_allclose(values, made.extend(raw(100, seed=5))[name], rtol=1e-6, atol=1e-6)
    calibration.write(found, run.path)
    again = calibration.read(run)
    assert all((again.quantiles[name] == found.quantiles[name]).all() for name in found.names)


def test_a_file_of_other_weights_or_in_pieces_is_refused(tmp_path):
    run = make_run(tmp_path / "small")
    with pytest.raises(UserError, match=r"evaluate .* --only ood"):
        calibration.read(run)
    made = calibrate(raw(), "gwae", checkpoint=run.hash)
    calibration.write(replace(made, checkpoint="0123456789ab"), run.path)
    with pytest.raises(UserError, match="other weights"):
        calibration.read(run)
    calibration.write(made, run.path)
    path = run.path / layout.OOD_CALIBRATION
    whole = path.read_text(encoding="utf-8")
    record = json.loads(whole)
    for broken in (
        whole[:200],
        "[]",
        json.dumps(record | {"format": "x"}),
        json.dumps(record | {"quantiles": {"a": [1]}}),
    ):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(UserError, match="damaged"):
            calibration.read(run)
