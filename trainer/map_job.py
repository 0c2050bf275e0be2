"""Maps computed in a process of their own: where they are kept, one at a time, with progress in a file.

A job is named by the file it will write, `<target>.parquet`. Beside it, while it runs: `.json`, what it is doing or why
it failed, written atomically; `.lock`, held by the living process, so that nobody has to guess from a pid; `.log`.
UMAP runs one at a time per user: its compiled code is not safe under concurrency, and two are slower than one after
the other. Locks are POSIX advisory locks, released by the system however a process ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainer import files, map_store, mapping
from trainer.errors import UserError
from trainer.map_store import MapSettings
from trainer.run import Run

CACHE_VARIABLE = "GWAE_CACHE"
KEPT = 24
"""Maps of other settings kept per folder, the newest ones; one takes about half a megabyte."""
START_SECONDS = 120
_STEP_SECONDS = 0.25


@dataclass(frozen=True)
class JobState:
    """What is known of a map: ready, running, failed or absent; `stage`, `done` of `total`; `error`: what to do."""

    status: Literal["ready", "running", "failed", "absent"]
    stage: str = ""
    done: int = 0
    total: int = 0
    error: str = ""


def cache_folder() -> Path:
    """$GWAE_CACHE, else ~/.cache/gwae-explorer: for maps of folders that may not be written."""
    return Path(os.environ.get(CACHE_VARIABLE) or "~/.cache/gwae-explorer").expanduser()


def target(folder: Path, checkpoint: str, settings: MapSettings, read_only: bool = False) -> Path:
    """File in which the map of these settings is or would be kept.

    Args:
        folder: the run folder; its own map.parquet is taken where it fits.
        read_only: whether nothing may be written there (bundled models).
    """
    own = Path(folder) / map_store.FILE
    if map_store.fits(own, checkpoint, settings):
        return own
    if read_only or not os.access(folder, os.W_OK):
        return cache_folder() / "maps" / f"{checkpoint}-{settings.key}.parquet"
    return own if settings == MapSettings() else Path(folder) / "maps" / f"{checkpoint}-{settings.key}.parquet"


def state(path: Path, checkpoint: str, settings: MapSettings) -> JobState:
    """How far the map in `path` is."""
    if map_store.fits(path, checkpoint, settings):
        return JobState("ready")
    try:
        said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = {}
    alive = _is_locked(path.with_suffix(".lock"))
    if said.get("error") and not alive:
        return JobState("failed", error=said["error"])
    starting = said.get("stage") == "starting" and time.time() - said.get("time", 0) < START_SECONDS
    if alive or starting:
        return JobState("running", said.get("stage", ""), int(said.get("done", 0)), int(said.get("total", 0)))
    if said:
        return JobState("failed", error=f"The computation ended early; {path.with_suffix('.log')} tells more.")
    return JobState("absent")


def start(folder: Path, path: Path, settings: MapSettings) -> subprocess.Popen:
    """Compute a map in a detached process of lowest priority; it outlives the caller.

    Raises: UserError if its folder cannot be written.
    """
    files.make_folder(path.parent)
    _say(path, stage="starting")
    command = [
        sys.executable,
        "-m",
        "trainer",
        "map",
        str(Path(folder).resolve()),
        "--out",
        str(path.resolve()),
        "--job",
    ]
    command += ["--settings", settings.model_dump_json()]
    root = Path(__file__).resolve().parents[1]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    with open(path.with_suffix(".log"), "w", encoding="utf-8") as log:
        return subprocess.Popen(
            ["nice", "-n", "19", *command],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def work(folder: Path, path: Path, settings: MapSettings) -> None:
    """The body of a job: one per target, one at a time per user. A second process for the same target ends at once.

    Raises: UserError as mapping.of_run; the status file says it too.
    """
    files.make_folder(path.parent)
    with _lock(path.with_suffix(".lock"), wait=False) as own:
        if not own:
            return
        try:
            _say(path, stage="waiting")
            files.make_folder(cache_folder())
            with _lock(cache_folder() / "map.lock", wait=True):
                map_store.write(mapping.of_run(Run(folder), settings, _Reporter(path)), path)
        except UserError as error:
            _say(path, error=str(error))
            raise
        except BaseException as error:
            _say(path, error=f"The computation failed ({error!r}); {path.with_suffix('.log')} tells more.")
            raise
        path.with_suffix(".json").unlink(missing_ok=True)
    for suffix in (".lock", ".log"):
        path.with_suffix(suffix).unlink(missing_ok=True)
    _prune(path)


class _Reporter:
    """Progress into the status file, a few times a second at most."""

    def __init__(self, path: Path):
        self.path, self.last = path, 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if done == 0 or time.monotonic() - self.last > _STEP_SECONDS:
            self.last = time.monotonic()
            _say(self.path, stage=what, done=done, total=total)


def _say(path: Path, **said: object) -> None:
    files.write_text(path.with_suffix(".json"), json.dumps({**said, "time": time.time()}))


@contextlib.contextmanager
def _lock(path: Path, wait: bool) -> Iterator[bool]:
    """Hold an exclusive lock; yields whether it was got."""
    with open(path, "a", encoding="utf-8") as handle:
        yield _acquire(handle, wait)


def _acquire(handle, wait: bool) -> bool:
    for _ in range(5):  # whoever asks `_is_locked` holds the lock for an instant
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        except BlockingIOError:
            time.sleep(0.1)
    return False


def _is_locked(path: Path) -> bool:
    try:
        with open(path, encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _prune(path: Path) -> None:
    """Remove all but the newest maps of other settings."""
    if path.name == map_store.FILE:
        return
    maps = sorted(path.parent.glob("*.parquet"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in maps[KEPT:]:
        old.unlink(missing_ok=True)
