"""A study in the background: the command is watched, its failure is a sentence, Stop reaches it as Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.studies import make_study
from trainer.errors import UserError
from trainer.jobs import whole_study
from trainer.jobs.__main__ import TASKS
from trainer.jobs.task import Job
from trainer.study import table


@pytest.fixture
def command(monkeypatch):
    """What runs in place of the command line, which has tests of its own."""
    start = subprocess.Popen

    def of(code: str) -> None:
        monkeypatch.setattr(whole_study, "LOOK_SECONDS", 0.05)
        monkeypatch.setattr(
            whole_study.subprocess, "Popen", lambda given, **options: start([sys.executable, "-c", code, *given])
        )

    return of


def job(folder: Path) -> Job:
    return whole_study.job(folder / "x.yaml", folder, 2, ["reconstruction"])


def test_it_is_a_task_and_its_lock_is_not_that_of_the_command(tmp_path):
    assert TASKS["whole-study"] is whole_study.TASK
    assert job(tmp_path).lock_file.name != "study.lock"


def test_it_runs_the_command_with_what_was_asked_for(tmp_path, command):
    command("import sys; assert sys.argv[2:6] == ['-m', 'trainer', 'study', sys.argv[5]] and '--out' in sys.argv")
    job(tmp_path).run()
    assert job(tmp_path).state().status == "absent", "nothing is measured"


def test_a_failure_is_the_last_line_of_the_command(tmp_path, command):
    job(tmp_path).log_file.write_text("what led to it\nx.yaml: no such study.\n", encoding="utf-8")
    command("raise SystemExit(2)")
    with pytest.raises(UserError, match="no such study"):
        job(tmp_path).run()
    assert job(tmp_path).state().error == "x.yaml: no such study."


def test_stop_interrupts_the_command(tmp_path, command):
    note = tmp_path / "interrupted"
    command(
        "import pathlib, time\n"
        f"try:\n    pathlib.Path({str(tmp_path / 'began')!r}).touch(); time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    pathlib.Path({str(note)!r}).touch()"
    )

    def stop() -> None:
        while not (tmp_path / "began").exists():
            threading.Event().wait(0.05)
        job(tmp_path).stop()

    threading.Thread(target=stop).start()
    job(tmp_path).run()
    assert note.exists()


def test_it_is_ready_once_all_trainings_have_ended_and_are_measured(tmp_path, monkeypatch):
    made = make_study(tmp_path / "s", tmp_path / "study")
    table.write(*made)
    whole = whole_study.job(made[1], tmp_path / "study", 6, ["reconstruction"])
    assert whole.state().status == "absent"
    monkeypatch.setattr(whole_study.study, "is_done", lambda folder, groups: groups == {"reconstruction"})
    assert whole.state().status == "ready"
