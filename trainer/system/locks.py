"""Locks between processes: one process holds a file, and the system releases it however the process ends.

POSIX advisory locks (flock), on Windows a lock on the first byte. A lock file is empty, and may stay behind.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from trainer.errors import UserError
from trainer.system import files

RETRY_SECONDS = 0.05


class BusyError(UserError):
    """Another process holds the lock."""


@contextlib.contextmanager
def exclusive(
    path: Path, refusal: str = "", wait: float = 0.5, while_waiting: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the lock file `path`, so that no second process does.

    Args:
        wait: seconds to try for, math.inf without a limit; above 0, because `is_held` takes the lock for an instant.
        while_waiting: called before each new attempt; an exception that it raises ends the waiting.

    Raises: BusyError(refusal) if another process holds it, UserError if the file cannot be written.
    """
    try:
        handle = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below; closing it releases the lock
    except OSError as error:
        raise files.explained(error, path) from error
    with handle:
        end = time.monotonic() + wait
        while not _acquired(handle, path):
            if time.monotonic() >= end:
                raise BusyError(refusal)
            while_waiting()
            time.sleep(RETRY_SECONDS)
        yield


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock file `path`; works on read-only disks, too.

    False if the file is absent, unreadable, or a folder.
    """
    try:
        with open(path, "r+" if os.name == "nt" else "r", encoding="utf-8") as handle:
            _lock(handle, shared=True)
    except OSError as error:
        return _is_taken(error)
    return False


def _acquired(handle: IO[str], path: Path) -> bool:
    try:
        _lock(handle)
    except OSError as error:
        if not _is_taken(error):  # some network disks have no locks
            raise files.explained(error, path) from error
        return False
    return True


def _is_taken(error: OSError) -> bool:
    """Return whether the error means that another process holds the lock."""
    return isinstance(error, BlockingIOError) or (os.name == "nt" and isinstance(error, PermissionError))


def _lock(handle: IO[str], shared: bool = False) -> None:
    """Lock an open file without waiting; OSError if another process has done so."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
