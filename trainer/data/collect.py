"""What lies in a folder or a zip: the files that begin like pictures, and a sentence on each of the others.

A zip is read in memory and never extracted, so no name in it can reach the disk; even so, unsafe names are refused,
and counts and uncompressed sizes are limited before anything is decompressed.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from trainer.data.decode import Entry
from trainer.data.pictures import MAX_BYTES, begins_like_picture, not_a_picture
from trainer.errors import UserError

MAX_FILES = 200_000
MAX_UNPACKED = 16 * 2**30  # bytes of all entries of a zip together
_DIRECTORY_PER_FILE = 512  # bytes of a zip's table of contents, generously
_HEAD = 512  # bytes that decide whether a file is worth opening as a picture
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may ask for gigabytes of dictionary


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
def collect(path: Path) -> Iterator[Collection]:
    """List the pictures in a folder (with its sub-folders) or a zip; entries can be read while the context is open.

    Hidden files and folders, and what macOS and Windows leave behind, are passed over in silence.

    Raises: UserError if there is no such folder or zip, or it exceeds MAX_FILES or MAX_UNPACKED.
    """
    if path.is_dir():
        yield _sorted(_from_folder(path))
        return
    if not path.is_file():
        raise UserError(f"{path}: no such folder or zip; set data.path to one that holds pictures.")
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(path.open("rb"))
            _check_directory(handle, path)
            archive = stack.enter_context(zipfile.ZipFile(handle))
            collection = _sorted(_from_zip(archive, path))
        except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError) as error:
            raise UserError(f"{path}: neither a folder nor an intact zip; set data.path to one of these.") from error
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error}); check the file.") from error
        yield collection  # outside the try: what fails in the caller's block is not the zip's fault


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


def _too_many_files(path: Path) -> UserError:
    return UserError(f"{path}: more than {MAX_FILES:,} files; choose a folder or zip with fewer.")


# --- folders -----------------------------------------------------------------------------------------------------


def _from_folder(root: Path) -> Collection:
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
            if count > MAX_FILES:
                raise _too_many_files(root)
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


def _check_directory(handle: BinaryIO, path: Path) -> None:
    """Refuse a table of contents too large for MAX_FILES, before zipfile turns it into objects in memory.

    Its length stands in the end record ("PK 5 6", offset 12), or for zip64 in its own ("PK 6 6", offset 40).
    """
    size = handle.seek(0, os.SEEK_END)
    handle.seek(max(0, size - 2**16 - 256))
    tail = handle.read()
    handle.seek(0)
    end, end64 = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    if end < 0:
        raise zipfile.BadZipFile("no end record")
    (length,) = struct.unpack_from("<I", tail, end + 12)
    if length == 0xFFFFFFFF and end64 >= 0:
        (length,) = struct.unpack_from("<Q", tail, end64 + 40)
    if length > MAX_FILES * _DIRECTORY_PER_FILE:
        raise _too_many_files(path)


def _from_zip(archive: zipfile.ZipFile, path: Path) -> Collection:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MAX_FILES:
        raise _too_many_files(path)
    if sum(min(info.file_size, MAX_BYTES) for info in infos) > MAX_UNPACKED:
        raise UserError(f"{path}: more than {MAX_UNPACKED >> 30} GiB when unpacked; choose a zip with fewer pictures.")
    found, seen = Collection(), set()
    for info in infos:
        raw = info.filename.replace("\\", "/")
        name = printable(raw)
        if _is_clutter(tuple(part for part in raw.split("/") if part != "..")):
            continue
        reason = _refusal(info, raw, name in seen)
        if reason is not None:
            found.skipped.append(f"{name}: {reason}.")
            continue
        seen.add(name)
        try:
            head = _read_entry(archive, info, name, _HEAD)
        except UserError as error:
            found.skipped.append(str(error))
            continue
        found.consider(name, head, Entry(name, partial(_read_entry, archive, info, name)))
    return found


def _refusal(info: zipfile.ZipInfo, raw: str, is_repeated: bool) -> str | None:
    """Why an entry is not even looked into, or None."""
    if raw.startswith("/") or raw[1:2] == ":" or ".." in PurePosixPath(raw).parts:
        return "unsafe path in the zip, absolute or with '..'"
    if is_repeated:
        return "a second entry of the same name in the zip"
    if info.flag_bits & 0x1:
        return "encrypted; make a zip without password"
    if info.compress_type not in _METHODS:
        return "compressed by a method other than deflate; make an ordinary zip"
    if info.file_size > MAX_BYTES:
        return f"larger than {MAX_BYTES >> 20} MiB when unpacked"
    return None


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, limit: int = MAX_BYTES + 1) -> bytes:
    """At most `limit` bytes of an entry, whatever its header declares; the checksum is compared at its end."""
    try:
        with archive.open(info) as handle:
            return handle.read(limit)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise UserError(f"{name}: damaged in the zip; make the zip again.") from error
