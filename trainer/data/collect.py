"""Collects the pictures in folders, zips and files, and a sentence on each other file.

A zip is read in memory and never extracted, so no name in it can reach the disk; even so, unsafe names are refused,
and counts and uncompressed sizes are limited before anything is decompressed.
"""

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

from trainer.data import zips
from trainer.data.zips import Collection, Entry, Limits, is_clutter, printable
from trainer.errors import UserError

T = TypeVar("T")
WORKERS = min(4, os.cpu_count() or 1)
_BLOCK = 256  # files handed to the pool at a time: bounds what waits, and paces the progress reports
_ZIP = b"PK"
LIMITS = Limits()


@contextmanager
def collect(source: Path | BinaryIO, limits: Limits | None = None, name: str | None = None) -> Iterator[Collection]:
    """List the pictures in a folder (with its sub-folders) or a zip; entries can be read while the context is open.

    Hidden files and folders, and what macOS and Windows leave behind, are ignored.

    Args:
        source: a folder or zip, or an open zip.
        limits: default LIMITS.
        name: what sentences call it; default the path.

    Raises: UserError if there is no such folder or zip, it is damaged, or it exceeds the limits.
    """
    limits, name = limits or LIMITS, str(source) if name is None else name
    if isinstance(source, Path) and source.is_dir():
        yield _sorted(_from_folder(source, limits))
        return
    if isinstance(source, Path) and not source.is_file():
        raise UserError(f"{name}: no such folder or zip; set data.path to one that holds pictures.")
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
            collection = _sorted(zips.open_zip(stack, handle, name, limits))
        except zips.ERRORS as error:
            what = "neither a folder nor an intact zip; set data.path to one of these"
            what = what if isinstance(source, Path) else "not an intact zip; make it again"
            raise UserError(f"{name}: {what}.") from error
        except OSError as error:
            raise UserError(f"{name}: cannot be read ({error.strerror or error}); check the file.") from error
        yield collection  # outside the try: what fails in the caller's block is not the zip's fault


def gather(
    stack: ExitStack,
    sources: Sequence[Path | tuple[str, bytes]],
    limits: Limits | None = None,
    pictures: int | None = None,
    folder: Callable[[str], str] = str,
) -> Collection:
    """List files, and the pictures in folders and zips, in the order given; readable while the stack is open.

    Content decides what is a zip. Where there are several sources, folders and zips precede the names of what is in
    them.

    Args:
        sources: paths, or name and bytes of uploaded files.
        limits: of each folder or zip.
        pictures: how many at most, or None.
        folder: the name of a zip or folder -> that which precedes.

    Raises: UserError as `collect`, or if there are more than `pictures`.
    """
    whole = Collection()
    for source in sources:
        raw, data = (source.name, source) if isinstance(source, Path) else source
        name = printable(raw.replace("\\", "/").rpartition("/")[2]) or "file"
        if _holds_others(data):
            zipped = BytesIO(data) if isinstance(data, bytes) else data
            part = stack.enter_context(collect(zipped, limits, name if isinstance(data, bytes) else None))
            prefix = f"{folder(name)}/" if len(sources) > 1 and folder(name) else ""
            whole.entries += [Entry(prefix + entry.name, entry.read) for entry in part.entries]
            whole.skipped += [prefix + sentence for sentence in part.skipped]
        else:
            whole.entries.append(Entry(name, lambda data=data: data))
        if pictures is not None and len(whole.entries) > pictures:
            raise UserError(f"More than {pictures:,} pictures were given; choose at most {pictures:,} at once.")
    return whole


def read_each(
    entries: Sequence[Entry],
    read: Callable[[Entry], T],
    progress: Callable[[int, int], None] | None = None,
    block: int = _BLOCK,
) -> Iterator[tuple[int, T | str]]:
    """Yield the place and read(entry) of each entry, in order, or the sentence where it raises UserError.

    Args:
        read: called in threads; Pillow decodes and resizes without Python's lock.
        progress: called with (done, total) after each block.
        block: entries that are read before the first of them is yielded.
    """

    def one(entry: Entry) -> T | str:
        try:
            return read(entry)
        except UserError as error:
            return str(error)

    with ThreadPoolExecutor(min(WORKERS, block)) as pool:
        for start in range(0, len(entries), block):
            yield from enumerate(pool.map(one, entries[start : start + block]), start)
            if progress is not None:
                progress(min(start + block, len(entries)), len(entries))


def _holds_others(data: Path | bytes) -> bool:
    """Whether it is a folder or begins like a zip."""
    if isinstance(data, bytes):
        return data.startswith(_ZIP)
    if not data.is_file():  # a pipe would block, or never end
        return data.is_dir()
    try:
        with data.open("rb") as handle:
            return handle.read(len(_ZIP)) == _ZIP
    except OSError:
        return False  # it is named when it is read


def _sorted(collection: Collection) -> Collection:
    collection.entries.sort(key=lambda entry: entry.name)
    collection.skipped.sort()
    return collection


# --- folders -----------------------------------------------------------------------------------------------------


def _from_folder(root: Path, limits: Limits) -> Collection:
    """Walk, following links to folders that have not been read yet."""
    collection, seen = Collection(), {_identity(root)}

    def unreadable(error: OSError) -> None:
        collection.skipped.append(f"{printable(str(error.filename))}: the folder cannot be read ({error.strerror}).")

    count, names = 0, set()
    for folder, folders, files in os.walk(root, onerror=unreadable, followlinks=True):
        folders[:] = sorted(name for name in folders if not is_clutter((name,)))
        for name in [name for name in folders if os.path.islink(Path(folder, name))]:
            if (target := _identity(Path(folder, name))) in seen or _holds(Path(folder, name), root):
                folders.remove(name)
                place = printable(Path(folder, name).relative_to(root).as_posix())
                collection.skipped.append(f"{place}: a link to a folder that is read already.")
            seen.add(target)
        for file in files:
            if is_clutter((file,)):
                continue
            count += 1
            if count > limits.files:
                raise UserError(f"{root}: more than {limits.files:,} files; choose a folder or zip with fewer.")
            path = Path(folder, file)
            name = printable(unicodedata.normalize("NFC", path.relative_to(root).as_posix()))
            if name in names:  # the same in composed and decomposed form
                name = printable(path.relative_to(root).as_posix())
            names.add(name)
            collection.consider(Entry(name, lambda path=path: path), partial(_head_of, path, name))
    return collection


def _identity(folder: Path) -> tuple[int, int]:
    """Return what tells a folder apart, whichever path leads to it; (0, 0) where it cannot be read."""
    try:
        status = folder.stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)


def _holds(folder: Path, other: Path) -> bool:
    """Whether `other` lies in a folder: reading it would go round in a circle."""
    return other.resolve().is_relative_to(folder.resolve())


def _head_of(path: Path, name: str) -> bytes:
    try:
        if not path.is_file():
            raise UserError(f"{name}: not a regular file.")
        with path.open("rb") as handle:
            return handle.read(zips.HEAD)
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}).") from error
