from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.fixtures import make_run, wait_for
from trainer.jobs import map as map_job
from trainer.jobs import task
from trainer.jobs.map import job, target
from trainer.jobs.task import JobState
from trainer.latent import map as mapping
from trainer.latent import map_file
from trainer.latent.map_file import MapSettings
from trainer.runs.folder import Run
from trainer.system import locks

OTHER = MapSettings(neighbours=9)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Run:
    return make_run(tmp_path_factory.mktemp("runs") / "small", pictures=60)


@pytest.fixture
def run(made, tmp_path, monkeypatch) -> Run:
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    return Run(shutil.copytree(made.path, tmp_path / "small"))


@pytest.fixture
def pca(made) -> map_file.Map:
    """A map that costs nothing, to be stored under any settings."""
    return mapping.of_run(made, MapSettings(method="pca"))


def store(found: map_file.Map, path: Path, settings: MapSettings) -> None:
    map_file.write(map_file.Map(found.frame, found.meta | {"settings": settings.model_dump()}), path)


def test_maps_are_kept_with_the_run_or_in_the_cache(run, pca, tmp_path):
    usual = MapSettings()
    assert target(run.path, run.hash, usual) == run.path / "map.parquet"
    assert target(run.path, run.hash, OTHER) == run.path / "maps" / f"{run.hash}-{OTHER.key}.parquet"
    for settings in (usual, OTHER):
        in_cache = target(run.path, run.hash, settings, read_only=True)
        assert in_cache == tmp_path / "cache" / "maps" / f"{run.hash}-{settings.key}.parquet"
    store(pca, run.path / "map.parquet", usual)
    assert target(run.path, run.hash, usual, read_only=True) == run.path / "map.parquet"
    assert target(run.path, "0" * 12, usual, read_only=True) != run.path / "map.parquet"


def test_states_are_read_off_the_files(run, pca):
    path = target(run.path, run.hash, OTHER)
    path.parent.mkdir()
    assert job(run, OTHER).state().status == "absent"
    job(run, OTHER).write_status(stage="starting")
    assert job(run, OTHER).state().status == "running"
    job(run, OTHER).write_status(stage="layout", done=3, total=9)
    assert job(run, OTHER).state().status == "failed"  # nobody holds the lock: the process is gone
    assert "ended early" in job(run, OTHER).state().error
    with locks.exclusive(path.with_suffix(".lock")):
        assert job(run, OTHER).state() == JobState("running", "layout", 3, 9)
    job(run, OTHER).write_status(error="do this")
    assert job(run, OTHER).state() == JobState("failed", error="do this")
    store(pca, path, OTHER)
    assert job(run, OTHER).state().status == "ready"
    other = Run(run.path)
    vars(other)["hash"] = "0" * 12
    shutil.copy(path, target(run.path, other.hash, OTHER))
    assert job(other, OTHER).state().status != "ready"


def test_a_job_waits_its_turn_reports_and_leaves_only_the_map(run):
    path = target(run.path, run.hash, OTHER)
    task.cache_folder().mkdir()
    seen = set()
    with locks.exclusive(task.cache_folder() / "map.lock"):
        process = job(run, OTHER).start()
        assert job(run, OTHER).state().status == "running"
        wait_for(lambda: job(run, OTHER).state().stage == "waiting")
        before = path.with_suffix(".json").read_text()
        job(run, OTHER).run()  # a second one for the same map ends at once and changes nothing
        assert path.with_suffix(".json").read_text() == before
    wait_for(lambda: seen.add(job(run, OTHER).state().stage) or job(run, OTHER).state().status != "running")
    assert job(run, OTHER).state().status == "ready"
    assert {"neighbours", "layout"} & seen
    assert process.wait(30) == 0
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert map_file.read(path).meta["settings"]["neighbours"] == 9


def test_a_job_that_cannot_succeed_says_why(run):
    run.codes.head(10).to_parquet(run.path / "codes.parquet")
    path = target(run.path, run.hash, OTHER)
    process = job(run, OTHER).start()
    assert process.wait(120) == 2
    found = job(run, OTHER).state()
    assert found.status == "failed"
    assert "at least 40 test codes" in found.error
    assert "Traceback" not in path.with_suffix(".log").read_text()


def test_only_the_newest_maps_of_other_settings_are_kept(run, pca, monkeypatch):
    monkeypatch.setattr(map_job, "CACHED", 2)
    monkeypatch.setattr(mapping, "of_run", lambda run, settings, progress: pca)
    for place, neighbours in enumerate((5, 6, 7)):
        job(run, MapSettings(neighbours=neighbours)).run()
        if place < 2:
            time.sleep(0.02)
    kept = sorted(file.name for file in (run.path / "maps").glob("*.parquet"))
    assert [name.split("umap-n")[1][0] for name in kept] == ["6", "7"]


def test_a_status_file_that_is_no_json_is_as_good_as_none(run):
    path = target(run.path, run.hash, OTHER)
    path.parent.mkdir()
    path.with_suffix(".json").write_text("{")
    assert job(run, OTHER).state().status == "absent"
