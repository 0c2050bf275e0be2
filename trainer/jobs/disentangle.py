"""Disentanglement measured in a process of its own (trainer/jobs/task.py): where records are kept, start and stop.

One at a time per user: a full measurement keeps every core busy for minutes.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from trainer.evaluation.disentanglement import record as records
from trainer.jobs.task import Job, JobState, Reporter, cache_folder, keep_newest, lock
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import files

KEPT = 24
"""Records kept in the cache, the newest ones; one takes a few kilobytes."""


def target(folder: Path, checkpoint: str, protocol: str, read_only: bool = False, other: str = "") -> Path:
    """File in which the record of a protocol, "full" or "fast", is or would be kept.

    Args:
        folder: the run folder; its own record is taken where it fits.
        read_only: whether nothing may be written there (bundled models).
        other: name of the data set, where it is not the one of the training; its records have files of their own.
    """
    own = Path(folder) / layout.disentanglement(protocol, other)
    if records.fits(own, checkpoint, protocol, other) or not (read_only or not os.access(folder, os.W_OK)):
        return own
    return _cache() / ("-".join(part for part in (checkpoint, other, protocol) if part) + ".json")


def stored(run: Run, read_only: bool = False, other: str = "") -> records.Record | None:
    """The full record of this checkpoint, else the fast one, else None; `read_only` and `other` as in target."""
    for protocol in ("full", "fast"):
        path = target(run.path, run.hash, protocol, read_only, other)
        if records.fits(path, run.hash, protocol, other):
            return records.read(run, protocol, path, other)
    return None


def state(path: Path, checkpoint: str, protocol: str, other: str = "") -> JobState:
    """How far the record in `path` is; a stopped job leaves "absent"."""
    if records.fits(path, checkpoint, protocol, other):
        return JobState("ready")
    found = _job(path).state()
    stopping = found.status == "running" and _job(path).stop.exists()
    return JobState("running", "stopping") if stopping else found


def start(folder: Path, path: Path, protocol: str, data_root: Path | None = None, other: str = "") -> subprocess.Popen:
    """Measure in a detached process of lowest priority; it outlives the caller.

    Raises: UserError if the folder of `path` cannot be written.
    """
    command = ["disentangle", str(Path(folder).resolve()), "--out", str(path.resolve()), "--job"]
    command += ["--fast"] if protocol == "fast" else []
    command += ["--data", other] if other else []
    command += ["--data-root", str(Path(data_root).resolve())] if data_root is not None else []
    return _job(path).launch(command)


def stop(path: Path) -> None:
    """Ask the job of `path` to stop; it does within about a second, and leaves nothing. Without one: nothing happens.

    Raises: UserError if the folder cannot be written.
    """
    if _job(path).state().status == "running":
        files.write_text(_job(path).stop, "")


def work(folder: Path, path: Path, protocol: str, data_root: Path | None = None, other: str = "") -> None:
    """The body of a job: one per target, one at a time per user. A second process for the same target ends at once.

    Raises: UserError as group.of_run; the status file says it too.
    """
    job = _job(path)
    with job.working() as own:
        if not own:
            return
        _measure(job, Path(folder), protocol, data_root, other)
    if path.parent == _cache():
        keep_newest(path.parent, "*.json", KEPT)


def _measure(job: Job, folder: Path, protocol: str, data_root: Path | None, other: str) -> None:
    from trainer.evaluation.disentanglement import group

    report = Reporter(job)
    report("waiting", 0, 0)
    files.make_folder(cache_folder())
    with lock(cache_folder() / "disentanglement.lock", wait=True, while_waiting=lambda: report("waiting", 0, 0)):
        records.write(group.of_run(Run(folder), protocol, data_root, report, other=other), job.target)


def _job(path: Path) -> Job:
    return Job(path, status_suffix=".status")


def _cache() -> Path:
    return cache_folder() / "disentanglement"
