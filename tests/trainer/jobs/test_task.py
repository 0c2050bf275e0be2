"""The one mechanism of background tasks: a process of its own, its files, its turn, its stop and its failures."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest
from tqdm import tqdm
from tqdm.auto import tqdm as umap_bar

from tests.fixtures import make_run
from trainer.errors import UserError
from trainer.jobs import map as map_job
from trainer.jobs import task
from trainer.jobs.__main__ import TASKS, main
from trainer.jobs.task import STAGES, Job, JobState, Task
from trainer.latent.map_file import MapSettings
from trainer.system import locks, processes


def nothing(*_: object, **__: object) -> None:
    """Work that is done at once."""


def job(tmp_path: Path, work=nothing) -> Job:
    return Job(Task("test", "Testing", work, {"codes": "Encoding"}), tmp_path / "result.json")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))


def test_the_process_knows_every_task_by_its_name():
    names = ["evaluate", "disentangle", "geometry", "map", "estimate", "quick-look", "study", "train", "whole-study"]
    assert list(TASKS) == names
    assert [each.stage("starting") for each in TASKS.values()].count("Starting") == 7
    assert TASKS["map"].stage("waiting") != TASKS["evaluate"].stage("waiting") == STAGES["waiting"]
    assert TASKS["map"].stage("of a later version") == "of a later version"


def test_a_process_is_detached_has_its_threads_and_adds_to_the_log(tmp_path, monkeypatch):
    started = {}
    monkeypatch.setattr(task.subprocess, "Popen", lambda command, **options: started.update(options, command=command))
    (tmp_path / "log").write_text("before\n")
    Task("test", "Testing", nothing, threads=lambda: 3).launch(tmp_path / "a", {"b": 1}, tmp_path / "log")
    assert started["command"] == [sys.executable, "-m", "trainer.jobs", "test", str(tmp_path / "a"), '{"b": 1}']
    assert started["start_new_session"]
    assert started["env"].items() >= {"OMP_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "3"}.items()
    assert (tmp_path / "log").read_text() == "before\n"


def test_a_new_start_forgets_how_the_last_one_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(Task, "launch", nothing)
    failed = job(tmp_path)
    failed.write_status(error="do this")
    failed.log_file.write_text("Traceback")
    failed.stop_file.touch()
    failed.start()
    assert failed.state() == JobState("running", "starting")
    assert not failed.log_file.exists()
    failed.stop()
    assert failed.state() == JobState("running", "stopping")


def test_what_goes_wrong_is_a_sentence_and_the_log_is_named(tmp_path):
    def refuse(*_: object) -> None:
        raise UserError("Free some space.")

    def break_down(*_: object) -> None:
        raise ZeroDivisionError

    for work, kind, said in (
        (refuse, UserError, "Free some space."),
        (break_down, ZeroDivisionError, "result.log."),
    ):
        with pytest.raises(kind):
            job(tmp_path, work).run()
        assert job(tmp_path).state().status == "failed"
        assert said in job(tmp_path).state().error
    job(tmp_path).run()
    assert job(tmp_path).state() == JobState("absent")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_counts_until_its_result_or_a_source_changes(tmp_path):
    source, late = tmp_path / "weights", os.times().elapsed + 10**10
    failed = Job(job(tmp_path).task, tmp_path / "result.json", sources=(source,))
    failed.write_status(error="do this")
    for path in (source, failed.target):
        path.touch()
        os.utime(path, (1, 1))
        assert failed.state().status == "failed"
        os.utime(path, (late, late))
        assert failed.state().status == "absent"
        path.unlink()


def test_a_lock_that_the_work_meets_is_a_failure_and_no_second_process(tmp_path):
    """BusyError from within, of a data set that another process makes, must be reported."""

    def busy(*_: object) -> None:
        raise locks.BusyError("another process is making it; wait for that.")

    with pytest.raises(locks.BusyError):
        job(tmp_path, busy).run()
    assert "another process is making it" in job(tmp_path).state().error


def test_the_command_line_of_the_process(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(processes, "lower_priority", lambda: None)
    (tmp_path / "run").mkdir()
    arguments = {"folder": str(tmp_path / "run"), "data_root": None}
    assert main(["evaluate", str(tmp_path / "run" / "metrics.json"), json.dumps(arguments)]) == 2
    assert "no config.yaml" in capsys.readouterr().err
    assert "no config.yaml" in json.loads((tmp_path / "run" / "metrics.status").read_text())["error"]


def test_a_map_is_stopped_in_the_middle_of_its_layout(tmp_path, monkeypatch):
    run = make_run(tmp_path / "small", pictures=60)
    computing = map_job.job(run, MapSettings(neighbours=9))
    write_status = Job.write_status

    def stop_at_layout(self: Job, **status: object) -> None:
        write_status(self, **status)
        if status.get("stage") == "layout":
            self.stop()

    monkeypatch.setattr(Job, "write_status", stop_at_layout)
    monkeypatch.setattr(task, "_STEP_SECONDS", 0)
    computing.run()
    assert computing.state() == JobState("absent")
    assert list(computing.target.parent.iterdir()) == []
    for bar in (tqdm, umap_bar):
        thread = threading.Thread(target=lambda bar=bar: bar(file=io.StringIO()).close(), daemon=True)
        thread.start()
        thread.join(10)
        assert not thread.is_alive(), "a stopped map keeps the lock of tqdm's bars"
