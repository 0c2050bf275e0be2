"""Atomic file writing: a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from trainer.errors import UserError


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


def make_folder(path: Path) -> None:
    """Create a folder and its parents.

    Raises: UserError if that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explained(error, path) from error


def _explained(error: Exception, path: Path) -> Exception:
    """Turn a full disk or a missing permission into a sentence; leave every other error as it is."""
    code = getattr(error, "errno", None)
    text = str(error)
    if code == errno.ENOSPC or "No space left" in text:
        return UserError(f"{path}: no space left on the disk; free some and resume, nothing saved before is lost.")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS) or "Permission denied" in text:
        return UserError(f"{path}: the folder may not be written; choose another one with --out.")
    if code in (errno.ENOTDIR, errno.EEXIST):
        return UserError(f"{path}: a file is in the way; choose another folder with --out.")
    return error
