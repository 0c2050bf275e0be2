"""What lies in folders, zips and files: those that begin like pictures, and a sentence on each of the others.

A zip is read in memory and never extracted, so no name in it can reach the disk; even so, unsafe names are refused,
and counts and uncompressed sizes are limited before anything is decompressed.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from trainer.data.pictures import MAX_BYTES
from trainer.data.signatures import begins_like_picture, not_a_picture
from trainer.errors import UserError

_DIRECTORY_PER_FILE = 512  # bytes of a zip's table of contents, generously
_HEAD = 512  # bytes that decide whether a file is worth opening as a picture
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may ask for gigabytes of dictionary
_ZIP = b"PK"
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Limits:
    """How much of a folder or zip is read.

    Attributes:
        files: of any kind in it.
        unpacked: bytes of a zip's files together, each counted up to `file_bytes`.
        file_bytes: of one file in a zip; larger ones are left out by name.
        ratio: unpacked bytes over the zip's own. Deflate reaches 1,032; more only where entries overlap or lie.
        advice: what to do about a zip of too many files.
    """

    files: int = 200_000
    unpacked: int = 16 * 2**30
    file_bytes: int = MAX_BYTES
    ratio: int = 1_100
    advice: str = ""


LIMITS = Limits()


@dataclass(frozen=True)
class Entry:
    """One file that may be a picture.

    name: unique relative path with "/" and only printable characters.
    read: its bytes, or the path to read them from; raises UserError where that is impossible.
    """

    name: str
    read: Callable[[], bytes | Path]


@dataclass
class Collection:
    """Entries sorted by name, and sentences on the files left out."""

    entries: list[Entry] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def consider(self, name: str, head: bytes, entry: Entry) -> None:
        """Keep the entry if its first bytes are a picture's."""
        if begins_like_picture(head):
            self.entries.append(entry)
        else:
            self.skipped.append(not_a_picture(head, name))


@contextmanager
def collect(source: Path | BinaryIO, limits: Limits | None = None, name: str | None = None) -> Iterator[Collection]:
    """List the pictures in a folder (with its sub-folders) or a zip; entries can be read while the context is open.

    Hidden files and folders, and what macOS and Windows leave behind, are passed over in silence.

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
            _check_directory(handle, name, limits)
            archive = stack.enter_context(zipfile.ZipFile(handle))
            collection = _sorted(_from_zip(archive, name, limits))
        except _ZIP_ERRORS as error:
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
            prefix = f"{folder(name)}/" if len(sources) > 1 else ""
            whole.entries += [Entry(prefix + entry.name, entry.read) for entry in part.entries]
            whole.skipped += [prefix + sentence for sentence in part.skipped]
        else:
            whole.entries.append(Entry(name, lambda data=data: data))
        if pictures is not None and len(whole.entries) > pictures:
            raise UserError(f"More than {pictures:,} pictures were given; choose at most {pictures:,} at once.")
    return whole


def _holds_others(data: Path | bytes) -> bool:
    """Whether it is a folder or begins like a zip."""
    if isinstance(data, bytes):
        return data.startswith(_ZIP)
    try:
        with data.open("rb") as handle:
            return handle.read(2) == _ZIP
    except OSError:  # a folder, or what cannot be read and is named when it is
        return data.is_dir()


def printable(name: str) -> str:
    """A file name that can be printed, stored as UTF-8 and told apart: the rest as backslash escapes."""
    return "".join(
        c if c.isprintable() and c != "\\" else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in name
    )


def _sorted(collection: Collection) -> Collection:
    collection.entries.sort(key=lambda entry: entry.name)
    collection.skipped.sort()
    return collection


def _is_clutter(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db", "desktop.ini") for part in parts)


# --- folders -----------------------------------------------------------------------------------------------------


def _from_folder(root: Path, limits: Limits) -> Collection:
    """Walk without following links to folders, which could run in circles."""
    found = Collection()

    def unreadable(error: OSError) -> None:
        found.skipped.append(f"{printable(str(error.filename))}: the folder cannot be read ({error.strerror}).")

    count = 0
    for folder, folders, files in os.walk(root, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not _is_clutter((name,)))
        for file in files:
            if _is_clutter((file,)):
                continue
            count += 1
            if count > limits.files:
                raise UserError(f"{root}: more than {limits.files:,} files; choose a folder or zip with fewer.")
            _consider_file(found, Path(folder, file), root)
    return found


def _consider_file(found: Collection, file: Path, root: Path) -> None:
    name = printable(file.relative_to(root).as_posix())
    try:
        if not file.is_file():
            found.skipped.append(f"{name}: not a regular file.")
            return
        with file.open("rb") as handle:
            head = handle.read(_HEAD)
    except OSError as error:
        found.skipped.append(f"{name}: cannot be read ({error.strerror}).")
        return
    found.consider(name, head, Entry(name, lambda: file))


# --- zips --------------------------------------------------------------------------------------------------------


def _check_directory(handle: BinaryIO, name: str, limits: Limits) -> None:
    """Refuse a table of contents that is too large, before zipfile turns it into objects in memory.

    The end record is that which zipfile itself goes by, zip64 included: it reads as many bytes as stand there.
    """
    record = zipfile._EndRecData(handle)
    if not record:
        raise zipfile.BadZipFile("no end record")
    count, length = record[zipfile._ECD_ENTRIES_TOTAL], record[zipfile._ECD_SIZE]
    if count > limits.files:
        raise _too_many_files(f"{count:,}", name, limits)
    if length > limits.files * _DIRECTORY_PER_FILE:
        raise _too_many_files("very many", name, limits)


def _too_many_files(count: str, name: str, limits: Limits) -> UserError:
    advice = limits.advice or f"more than {limits.files:,} files are not read, so choose one with fewer"
    return UserError(f"{name}: the zip holds {count} files; {advice}.")


def _from_zip(archive: zipfile.ZipFile, name: str, limits: Limits) -> Collection:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    _check_sizes(archive, infos, name, limits)
    found, seen = Collection(), set()
    for info in infos:
        raw = info.filename.replace("\\", "/")
        own = printable(raw)
        if _is_clutter(tuple(part for part in raw.split("/") if part != "..")):
            continue
        reason = _refusal(info, raw, own in seen, limits)
        if reason is not None:
            found.skipped.append(f"{own}: {reason}.")
            continue
        seen.add(own)
        try:
            head = _read_entry(archive, info, own, _HEAD)
        except UserError as error:
            found.skipped.append(str(error))
            continue
        found.consider(own, head, Entry(own, partial(_read_entry, archive, info, own, limits.file_bytes + 1)))
    return found


def _check_sizes(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], name: str, limits: Limits) -> None:
    """Refuse by what the table of contents says of its entries."""
    if len(infos) > limits.files:
        raise _too_many_files(f"{len(infos):,}", name, limits)
    unpacked = sum(min(info.file_size, limits.file_bytes) for info in infos)
    if unpacked > limits.unpacked:
        raise UserError(
            f"{name}: {unpacked / 2**20:,.0f} MiB when unpacked, and at most {limits.unpacked / 2**20:,.0f} MiB are "
            "read; choose a zip with fewer pictures, or split it."
        )
    size = archive.fp.seek(0, os.SEEK_END)
    if sum(info.file_size for info in infos if info.compress_type in _METHODS) > limits.ratio * size:
        raise UserError(f"{name}: the sizes in the zip cannot be true, its files overlap; make it again.")


def _refusal(info: zipfile.ZipInfo, raw: str, is_repeated: bool, limits: Limits) -> str | None:
    """Why an entry is not even looked into, or None."""
    if raw.startswith("/") or raw[1:2] == ":" or ".." in PurePosixPath(raw).parts:
        return "unsafe path in the zip, absolute or with '..'"
    if is_repeated:
        return "a second entry of the same name in the zip"
    if info.flag_bits & 0x1:
        return "encrypted; make a zip without password"
    if info.compress_type not in _METHODS:
        return "compressed by a method other than deflate; make an ordinary zip"
    if info.file_size > limits.file_bytes:
        return f"larger than {limits.file_bytes >> 20} MiB when unpacked"
    return None


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, limit: int) -> bytes:
    """At most `limit` bytes of an entry, whatever its header declares; the checksum is compared at its end."""
    try:
        with archive.open(info) as handle:
            return handle.read(limit)
    except (*_ZIP_ERRORS, OSError) as error:
        raise UserError(f"{name}: damaged in the zip; make the zip again.") from error
