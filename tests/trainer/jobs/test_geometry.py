"""The discrete GW in the background: where its record lies, and that it runs, reports and stops."""

from __future__ import annotations

import shutil

import pytest

from tests.fixtures import make_run, wait_for, write_real_digits
from trainer.errors import UserError
from trainer.evaluation import gw_record
from trainer.jobs import geometry, task
from trainer.runs.folder import Run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    return Run(shutil.copytree(made.path, tmp_path / "small"))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_real_digits(tmp_path_factory.mktemp("digits"), train=9_920)


def test_a_record_lies_with_the_run_or_in_the_cache(run, root, tmp_path):
    assert geometry.target(run.path, run.hash) == run.path / "geometry.json"
    in_cache = tmp_path / "cache" / "geometry" / f"{run.hash}.json"
    assert geometry.target(run.path, run.hash, read_only=True) == in_cache
    gw_record.write(gw_record.of_run(run, root, n=10), run.path / "geometry.json")
    assert geometry.target(run.path, run.hash, read_only=True) == run.path / "geometry.json"
    assert geometry.target(run.path, "0" * 12, read_only=True) != run.path / "geometry.json"


def test_it_runs_in_its_own_process(run, root):
    job = geometry.job(run, root)
    assert job.state().status == "absent"
    job.start()
    wait_for(lambda: not job.state().is_running, 120)
    assert job.state().status == "ready", job.state().error
    assert gw_record.read(job.target).n == 40, "half of the 80 test pictures"


def test_without_pictures_it_says_so(run, tmp_path):
    job = geometry.job(run, tmp_path / "nothing")
    with pytest.raises(UserError):
        job.run()
    assert job.state().status == "failed"


def test_a_stopped_one_leaves_no_record(run, root):
    job = geometry.job(run, root)
    job.stop_file.touch()
    job.run()
    assert job.state().status == "absent"
    assert not job.target.exists()
