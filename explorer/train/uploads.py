"""Pictures uploaded for a training: checked and packed into one zip in the run's own data folder. No streamlit here."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from explorer.shared.uploads import MAX_BYTES, MAX_PIXELS
from trainer.errors import UserError
from trainer.system import files

"""Where they lie in the run folder, and how its config.yaml names them."""
MINIMUM = 8
MAX_PICTURES = 50_000
_ZIP = b"PK"


class Packed(NamedTuple):
    """pictures: how many were packed; skipped: a sentence on each file that was left out."""

    pictures: int
    skipped: tuple[str, ...]


def pack(uploads: Sequence[tuple[str, bytes]], target: Path) -> Packed:
    """Write the pictures among the uploaded files, and those in uploaded zips, into the zip `target`.

    Content decides, not the name. Left out, each with a sentence: what is no picture, has more than MAX_BYTES bytes or
    MAX_PIXELS pixels, and unsafe paths in a zip. Folders in a zip stay, as they may be classes. A picture that is
    damaged further inside is found, and named, when the training reads it.

    Raises: UserError if a zip is damaged, there are fewer than MINIMUM or more than MAX_PICTURES pictures, or the disk
        refuses; nothing is written then.
    """
    with ExitStack() as stack:
        found, skipped = _entries(stack, uploads)
        counted = 0

        def write(temporary: Path) -> None:
            nonlocal counted
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:  # pictures are dense already
                for name, content in found:
                    reason = content if isinstance(content, str) else _refusal(name, content)
                    if reason:
                        skipped.append(reason)
                        continue
                    counted += 1
                    if counted > MAX_PICTURES:
                        raise UserError(f"More than {MAX_PICTURES:,} pictures; name their folder instead.")
                    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
            if counted < MINIMUM:
                raise UserError(_too_few(counted, skipped))

        files.make_folder(target.parent)
        files.write_atomic(target, write)
    return Packed(counted, tuple(skipped))


def _entries(
    stack: ExitStack, uploads: Sequence[tuple[str, bytes]]
) -> tuple[Iterator[tuple[str, bytes | str]], list[str]]:
    """(name, content or why not) of everything, read one at a time; sentences on what is no picture at first sight."""
    from trainer.data.collect import collect, printable

    skipped: list[str] = []
    parts: list[tuple[str, object]] = []
    taken: set[str] = set()
    for name, content in uploads:
        name = printable(name.replace("\\", "/").rpartition("/")[2]) or "file"
        if content[:2] != _ZIP:
            parts.append((_free(name, taken), content))
            continue
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / name).write_bytes(content)
        try:
            collection = stack.enter_context(collect(folder / name))
        except UserError as error:
            raise UserError(f"{name}: not an intact zip, or too large; make it again.") from error
        skipped += collection.skipped
        prefix = f"{Path(name).stem}/" if len(uploads) > 1 else ""
        parts += [(_free(prefix + entry.name, taken), entry.read) for entry in collection.entries]

    def read() -> Iterator[tuple[str, bytes | str]]:
        for name, source in parts:
            try:
                yield name, source() if callable(source) else source
            except UserError as error:
                yield name, str(error)

    return read(), skipped


def _free(name: str, taken: set[str]) -> str:
    """The name, or with a number before its suffix where it is taken."""
    stem, dot, suffix = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem}-{number}{dot}{suffix}" if stem else f"{name}-{number}"
    taken.add(free)
    return free


def _refusal(name: str, content: bytes) -> str | None:
    """Why a file is left out, by its size and header alone; None if it is taken."""
    from PIL import Image

    from trainer.data.pictures import FORMATS, begins_like_picture, not_a_picture

    if not begins_like_picture(content[:16]):
        return not_a_picture(content, name)
    if len(content) > MAX_BYTES:
        return f"{name}: the file is larger than {MAX_BYTES >> 20} MiB; choose a smaller one."
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            pixels = picture.width * picture.height
    except Exception:  # decoders of hostile bytes raise nearly anything; the training names the file when it reads it
        return None
    if pixels > MAX_PIXELS:
        return f"{name}: more than {MAX_PIXELS // 10**6} million pixels; scale it down."
    return None


def _too_few(counted: int, skipped: Sequence[str]) -> str:
    first = f" The first file that was left out: {skipped[0]}" if skipped else ""
    return f"{counted} pictures are too few to train on; choose at least {MINIMUM}.{first}"
