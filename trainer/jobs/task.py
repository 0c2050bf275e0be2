"""Background tasks: work in a process of its own, which outlives the page that started it and reports through files.

A `Task` is a kind of work; trainer/jobs/__main__.py, the process, lists them all. A `Job` is one piece of such work,
named by the file that it will write. Beside that file, while it runs: a status, its stage or why it failed, written
atomically; `.lock`, held by the living process; `.log`, what it printed; `.stop`, made to ask it to end.
"""

import contextlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trainer.errors import StoppedError, UserError
from trainer.system import ROOT, files, locks

CACHE_VARIABLE = "GWAE_CACHE"
START_SECONDS = 120
_STEP_SECONDS = 0.25
STAGES = {
    "starting": "Starting",
    "waiting": "Waiting for another measurement to be finished",
    "stopping": "Stopping",
}
"""What stages of every task are called on a page."""


@dataclass(frozen=True)
class Task:
    """A kind of background work.

    Attributes:
        name: as the process's command line has it.
        title: what it does, where a page counts its parts: "Measuring".
        work: does it, in the process: work(job, report, **job.arguments).
        stages: what its stages and parts are called on a page, beside STAGES; "" where the part says it already.
        threads: gives the number of threads of its process.
        status_suffix: of the status file; differs from that of the result.
    """

    name: str
    title: str
    work: Callable[..., Any]
    stages: Mapping[str, str] = field(default_factory=dict)
    threads: Callable[[], int] = lambda: 1
    status_suffix: str = ".status"

    def stage(self, name: str) -> str:
        """Return what a stage is called on a page."""
        return (STAGES | dict(self.stages)).get(name, name)

    def launch(self, target: Path, arguments: Mapping[str, Any], log: Path) -> subprocess.Popen:
        """Start the process, detached; what it prints is added to `log`."""
        threads = str(self.threads())
        with open(log, "a", encoding="utf-8") as output:
            return subprocess.Popen(
                [sys.executable, "-m", __package__, self.name, str(target.resolve()), json.dumps(arguments)],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


@dataclass(frozen=True)
class JobState:
    """What is known of a job: ready, running, failed or absent; `stage`, `done` of `total`; `error`: what to do.

    A job of several parts also says which one it is at: `part`, `place` (from 1) of `places`.
    """

    status: Literal["ready", "running", "failed", "absent"]
    stage: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    part: str = ""
    place: int = 0
    places: int = 0

    @property
    def is_running(self) -> bool:
        """Whether its process is at work, or starting."""
        return self.status == "running"


@dataclass(frozen=True)
class Job:
    """One piece of work: its task, the file that it writes, and what the process is told (JSON values).

    Attributes:
        fits: whether the file is there and is what was asked for.
        sources: files whose change makes an earlier failure meaningless, beside the target.
    """

    task: Task
    target: Path
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fits: Callable[[], bool] = lambda: False
    sources: tuple[Path, ...] = ()

    @property
    def status_file(self) -> Path:
        """What it is doing, as JSON."""
        return self.target.with_suffix(self.task.status_suffix)

    @property
    def lock_file(self) -> Path:
        """Held while its process lives."""
        return self.target.with_suffix(".lock")

    @property
    def log_file(self) -> Path:
        """What its process printed."""
        return self.target.with_suffix(".log")

    @property
    def stop_file(self) -> Path:
        """Exists once it was asked to stop."""
        return self.target.with_suffix(".stop")

    def say(self, **said: object) -> None:
        """Replace the status."""
        files.write_text(self.status_file, json.dumps({**said, "time": time.time()}))

    def state(self) -> JobState:
        """Return how far it is, from its files alone."""
        if self.fits():
            return JobState("ready")
        try:
            said = json.loads(self.status_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = {}
        starting = said.get("stage") == "starting" and time.time() - said.get("time", 0) < START_SECONDS
        if starting or locks.is_held(self.lock_file):
            if self.stop_file.exists():
                return JobState("running", "stopping")
            counts = {name: int(said.get(name, 0)) for name in ("done", "total", "place", "places")}
            return JobState("running", said.get("stage", ""), part=said.get("part", ""), **counts)
        changed = max(_changed(path) for path in (self.target, *self.sources))
        if not said or changed > _changed(self.status_file):
            return JobState("absent")
        return JobState(
            "failed", error=said.get("error") or f"The computation ended early; {self.log_file} tells more."
        )

    def start(self) -> subprocess.Popen | None:
        """Start its process, which outlives the caller; None where one is at it already.

        Raises: UserError if the target's folder cannot be written.
        """
        if self.state().is_running:
            return None
        files.make_folder(self.target.parent)
        for path in (self.stop_file, self.log_file):
            files.remove(path)
        self.say(stage="starting")
        return self.task.launch(self.target, self.arguments, self.log_file)

    def stop(self) -> None:
        """Ask it to stop; it does at its next sign of progress, and leaves nothing. Otherwise nothing happens.

        Raises: UserError if the folder cannot be written.
        """
        if self.state().is_running:
            files.write_text(self.stop_file, "")

    def run(self) -> None:
        """Do the work in this process; nothing where another one is at it. A job that was asked to stop ends in peace.

        Raises: what the work raises, after the status says it.
        """
        files.make_folder(self.target.parent)
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locks.exclusive(self.lock_file))
            except locks.BusyError:
                return
            try:
                self.task.work(self, Reporter(self), **self.arguments)
            except StoppedError:
                pass
            except BaseException as error:
                fault = f"The computation failed ({error!r}); {self.log_file} tells more."
                self.say(error=str(error) if isinstance(error, UserError) else fault)
                raise
            self.status_file.unlink(missing_ok=True)
        self.clear()

    def clear(self) -> None:
        """Remove everything but the target."""
        for path in (self.status_file, self.lock_file, self.log_file, self.stop_file):
            path.unlink(missing_ok=True)


class Reporter:
    """Progress into the status file, a few times a second at most; raises StoppedError once the job is to stop."""

    def __init__(self, job: Job):
        self.job, self.last = job, 0.0
        self.part: dict[str, object] = {}

    def begin(self, part: str, place: int, places: int) -> None:
        """Turn to the next part of several, number `place` (from 1) of `places`."""
        self.part = {"part": part, "place": place, "places": places}
        self(part, 0, 0)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say that `stage` is at `done` of `total`."""
        self.check()
        if done == 0 or time.monotonic() - self.last > _STEP_SECONDS:
            self.last = time.monotonic()
            self.job.say(stage=stage, done=done, total=total, **self.part)

    def check(self) -> None:
        """Raise StoppedError once the job is to stop."""
        if self.job.stop_file.exists():
            raise StoppedError

    @contextlib.contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Wait until no other process of this user has the turn of this name, and have it."""
        self("waiting", 0, 0)
        files.make_folder(cache_folder())
        with locks.exclusive(cache_folder() / f"{name}.lock", wait=math.inf, while_waiting=self.check):
            yield


def cache_folder() -> Path:
    """Return $GWAE_CACHE, else ~/.cache/gwae-explorer: for results on folders that may not be written."""
    return Path(os.environ.get(CACHE_VARIABLE) or "~/.cache/gwae-explorer").expanduser()


def is_busy(folder: Path) -> bool:
    """Return whether a job works on a file of this folder, or on one a folder below."""
    return any(locks.is_held(path) for pattern in ("*.lock", "*/*.lock") for path in Path(folder).glob(pattern))


def keep_newest(folder: Path, pattern: str, count: int) -> None:
    """Remove all files of a folder that match, but the `count` newest."""
    for old in sorted(folder.glob(pattern), key=_changed, reverse=True)[count:]:
        old.unlink(missing_ok=True)


def _changed(path: Path) -> float:
    """Return when a file was last changed, 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
