"""The record of the discrete Gromov-Wasserstein distance of a run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.fixtures import make_run, write_real_digits
from trainer.errors import StoppedError, UserError
from trainer.evaluation import evaluate, gw_record


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
