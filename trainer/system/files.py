"""Atomic file writing: a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from trainer.errors import UserError


class BusyError(UserError):
    """Another process holds the lock."""


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary neighbour of `path`, flush it to disk, then rename it over `path`.

    Raises: UserError if the disk is full or the folder may not be written; `path` is then what it was before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.chmod(temporary, 0o644)  # some writers leave files readable for their owner only
        os.replace(temporary, path)
    except Exception as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _explained(error, path) from error


def write_text(path: Path, text: str) -> None:
    """Atomically write UTF-8 text (see write_atomic)."""
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def remove(path: Path) -> None:
    """Delete a file, if it is there.

    Raises: UserError if that is not possible.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _explained(error, path) from error


def make_folder(path: Path) -> None:
    """Create a folder and its parents.

    Raises: UserError if that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explained(error, path) from error


def remove_leftovers(*folders: Path) -> None:
    """Delete temporary files of write_atomic whose process is gone: what a killed process was writing."""
    for folder in folders:
        for path in folder.glob(".*.tmp"):
            pid = path.suffixes[-2].removeprefix(".") if len(path.suffixes) > 1 else ""
            if pid.isdigit() and not is_alive(int(pid)):
                path.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether a process of this number exists, as far as can be told."""
    if os.name == "nt":
        return True  # os.kill would end the process there; better to leave a file than to do that
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


@contextlib.contextmanager
def exclusive(path: Path, refusal: str, wait: float = 0.5) -> Iterator[None]:
    """Hold the lock file `path`, so that no second process does; the system lets go of it when the process dies.

    Args:
        wait: seconds to try for; whoever asks `is_held` holds the lock for an instant.

    Raises: BusyError(refusal) if another process holds it, or UserError with why it cannot be written.
    """
    try:
        handle = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below; closing it opens the lock
    except OSError as error:
        raise _explained(error, path) from error
    with handle:
        end = time.monotonic() + wait
        while True:
            try:
                _lock(handle)
                break
            except OSError as error:
                if not _is_taken(error):  # some network disks know no locks
                    raise _explained(error, path) from error
                if time.monotonic() >= end:
                    raise BusyError(refusal) from error
                time.sleep(0.02)
        yield


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock file `path`; asking disturbs nobody for longer than an instant.

    What is no lock file (absent, a folder, unreadable) is held by nobody; a disk that may only be read does not matter.
    """
    try:
        with open(path, "r+" if os.name == "nt" else "r", encoding="utf-8") as handle:
            _lock(handle, shared=True)
    except OSError as error:
        return _is_taken(error)
    return False


def _is_taken(error: OSError) -> bool:
    """Whether the system refuses because another process has the lock."""
    return isinstance(error, BlockingIOError) or (os.name == "nt" and isinstance(error, PermissionError))


def _lock(handle: IO[str], shared: bool = False) -> None:
    """Lock an open file without waiting; OSError if another process has done so."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def _explained(error: Exception, path: Path) -> Exception:
    """Turn what the disk or the system refuses into a sentence; leave every other error as it is.

    safetensors reports such errors as its own, with only "(os error 28)" in the text.
    """
    match = re.search(r"\(os error (\d+)\)", str(error))
    if not isinstance(error, OSError) and not match:
        return error
    code = error.errno if isinstance(error, OSError) else int(match[1])
    if code in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"{path}: no space left on the disk; free some and resume, nothing saved before is lost.")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UserError(f"{path}: the folder may not be written; choose another one with --out.")
    if code in (errno.ENOTDIR, errno.EEXIST):
        return UserError(f"{path}: a file is in the way; choose another folder with --out.")
    return UserError(f"{path}: cannot be written ({os.strerror(code or 0)}); choose another folder with --out.")
