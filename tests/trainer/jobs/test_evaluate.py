"""Measuring in the background: it says where it is, stops when asked, tells why it failed, and leaves out in words."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fixtures import blob_pictures, wait_for
from trainer import config
from trainer.errors import UserError
from trainer.evaluation import evaluate
from trainer.jobs import evaluate as evaluate_job
from trainer.jobs import task
from trainer.jobs.evaluate import job
from trainer.manage.runs import rename
from trainer.models import build, save_weights
from trainer.runs.folder import Run, create
from trainer.system import files, locks


@pytest.fixture
def folder_run(tmp_path, monkeypatch) -> Run:
    """A run of a folder of own pictures: no labels, no outliers, no factors."""
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    for index, picture in enumerate(blob_pictures(26)[0]):
        path = tmp_path / "photos" / ("train" if index % 4 else "test") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(picture[0])).save(path)
    settings = config.from_dict(
        {
            "name": "own",
            "data": {"name": "folder", "path": str(tmp_path / "photos"), "size": 32, "channels": 1},
            "model": {"kind": "vae", "z_dim": 4, "width": 4},
            "prior": {"kind": "normal"},
        }
    )
    made = create(tmp_path / "runs" / "own", settings)
    save_weights(build(settings).eval(), made.weights_path)
    return made


def test_a_measurement_waits_its_turn_names_its_parts_and_leaves_only_results(folder_run):
    seen = []
    files.make_folder(task.cache_folder())
    with locks.exclusive(task.cache_folder() / "evaluate.lock"):
        process = job(folder_run.path).start()
        wait_for(lambda: job(folder_run.path).state().stage == "waiting")
        assert job(folder_run.path).start() is None, "one is at it already"
        with pytest.raises(UserError, match="being measured"):
            rename(folder_run.path, "other")
    wait_for(lambda: seen.append(job(folder_run.path).state()) or seen[-1].status != "running")
    assert seen[-1].status == "absent"
    assert process.wait(60) == 0
    places = [(found.place, found.places) for found in seen if found.places]
    assert places == sorted(places)
    assert {total for _, total in places} == {5}, "codes, reconstruction, geometry, ood, files"
    measured = Run(folder_run.path)
    assert {metric.group for metric in measured.metrics} == {"reconstruction", "geometry", "ood"}
    assert {metric.checkpoint for metric in measured.metrics} == {measured.hash}
    assert len(measured.codes) == 7
    left = {path.name for path in measured.path.iterdir()}
    assert left >= {"codes.parquet", "ood_scores.parquet", "decoder.onnx", "card.md"}
    assert not [name for name in left if name.endswith((".lock", ".status", ".stop", ".log"))]
    assert rename(folder_run.path, "other").is_dir()


def test_pictures_that_are_gone_are_named_until_a_measurement_succeeds(folder_run, tmp_path, monkeypatch):
    (tmp_path / "photos").rename(tmp_path / "moved")
    with pytest.raises(UserError):
        job(folder_run.path).run()
    failed = job(folder_run.path).state()
    assert failed.status == "failed"
    assert failed.error.startswith(
        f"{tmp_path / 'photos'}: the pictures of this run are no longer there; put them back"
    )
    time.sleep(0.02)  # files' times are compared
    folder_run.weights_path.touch()
    assert job(folder_run.path).state().status == "absent", (
        "it was trained on: the failure says nothing about these weights"
    )
    with pytest.raises(UserError):
        job(folder_run.path).run()
    assert job(folder_run.path).state().status == "failed"
    (tmp_path / "moved").rename(tmp_path / "photos")
    monkeypatch.setattr(evaluate, "evaluate", lambda run, *_, **__: run.write_metrics([]))
    time.sleep(0.02)
    job(folder_run.path).run()
    assert job(folder_run.path).state().status == "absent"


def test_stop_is_said_and_obeyed(folder_run, monkeypatch):
    said = []

    def measure(run, data_root, progress, without, begin):
        begin("codes", 1, 3)
        progress("encoding", 0, 10)
        said.append(job(run.path).state())
        job(run.path).stop()
        said.append(job(run.path).state())
        progress("encoding", 10, 10)
        pytest.fail("it went on")

    monkeypatch.setattr(evaluate, "evaluate", measure)
    job(folder_run.path).run()
    running, stopping = said
    assert (running.part, running.place, running.places, running.total) == ("codes", 1, 3, 10)
    assert (stopping.status, stopping.stage) == ("running", "stopping")
    assert job(folder_run.path).state().status == "absent"
    assert not (folder_run.path / "metrics.stop").exists()
    job(folder_run.path).stop()
    assert not (folder_run.path / "metrics.stop").exists(), "nobody is there to be stopped"


def test_what_cannot_be_measured_is_said_with_its_reason():
    own = config.from_dict({"data": {"name": "folder", "path": "x"}})
    said = " ".join(evaluate_job.left_out(own, {"reconstruction"}, []))
    assert "no labels" in said
    assert "no set of outliers" in said
    assert "Map: it takes 200 test pictures" in said
    assert "Generated pictures: it takes 320 test pictures" in said
    digits = config.from_dict({"data": {"name": "mnist"}})
    everything = {"reconstruction", "clustering", "geometry", "generation", "ood", "map"}
    said = " ".join(evaluate_job.left_out(digits, everything, ["mnist/fashion-mnist"]))
    assert said.count("Omniglot is not on this disk") == 2
    assert "Fashion" not in said
    assert evaluate_job.left_out(digits, everything, [pair.name for pair in _pairs()]) == []


def _pairs():
    from trainer.ood.pairs import PAIRS

    return PAIRS


def test_a_status_of_a_dead_process_is_a_failure(folder_run):
    (Path(folder_run.path) / "metrics.status").write_text('{"stage": "codes", "place": 1, "places": 4, "time": 0}')
    found = job(folder_run.path).state()
    assert found.status == "failed"
    assert "ended early" in found.error
