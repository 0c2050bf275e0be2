"""Up to 200 pictures from a visitor's files and zips, in order, the bad ones named. No streamlit here.

A zip is bounded before anything in it is unpacked: entries, bytes when unpacked, and pixels altogether. Its names are
never used on the disk; entries with an absolute path or '..', encrypted ones and zips within zips are left out by name
(trainer/data/collect.py).
"""

from __future__ import annotations

import struct
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from explorer.shared.uploads import MAX_FILES, Upload, read_upload
from trainer.errors import UserError

MAX_ENTRIES = 1_000  # files of any kind in a zip
MAX_UNPACKED = 256 * 2**20  # bytes of all of them together
MAX_PIXELS = 1_000_000_000  # of all pictures together: some 15 s of decoding
WORKERS = 2  # Pillow decodes without Python's lock
_DIRECTORY = 512  # bytes of a zip's table of contents per file, generously
_ZIP = b"PK"

Read = Callable[[], bytes | Path]


class ReadFiles(NamedTuple):
    """names: as the command line calls the pictures; uploads: as the model sees them; rejected: a sentence each."""

    names: tuple[str, ...]
    uploads: tuple[Upload, ...]
    rejected: tuple[str, ...]


def read_files(
    files: Sequence[tuple[str, bytes]],
    image_shape: tuple[int, int, int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ReadFiles:
    """Decode files and the pictures in zips, in the order and under the names of `python -m trainer score`.

    Args:
        files: (name, bytes) of each; a zip is told by its content.
        image_shape: (channels, height, width) of the model.
        progress: called with (done, total) pictures.

    Raises: UserError if a zip is damaged or exceeds its limits, or there are more than MAX_FILES pictures.
    """
    from trainer.data.collect import printable

    names, uploads, rejected, pixels = [], [], [], 0
    with ExitStack() as stack:
        entries: list[tuple[str, Read]] = []
        for name, content in files:
            name = printable(name.replace("\\", "/").rsplit("/", 1)[-1]) or "file"
            if content[:2] == _ZIP:
                inside, sentences = _from_zip(stack, name, content)
                prefix = f"{name}/" if len(files) > 1 else ""
                entries += [(prefix + inner, read) for inner, read in inside]
                rejected += [prefix + sentence for sentence in sentences]
            else:
                entries.append((name, lambda content=content: content))
            if len(entries) > MAX_FILES:
                raise UserError(f"More than {MAX_FILES} pictures were chosen; upload at most {MAX_FILES} at once.")
        pool = stack.enter_context(ThreadPoolExecutor(WORKERS))
        for start in range(0, len(entries), WORKERS):
            part = entries[start : start + WORKERS]
            for (name, _), found in zip(part, pool.map(lambda each: _decoded(*each, image_shape), part), strict=True):
                if isinstance(found, str):
                    rejected.append(found)
                    continue
                uploads.append(found)
                names.append(name)
                pixels += found.original_size[0] * found.original_size[1]
            done = start + len(part)
            progress(done, len(entries))
            if pixels > MAX_PIXELS and done < len(entries):
                rejected.append(
                    f"{len(entries) - done} more were left out, because all pictures together have more than "
                    f"{MAX_PIXELS // 10**6:,} million pixels; scale them down or upload them in parts."
                )
                break
    return ReadFiles(tuple(names), tuple(uploads), tuple(rejected))


def _decoded(name: str, read: Read, image_shape: tuple[int, int, int]) -> Upload | str:
    """The picture, or the sentence on why there is none."""
    try:
        content = read()
        return read_upload(content if isinstance(content, bytes) else content.read_bytes(), name, image_shape)
    except UserError as error:
        return _by_name(str(error), name)


def _by_name(sentence: str, name: str) -> str:
    """The sentence with the whole path in a zip: a/1.png and b/1.png are told apart."""
    folder, _, own = name.rpartition("/")
    return f"{folder}/{sentence}" if folder and sentence.startswith(own) else sentence


def _from_zip(stack: ExitStack, name: str, content: bytes) -> tuple[list[tuple[str, Read]], list[str]]:
    """Pictures of a zip, readable while the stack is open, and sentences on what was left out.

    Raises: UserError if it is no intact zip, or holds too much.
    """
    from trainer.data.collect import collect

    try:
        _check(name, content)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "upload").write_bytes(content)
        collection = stack.enter_context(collect(folder / "upload"))
    except UserError as error:
        if str(error).startswith(name):
            raise
        raise UserError(f"{name}: not an intact zip; make it again.") from error
    except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OSError) as error:
        raise UserError(f"{name}: not an intact zip; make it again.") from error
    return [(entry.name, entry.read) for entry in collection.entries], collection.skipped


def _check(name: str, content: bytes) -> None:
    """Refuse by the zip's table of contents: its own length first, as reading it already costs memory."""
    end = content.rfind(b"PK\x05\x06", max(0, len(content) - 2**16 - 22))
    if end < 0:
        raise zipfile.BadZipFile("no end record")
    count, length = struct.unpack_from("<HI", content, end + 10)
    if count > MAX_ENTRIES or length > MAX_ENTRIES * _DIRECTORY:
        found = f"{count:,} files" if count < 0xFFFF else "very many files"
        raise UserError(f"{name}: the zip holds {found}; upload one with at most {MAX_FILES} pictures.")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise UserError(f"{name}: the zip holds {len(infos):,} files; upload one with at most {MAX_FILES} pictures.")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MAX_UNPACKED:
        raise UserError(
            f"{name}: the zip would unpack to {unpacked / 2**20:,.0f} MiB; at most {MAX_UNPACKED >> 20} MiB are taken, "
            "so upload it in parts."
        )
