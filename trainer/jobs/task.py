"""Background tasks: work in a separate process, which outlives the page that started it and reports through files.

A `Task` is a kind of work; trainer/jobs/__main__.py, the process, lists all tasks. A `Job` is one piece of such work,
identified by the file that it writes. Beside that file: a status (its stage, or why it failed, written atomically);
`.lock`, held by the running process; `.log`, its output; `.stop`, which asks it to end.
"""

import contextlib
import functools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trainer.errors import StoppedError, UserError
from trainer.system import ROOT, files, locks, mode

CACHE_VARIABLE = "GWAE_CACHE"
START_SECONDS = 120
_STEP_SECONDS = 0.25
STAGES = {
    "starting": "Starting",
    "waiting": "Waiting for another measurement to end",
    "stopping": "Stopping",
}
"""Titles of the stages that every task has."""


@dataclass(frozen=True)
class Task:
    """A kind of background work.

    Attributes:
        name: its name on the command line of the process.
        title: its title on a page: "Measuring".
        work: the function that the process calls: work(job, report, **job.arguments).
        stages: titles of its stages and parts on a page, beside STAGES; "" if the title of the part is enough.
        threads: returns the number of threads of its process.
        status_suffix: suffix of the status file; differs from that of the result.
    """

    name: str
    title: str
    work: Callable[..., Any]
    stages: Mapping[str, str] = field(default_factory=dict)
    threads: Callable[[], int] = lambda: 1
    status_suffix: str = ".status"

    def stage(self, name: str) -> str:
        """Return the title of a stage on a page."""
        return (STAGES | dict(self.stages)).get(name, name)

    @mode.local_only("Work in the background")
    def launch(
        self, target: Path, arguments: Mapping[str, Any], log: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen:
        """Start the process, detached; its output is appended to `log`, `environment` to its variables."""
        threads = str(self.threads())
        with open(log, "a", encoding="utf-8") as output:
            return subprocess.Popen(
                [sys.executable, "-m", __package__, self.name, str(target.resolve()), json.dumps(arguments)],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads} | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


@dataclass(frozen=True)
class JobState:
    """State of a job: ready, running, failed or absent; `stage`, `done` of `total`; `error` says what to do.

    A job of several parts is at `part`, number `place` (from 1) of `places`.
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
        """Whether its process is running or starting."""
        return self.status == "running"


@dataclass(frozen=True)
class Job:
    """One piece of work: its task, the file that it writes, and the arguments of `task.work` (JSON values).

    Attributes:
        fits: returns whether the file exists and is what was asked for.
        sources: files that, like the target, make an earlier failure obsolete when they change.
    """

    task: Task
    target: Path
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fits: Callable[[], bool] = lambda: False
    sources: tuple[Path, ...] = ()

    @property
    def status_file(self) -> Path:
        """Its stage or its error, as JSON."""
        return self.target.with_suffix(self.task.status_suffix)

    @property
    def lock_file(self) -> Path:
        """Held while its process runs."""
        return self.target.with_suffix(".lock")

    @property
    def log_file(self) -> Path:
        """Output of its process."""
        return self.target.with_suffix(".log")

    @property
    def stop_file(self) -> Path:
        """Exists once the job was asked to stop."""
        return self.target.with_suffix(".stop")

    def write_status(self, **values: object) -> None:
        """Replace the status."""
        files.write_text(self.status_file, json.dumps({**values, "time": time.time()}))

    def state(self) -> JobState:
        """Return the state of the job, from its files alone."""
        if self.fits():
            return JobState("ready")
        try:
            stored = json.loads(self.status_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            stored = {}
        starting = stored.get("stage") == "starting" and time.time() - stored.get("time", 0) < START_SECONDS
        if starting or locks.is_held(self.lock_file):
            if self.stop_file.exists():
                return JobState("running", "stopping")
            counts = {name: int(stored.get(name, 0)) for name in ("done", "total", "place", "places")}
            return JobState("running", stored.get("stage", ""), part=stored.get("part", ""), **counts)
        changed = max(_changed(path) for path in (self.target, *self.sources))
        if not stored or changed > _changed(self.status_file):
            return JobState("absent")
        return JobState("failed", error=stored.get("error") or f"The computation ended early; see {self.log_file}.")

    @mode.local_only("Measuring")
    def start(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen | None:
        """Start its process, which outlives the caller; return None if it runs already.

        Args:
            environment: further variables of the process.

        Raises: UserError if the target's folder cannot be written.
        """
        if self.state().is_running:
            return None
        files.make_folder(self.target.parent)
        for path in (self.stop_file, self.log_file):
            files.remove(path)
        self.write_status(stage="starting")
        return self.task.launch(self.target, self.arguments, self.log_file, environment)

    @mode.local_only("Stopping")
    def stop(self) -> None:
        """Ask a running job to stop; it ends at its next progress report, without a result.

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
                fault = f"The computation failed ({error!r}); see {self.log_file}."
                self.write_status(error=str(error) if isinstance(error, UserError) else fault)
                raise
            self.status_file.unlink(missing_ok=True)
        self.clear()

    def clear(self) -> None:
        """Remove all its files but the target."""
        for path in (self.status_file, self.lock_file, self.log_file, self.stop_file):
            path.unlink(missing_ok=True)


class Reporter:
    """Writes progress to the status file, at most a few times a second; raises StoppedError once the job is to stop."""

    def __init__(self, job: Job):
        self.job, self.last = job, 0.0
        self.part: dict[str, object] = {}

    def begin(self, part: str, place: int, places: int) -> None:
        """Begin the next of several parts, number `place` (from 1) of `places`."""
        self.part = {"part": part, "place": place, "places": places}
        self(part, 0, 0)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report that `stage` is at `done` of `total`."""
        self.check()
        if done == 0 or time.monotonic() - self.last > _STEP_SECONDS:
            self.last = time.monotonic()
            self.job.write_status(stage=stage, done=done, total=total, **self.part)

    def check(self) -> None:
        """Raise StoppedError once the job is to stop."""
        if self.job.stop_file.exists():
            raise StoppedError

    @contextlib.contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Hold the lock `name` of this user; wait while another process holds it."""
        self("waiting", 0, 0)
        files.make_folder(cache_folder())
        with locks.exclusive(cache_folder() / f"{name}.lock", wait=math.inf, while_waiting=self.check):
            yield


def cache_folder() -> Path:
    """Return $GWAE_CACHE, else ~/.cache/gwae-explorer: for results of read-only folders.

    Where the home is read-only, too, it is a folder of this user among the temporary ones.
    """
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else _usual_cache()


@functools.cache
def _usual_cache() -> Path:
    own = f"gwae-explorer-{os.getuid()}" if hasattr(os, "getuid") else "gwae-explorer"
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: there is no home at all
        place = Path("~/.cache/gwae-explorer").expanduser()
        if mode.is_view():  # what is there may be read
            return place
        place.mkdir(parents=True, exist_ok=True)
        if os.access(place, os.W_OK):
            return place
    place = Path(tempfile.gettempdir(), own)
    with contextlib.suppress(OSError):
        place.mkdir(mode=0o700, exist_ok=True)
        if not hasattr(os, "getuid") or (place.stat().st_uid == os.getuid() and not place.is_symlink()):
            return place
    return Path(tempfile.mkdtemp(prefix=f"{own}-"))  # another user took the name


def is_busy(folder: Path) -> bool:
    """Return whether a job is writing a file in this folder, or one level below."""
    return any(locks.is_held(path) for pattern in ("*.lock", "*/*.lock") for path in Path(folder).glob(pattern))


def keep_newest(folder: Path, pattern: str, count: int) -> None:
    """Remove all matching files of a folder but the `count` newest."""
    for old in sorted(folder.glob(pattern), key=_changed, reverse=True)[count:]:
        old.unlink(missing_ok=True)


def _changed(path: Path) -> float:
    """Return the modification time of a file, 0 if it does not exist."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
