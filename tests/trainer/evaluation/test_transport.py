"""The discrete Gromov-Wasserstein distance, its coupling, and its record."""

from __future__ import annotations

import json

import numpy as np
import ot
import pytest
from scipy.spatial.distance import pdist

from tests.fixtures import make_run, write_real_digits
from trainer.errors import StoppedError, UserError
from trainer.evaluation import evaluate, gw_record, transport


def cloud(n: int = 30, d: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) * np.arange(1, d + 1)


def test_it_sees_shape_not_order_nor_scale():
    z = cloud()
    shuffled = 3 * z[np.random.default_rng(2).permutation(30)]
    same = transport.solve(pdist(z), pdist(shuffled), seed=0, starts=20).value
    line = transport.solve(pdist(z), pdist(cloud(d=1, seed=3)), seed=0, starts=20).value
    assert same < 0.05
    assert line > 5 * max(same, 1e-6)
    assert line > 0.1


def test_two_pairs_by_hand():
    # Three points each, so all 6 permutations are the vertices: equilateral (1, 1, 1) against a path (1, 1, 2).
    a, b = np.ones(3), np.array([1.0, 1.0, 2.0])
    a_scaled, b_scaled = a / (6 / 9), b / (8 / 9)  # the mean runs over all 9 ordered pairs, zeros included
    expected = np.sqrt(2 * ((a_scaled - b_scaled) ** 2).sum() / 9)  # every permutation costs the same by symmetry of a
    value = transport.solve(a, b, seed=0).value
    assert value <= expected + 1e-9
    assert value > 0.5 * expected


def test_isometric_spaces_are_at_distance_0_when_paired():
    z = cloud()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    d_a, d_b = pdist(z), pdist(5 * z @ rotation + 1)
    assert transport.paired_value(d_a, d_b) == pytest.approx(0, abs=1e-12)
    assert transport.solve(d_a, d_b, seed=0, paired=True).value == pytest.approx(0, abs=1e-6)


def test_the_value_is_that_of_pots_own_function():
    d_a, d_b = pdist(cloud(seed=1)), pdist(cloud(seed=2))
    a, b = transport.scaled(d_a), transport.scaled(d_b)
    direct = ot.gromov.gromov_wasserstein2(a, b, ot.unif(30), ot.unif(30), loss_fun="square_loss")
    assert transport.solve(d_a, d_b, seed=0, starts=0).value == pytest.approx(np.sqrt(direct), rel=1e-9)


def test_the_value_is_the_cost_of_the_coupling_and_the_mean_of_the_shares():
    d_a, d_b = pdist(cloud(12, seed=1)), pdist(cloud(15, seed=2))
    value, coupling = transport.solve(d_a, d_b, seed=0)
    a, b = transport.scaled(d_a), transport.scaled(d_b)
    squared = (a[:, :, None, None] - b[None, None]) ** 2  # (i, j, k, l)
    cost = np.einsum("ijkl,ik,jl->", squared, coupling, coupling)
    assert value == pytest.approx(np.sqrt(cost), rel=1e-6)
    for part in transport.shares(d_a, d_b, coupling):
        assert np.sqrt((part**2).mean()) == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(coupling.sum(1), 1 / 12, atol=1e-9)


def test_pairing_is_one_of_the_starts():
    d_a, d_b = pdist(cloud(seed=1)), pdist(cloud(seed=1) + 0.3 * cloud(seed=2))
    assert transport.solve(d_a, d_b, seed=0, starts=0, paired=True).value <= transport.paired_value(d_a, d_b) + 1e-12


# ---------------------------------------------------------------- the record


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_real_digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("record") / "small", trained=True)


@pytest.fixture(scope="module")
def record(run, root):
    return gw_record.of_run(run, root, n=40)


def test_a_record_is_the_coupling_it_says(record):
    coupling = np.zeros((40, 40))
    coupling[tuple(np.array(record.coupled).T)] = record.mass
    np.testing.assert_allclose(coupling.sum(0), 1 / 40, atol=1e-4)
    np.testing.assert_allclose(coupling.sum(1), 1 / 40, atol=1e-4)
    assert record.own <= record.paired + 1e-9
    assert np.sqrt(np.square(record.code_distortion).mean()) == pytest.approx(record.data_gw, rel=1e-3)
    assert np.sqrt(np.square(record.picture_distortion).mean()) == pytest.approx(record.data_gw, rel=1e-3)


def test_the_command_measures_the_same(run, tmp_path):
    root = write_real_digits(tmp_path, train=9_920)
    record = gw_record.of_run(run, root)
    assert record.n == 40, "half of the test pictures"
    measured = {metric.name: metric.value for metric in evaluate.evaluate(run, root, only=["geometry"])}
    assert measured["GW to data"] == pytest.approx(record.data_gw, rel=1e-9)
    assert measured["GW floor"] == pytest.approx(record.floor, rel=1e-9)


def test_a_record_is_read_as_it_was_written(record, run, tmp_path):
    path = tmp_path / "geometry.json"
    gw_record.write(record, path)
    assert gw_record.read(path) == record
    assert gw_record.fits(path, run.hash)
    assert not gw_record.fits(path, "0" * 12)


@pytest.mark.parametrize(
    "change",
    [
        {"coupled": [[0, 40]], "mass": [0.1]},
        {"coupled": [[-1, 0]], "mass": [0.1]},
        {"mass": []},
        {"n": 41},
        {"n": 10**9},
        {"rows": "x"},
        {"code_places": [[0, 0]] * 39},
        {"floor": None},
        {"format": "another"},
        {"code_distortion": [0.0] * 5_000},
    ],
)
def test_a_damaged_record_is_refused(record, tmp_path, change):
    path = tmp_path / "geometry.json"
    path.write_text(json.dumps(record.model_dump() | change))
    assert not gw_record.fits(path, record.checkpoint)
    with pytest.raises(UserError, match="damaged; compute it again"):
        gw_record.read(path)


def test_it_stops_between_two_starts(run, root):
    def stop(what, done, total):
        if (what, done) == ("to data", 1):
            raise StoppedError

    with pytest.raises(StoppedError):
        gw_record.of_run(run, root, stop, n=30)
