"""Atomic file writing: a reader sees the old file or the new one, never a part of one."""

import contextlib
import csv
import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path

from trainer.errors import UserError
from trainer.system import mode

_NUMBER = re.compile(r"[-+]?[0-9.]+(?:e[-+]?[0-9]+)?|[-+]?(?:inf|nan)")


@mode.local_only("Writing files")
def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary neighbour of `path`, flush it to disk, then rename it over `path`.

    Raises: UserError if the disk is full or the folder may not be written; `path` is then unchanged.
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
        raise explained(error, path) from error


def spreadsheet(value: object) -> object:
    """Return a CSV cell that is shown, not run: text that begins like a formula gets an apostrophe before it."""
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return value
    return value if _NUMBER.fullmatch(value) else f"'{value}"


def write_text(path: Path, text: str) -> None:
    """Atomically write UTF-8 text (see write_atomic)."""
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Atomically write rows as CSV (see write_atomic); every number reads back exactly, what a row lacks is empty."""
    text = StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


@contextlib.contextmanager
def reading(path: Path, absent: str, again: str) -> Iterator[None]:
    """Within the context a stored file is read.

    Raises: UserError ending in `again`, what to do, if the file is absent or whatever reads it raises.
    """
    if not path.is_file():
        raise UserError(f"{path}: {absent}; {again}.")
    try:
        yield
    except Exception as error:  # pandas, pyarrow and pydantic raise many types; to the user they mean the same
        raise UserError(f"{path}: the file is damaged; {again}.") from error


@mode.local_only("Deleting files")
def remove(path: Path) -> None:
    """Delete a file, if it is there.

    Raises: UserError if that is not possible.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise explained(error, path) from error


@mode.local_only("Writing files")
def make_folder(path: Path) -> None:
    """Create a folder and its parents.

    Raises: UserError if that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explained(error, path) from error


@contextlib.contextmanager
def memory_explained(advice: str) -> Iterator[None]:
    """Raise a UserError that names the cause where memory, of the machine or of its limits, is used up."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        words = ("allocate memory", "out of memory", "bad_alloc", "not enough memory")
        if isinstance(error, MemoryError) or any(text in str(error).lower() for text in words):
            raise UserError(f"There is not enough memory for this; {advice}.") from error
        raise


def remove_leftovers(*folders: Path) -> None:
    """Delete the temporary files that write_atomic left in processes that were killed."""
    for folder in folders:
        for path in folder.glob(".*.tmp"):
            pid = path.suffixes[-2].removeprefix(".") if len(path.suffixes) > 1 else ""
            if pid.isdigit() and not is_alive(int(pid)):
                path.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Return whether a process of this number exists; True where that cannot be determined."""
    if os.name == "nt":
        return True  # os.kill would end the process there; a leftover file is the lesser evil
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def explained(error: Exception, path: Path) -> Exception:
    """Return a UserError that names what the disk or the system refused; any other error unchanged.

    safetensors reports such errors as its own, with only "(os error 28)" in the text.
    """
    match = re.search(r"(?:\(os error |\[Errno )(\d+)[)\]]", str(error))
    if not isinstance(error, OSError) and not match:
        return error
    code = (error.errno if isinstance(error, OSError) else None) or (int(match[1]) if match else 0)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"{path}: no space left on the disk; free some and resume, nothing saved before is lost.")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UserError(f"{path}: the folder may not be written; choose another one with --out.")
    if code in (errno.ENOTDIR, errno.EEXIST):
        return UserError(f"{path}: a file is in the way; choose another folder with --out.")
    return UserError(f"{path}: cannot be written ({os.strerror(code or 0)}); choose another folder with --out.")
