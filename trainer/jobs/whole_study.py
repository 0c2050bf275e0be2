"""A whole study in the background: the command `python -m trainer study`, watched and stopped through a job."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from trainer.errors import StoppedError, UserError
from trainer.jobs import study
from trainer.jobs.task import Job, Reporter, Task
from trainer.runs.status import folders
from trainer.system import ROOT

TABLE, NAME = "study.json", "whole-study"
"""What is in its folder in the end, and how the files of the job are called: the command's lock is study.lock."""
LOOK_SECONDS = 1.0
STOP_SECONDS = 90.0
"""In which a stopped study has ended its training with a checkpoint."""


def job(path: Path, folder: Path, total: int, groups: list[str], data_root: Path | None = None) -> Job:
    """Return the study of the file `path` in `folder`; it is ready once all its trainings are measured.

    Args:
        total: how many trainings it has.
        groups: what the groups that it measures are called in metrics.
    """
    root = None if data_root is None else str(data_root.resolve())
    arguments = {
        "path": str(path.resolve()),
        "folder": str(folder.resolve()),
        "total": total,
        "groups": groups,
        "data_root": root,
    }
    return Job(TASK, folder / NAME, arguments, lambda: _is_done(folder, total, groups))


def _is_done(folder: Path, total: int, groups: list[str]) -> bool:
    return (folder / TABLE).is_file() and _measured(folder, groups) >= total


def _measured(folder: Path, groups: list[str]) -> int:
    """How many of its trainings have ended and are measured."""
    return sum(study.is_done(each, set(groups)) for each in folders(folder))


def _work(
    job: Job, report: Reporter, path: str, folder: str, total: int, groups: list[str], data_root: str | None
) -> None:
    """Raises: UserError with the last line of the command where it fails."""
    command = [sys.executable, "-m", "trainer", "study", path, "--out", folder]
    command += ["--data-root", data_root] if data_root else []
    signal.signal(signal.SIGINT, signal.default_int_handler)  # where it is ignored (a shell's &) the command would, too
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        while process.poll() is None:
            report("studying", _measured(Path(folder), groups), total)
            time.sleep(LOOK_SECONDS)
    except StoppedError:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)
        raise
    if process.returncode:
        lines = job.log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise UserError(lines[-1] if lines else f"The study ended early; see {job.log_file}.")


TASK = Task(NAME, "Study", _work, {"studying": "Trainings that are done and measured"})
