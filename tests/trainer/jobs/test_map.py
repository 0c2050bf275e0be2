from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.fixtures import make_run, wait_for
from trainer.jobs import map as map_job
from trainer.jobs.map import state, target
from trainer.latent import map as mapping
from trainer.latent import map_file
from trainer.latent.map_file import MapSettings
from trainer.runs.folder import Run

OTHER = MapSettings(neighbours=9)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Run:
    return make_run(tmp_path_factory.mktemp("runs") / "small", pictures=60)


@pytest.fixture
def run(made, tmp_path, monkeypatch) -> Run:
    monkeypatch.setenv(map_job.CACHE_VARIABLE, str(tmp_path / "cache"))
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
    assert state(path, run.hash, OTHER).status == "absent"
    map_job.Job(path).say(stage="starting")
    assert state(path, run.hash, OTHER).status == "running"
    map_job.Job(path).say(stage="layout", done=3, total=9)
    assert state(path, run.hash, OTHER).status == "failed"  # nobody holds the lock: the process is gone
    assert "ended early" in state(path, run.hash, OTHER).error
    with map_job.lock(path.with_suffix(".lock"), wait=False) as got:
        assert got
        assert state(path, run.hash, OTHER) == map_job.JobState("running", "layout", 3, 9)
    map_job.Job(path).say(error="do this")
    assert state(path, run.hash, OTHER) == map_job.JobState("failed", error="do this")
    store(pca, path, OTHER)
    assert state(path, run.hash, OTHER).status == "ready"
    assert state(path, "0" * 12, OTHER).status != "ready"


def test_a_job_waits_its_turn_reports_and_leaves_only_the_map(run):
    path = target(run.path, run.hash, OTHER)
    map_job.cache_folder().mkdir()
    seen = set()
    with map_job.lock(map_job.cache_folder() / "map.lock", wait=True):
        job = map_job.start(run.path, path, OTHER)
        assert state(path, run.hash, OTHER).status == "running"
        wait_for(lambda: state(path, run.hash, OTHER).stage == "waiting")
        before = path.with_suffix(".json").read_text()
        map_job.work(run.path, path, OTHER)  # a second one for the same map ends at once and changes nothing
        assert path.with_suffix(".json").read_text() == before
    wait_for(lambda: seen.add(state(path, run.hash, OTHER).stage) or state(path, run.hash, OTHER).status != "running")
    assert state(path, run.hash, OTHER).status == "ready"
    assert {"neighbours", "layout"} & seen
    assert job.wait(30) == 0
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert map_file.read(path).meta["settings"]["neighbours"] == 9


def test_a_job_that_cannot_succeed_says_why(run):
    run.codes.head(10).to_parquet(run.path / "codes.parquet")
    path = target(run.path, run.hash, OTHER)
    job = map_job.start(run.path, path, OTHER)
    assert job.wait(120) == 2
    found = state(path, run.hash, OTHER)
    assert found.status == "failed"
    assert "at least 40 test codes" in found.error
    assert "Traceback" not in path.with_suffix(".log").read_text()


def test_only_the_newest_maps_of_other_settings_are_kept(run, pca, monkeypatch):
    monkeypatch.setattr(map_job, "KEPT", 2)
    monkeypatch.setattr(mapping, "of_run", lambda run, settings, progress: pca)
    for place, neighbours in enumerate((5, 6, 7)):
        path = target(run.path, run.hash, MapSettings(neighbours=neighbours))
        map_job.work(run.path, path, MapSettings(neighbours=neighbours))
        if place < 2:
            time.sleep(0.02)
    kept = sorted(file.name for file in (run.path / "maps").glob("*.parquet"))
    assert [name.split("umap-n")[1][0] for name in kept] == ["6", "7"]


def test_a_status_file_that_is_no_json_is_as_good_as_none(run):
    path = target(run.path, run.hash, OTHER)
    path.parent.mkdir()
    path.with_suffix(".json").write_text("{")
    assert state(path, run.hash, OTHER).status == "absent"
