"""The one reader of zips, of pictures and of exported runs: unsafe names are refused, counts and sizes limited."""

import contextlib
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trainer.data.pictures import MAX_BYTES
from trainer.data.signatures import begins_like_picture, not_a_picture
from trainer.errors import UserError

_CLUTTER = ("__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information")
HEAD = 512  # bytes that decide whether a file is worth opening as a picture
ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)
_DIRECTORY_PER_FILE = 512  # bytes of a zip's table of contents, generously
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may ask for gigabytes of dictionary


@dataclass(frozen=True)
class Limits:
    """How much of a folder or zip is read.

    Attributes:
        files: of any kind in it.
        unpacked: bytes of a zip's files together, each counted up to `file_bytes`.
        file_bytes: of one file in a zip; larger ones are left out by name.
        ratio: unpacked bytes over the zip's own. Deflate reaches 1,032; more only where entries overlap or lie.
        packed: times the zip's size that its files may have together, beyond `freely` bytes.
        advice: what to do about a zip of too many files.
        remedy: what to do about one that unpacks to too much.
    """

    files: int = 200_000
    unpacked: int = 16 * 2**30
    file_bytes: int = MAX_BYTES
    ratio: int = 1_100
    packed: int = 100
    freely: int = 64 * 2**20
    advice: str = ""
    remedy: str = "no pictures do that, so save them as PNG or JPEG and pack them again"


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

    def consider(self, entry: Entry, head: Callable[[], bytes]) -> None:
        """Keep the entry if its first bytes can be read and are a picture's."""
        try:
            first = head()
        except UserError as error:
            self.skipped.append(str(error))
            return
        if begins_like_picture(first):
            self.entries.append(entry)
        else:
            self.skipped.append(not_a_picture(first, entry.name))


def printable(name: str) -> str:
    """Return a file name that can be printed, stored as UTF-8 and distinguished: the rest as backslash escapes."""
    return "".join(
        c if c.isprintable() and c != "\\" else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in name
    )


def is_clutter(parts: tuple[str, ...]) -> bool:
    """Return whether a path is hidden, or left behind by macOS, Windows or a network drive."""
    return any(part.startswith(".") or part in _CLUTTER for part in parts)


def _name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name as its maker wrote it, in composed form (NFC).

    Without the flag for UTF-8, zipfile takes names for code page 437. What is UTF-8 is read so (macOS, 7-Zip); the
    field that Info-ZIP adds counts first; Unix has no code pages, so the rest of its names is Latin. Other code pages
    (Shift-JIS) cannot be distinguished from 437, and stay what the standard says. A backslash separates where nothing
    else does; beside slashes it is a part of a name, or the second byte of a Shift-JIS character.
    """
    name = info.filename
    if not info.flag_bits & 0x800 and not name.isascii():
        with contextlib.suppress(UnicodeError, struct.error):
            raw = info.orig_filename.encode("cp437")
            name = _unicode_path(info.extra) or _decoded(raw, info.create_system == 3)
    name = unicodedata.normalize("NFC", name)
    return name if "/" in name else name.replace("\\", "/")


def _decoded(raw: bytes, is_unix: bool) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252" if is_unix else "cp437")


def _unicode_path(extra: bytes) -> str:
    """Return the name in Info-ZIP's extra field 0x7075, or an empty string."""
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == 0x7075 and length > 5:
            return extra[9 : 4 + length].decode("utf-8")
        extra = extra[4 + length :]
    return ""


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


class Member(NamedTuple):
    """A file in an open zip.

    Attributes:
        name: path with "/" and only printable characters.
        refused: why it is not even looked into, or None.
    """

    name: str
    refused: str | None
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def read(self, limit: int) -> bytes:
        """Return at most `limit` bytes, whatever the header declares; the checksum is compared at its end.

        Raises: UserError if it is damaged.
        """
        try:
            with self.archive.open(self.info) as handle:
                return handle.read(limit)
        except (*ERRORS, OSError) as error:
            raise UserError(f"{self.name}: damaged in the zip; make the zip again.") from error


def members(stack: ExitStack, handle: BinaryIO, name: str, limits: Limits) -> list[Member]:
    """Return the files in a zip besides clutter, readable while the stack is open; nothing is unpacked yet.

    Raises: UserError if it exceeds the limits, one of ERRORS or OSError if it is damaged.
    """
    _check_directory(handle, name, limits)
    archive = stack.enter_context(zipfile.ZipFile(handle))
    infos = [info for info in archive.infolist() if info.filename and not info.is_dir()]
    _check_sizes(archive, infos, name, limits)
    found, seen = [], set()
    for info in infos:
        raw = _name(info)
        own = printable(raw)
        if not is_clutter(tuple(part for part in raw.split("/") if part != "..")):
            refused = _refusal(info, raw, own in seen, limits)
            found.append(Member(own, refused, archive, info))
            seen |= set() if refused else {own}
    return found


def open_zip(stack: ExitStack, handle: BinaryIO, name: str, limits: Limits) -> Collection:
    """List the pictures in a zip; they can be read while the stack is open.

    Raises: UserError if it exceeds the limits, one of ERRORS or OSError if it is damaged.
    """
    collection = Collection()
    for member in members(stack, handle, name, limits):
        if member.refused is not None:
            collection.skipped.append(f"{member.name}: {member.refused}.")
            continue
        entry = Entry(member.name, partial(member.read, limits.file_bytes + 1))
        collection.consider(entry, partial(member.read, HEAD))
    return collection


def _check_sizes(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], name: str, limits: Limits) -> None:
    """Refuse by what the table of contents says of its entries."""
    if len(infos) > limits.files:
        raise _too_many_files(f"{len(infos):,}", name, limits)
    unpacked = sum(min(info.file_size, limits.file_bytes) for info in infos)
    if unpacked > limits.unpacked:
        raise UserError(
            f"{name}: {unpacked / 2**20:,.0f} MiB when unpacked, and at most {limits.unpacked / 2**20:,.0f} MiB are "
            "read; choose one that holds less, or split it."
        )
    size = archive.fp.seek(0, os.SEEK_END)
    if sum(info.file_size for info in infos if info.compress_type in _METHODS) > limits.ratio * size:
        raise UserError(f"{name}: the sizes in the zip cannot be true, its files overlap; make it again.")
    if unpacked > max(limits.freely, limits.packed * size):
        raise UserError(
            f"{name}: unpacks to {unpacked / 2**20:,.0f} MiB, more than {limits.packed} times its size; "
            f"{limits.remedy}."
        )


def _refusal(info: zipfile.ZipInfo, raw: str, is_repeated: bool, limits: Limits) -> str | None:
    """Return why an entry is not even looked into, or None."""
    parts = raw.replace("\\", "/").split("/")
    if parts[0] == "" or raw[1:2] == ":" or ".." in parts:
        return "unsafe path in the zip, absolute or with '..'"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link in the zip, not a file"
    if is_repeated:
        return "a second entry of the same name in the zip"
    if info.flag_bits & 0x1:
        return "encrypted; make a zip without password"
    if info.compress_type not in _METHODS:
        return "compressed by a method other than deflate; make an ordinary zip"
    if info.file_size > limits.file_bytes:
        return f"larger than {limits.file_bytes >> 20} MiB when unpacked"
    return None
