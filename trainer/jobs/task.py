"""Work that a page asks for, in a process of its own: it outlives the page, and tells how far it is through files.

A job is named by the file it will write. Beside it, while it runs: a status file, what it is doing or why it failed,
written atomically; `.lock`, held by the living process, so that nobody has to guess from a pid; `.log`; `.stop`, made
by whoever wants it to end. Locks are POSIX advisory locks, released by the system however a process ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainer.errors import UserError
from trainer.system import ROOT, files

CACHE_VARIABLE = "GWAE_CACHE"
START_SECONDS = 120
_STEP_SECONDS = 0.25


class StoppedError(Exception):
    """Somebody asked a job to stop; raised by its progress function."""


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


@dataclass(frozen=True)
class Job:
    """The files of one job, beside its target; `status_suffix` differs from the target's own."""

    target: Path
    status_suffix: str = ".json"

    @property
    def status(self) -> Path:
        """What it is doing, as JSON."""
        return self.target.with_suffix(self.status_suffix)

    @property
    def lock(self) -> Path:
        """Held while its process lives."""
        return self.target.with_suffix(".lock")

    @property
    def log(self) -> Path:
        """What its process printed."""
        return self.target.with_suffix(".log")

    @property
    def stop(self) -> Path:
        """Exists once somebody asked it to stop."""
        return self.target.with_suffix(".stop")

    def say(self, **said: object) -> None:
        """Replace the status."""
        files.write_text(self.status, json.dumps({**said, "time": time.time()}))

    def state(self) -> JobState:
        """Running, failed or absent; whether the target is there and fits, the caller knows."""
        try:
            said = json.loads(self.status.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = {}
        alive = is_locked(self.lock)
        if said.get("error") and not alive:
            return JobState("failed", error=said["error"])
        starting = said.get("stage") == "starting" and time.time() - said.get("time", 0) < START_SECONDS
        if alive or starting:
            counts = {name: int(said.get(name, 0)) for name in ("done", "total", "place", "places")}
            return JobState("running", said.get("stage", ""), part=said.get("part", ""), **counts)
        if said:
            return JobState("failed", error=f"The computation ended early; {self.log} tells more.")
        return JobState("absent")

    def launch(self, arguments: list[str], module: str = "trainer") -> subprocess.Popen:
        """Start `python -m <module> <arguments>` detached, with the lowest priority and one thread per library.

        Raises: UserError if the target's folder cannot be written.
        """
        files.make_folder(self.target.parent)
        self.stop.unlink(missing_ok=True)
        self.say(stage="starting")
        with open(self.log, "w", encoding="utf-8") as log:
            return subprocess.Popen(
                ["nice", "-n", "19", sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def working(self) -> Iterator[bool]:
        """Around the body of a job: yields whether this process is the one for the target; else it ends at once.

        A stop asked for ends it in peace. Raises: what the body raises, after the status says it.
        """
        files.make_folder(self.target.parent)
        with lock(self.lock, wait=False) as own:
            if not own:
                yield False
                return
            try:
                yield True
            except StoppedError:
                pass
            except UserError as error:
                self.say(error=str(error))
                raise
            except BaseException as error:
                self.say(error=f"The computation failed ({error!r}); {self.log} tells more.")
                raise
            self.status.unlink(missing_ok=True)
        self.clear()

    def clear(self) -> None:
        """Remove everything but the target."""
        for path in (self.status, self.lock, self.log, self.stop):
            path.unlink(missing_ok=True)


class Reporter:
    """Progress into the status file, a few times a second at most.

    Raises StoppedError when called after somebody asked the job to stop.
    """

    def __init__(self, job: Job):
        self.job, self.last = job, 0.0
        self.part: dict[str, object] = {}

    def begin(self, part: str, place: int, places: int) -> None:
        """A job of several parts turns to the next one, number `place` (from 1) of `places`."""
        self.part = {"part": part, "place": place, "places": places}
        self(part, 0, 0)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell that `what` is at `done` of `total`."""
        if self.job.stop.exists():
            raise StoppedError
        if done == 0 or time.monotonic() - self.last > _STEP_SECONDS:
            self.last = time.monotonic()
            self.job.say(stage=what, done=done, total=total, **self.part)


def cache_folder() -> Path:
    """$GWAE_CACHE, else ~/.cache/gwae-explorer: for results on folders that may not be written."""
    return Path(os.environ.get(CACHE_VARIABLE) or "~/.cache/gwae-explorer").expanduser()


@contextlib.contextmanager
def lock(path: Path, wait: bool, while_waiting: Callable[[], None] = lambda: None) -> Iterator[bool]:
    """Hold an exclusive lock; yields whether it was got. An exception raised in `while_waiting` ends the waiting."""
    with open(path, "a", encoding="utf-8") as handle:
        got = _acquire(handle)
        while wait and not got:
            while_waiting()
            got = _acquire(handle)
        yield got


def _acquire(handle) -> bool:
    for _ in range(5):  # whoever asks `is_locked` holds the lock for an instant
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.1)
    return False


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock."""
    try:
        with open(path, encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def is_busy(folder: Path) -> bool:
    """Whether a job works on a file of this folder, or on one a folder below."""
    return any(is_locked(path) for pattern in ("*.lock", "*/*.lock") for path in Path(folder).glob(pattern))


def keep_newest(folder: Path, pattern: str, count: int) -> None:
    """Remove all files of a folder that match, but the `count` newest."""
    found = sorted(folder.glob(pattern), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in found[count:]:
        old.unlink(missing_ok=True)
