"""Pictures uploaded for a training: checked and packed into one zip in the run's folder. No streamlit here."""

import re
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from explorer.shared.uploads import MAX_BYTES, MAX_PIXELS
from trainer.data.collect import gather
from trainer.data.pictures import check_header
from trainer.data.zips import Collection, Entry
from trainer.errors import UserError
from trainer.system import files

MINIMUM = 8
MAX_PICTURES = 50_000


class Packed(NamedTuple):
    """pictures: how many were packed; skipped: a sentence on each file that was left out."""

    pictures: int
    skipped: tuple[str, ...]


def pack(uploads: Sequence[tuple[str, bytes]], target: Path) -> Packed:
    """Write the pictures among the uploaded files, and those in uploaded zips, into the zip `target`.

    Content decides, not the name. Left out, each with a sentence: files that are no pictures, have more than MAX_BYTES
    bytes or MAX_PIXELS pixels, and unsafe paths in a zip. Folders in a zip stay, as they may be classes. Damage beyond
    the header is found and reported by the training.

    Raises: UserError if a zip is damaged, there are fewer than MINIMUM or more than MAX_PICTURES pictures, or the disk
        refuses; nothing is written then.
    """
    with ExitStack() as stack:
        gathered = together(gather(stack, uploads))
        skipped = gathered.skipped
        taken: set[str] = set()

        def write(temporary: Path) -> None:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:  # pictures are dense already
                for entry in gathered.entries:
                    try:
                        content = entry.read()
                        check_header(content, entry.name, MAX_BYTES, MAX_PIXELS)
                    except UserError as error:
                        skipped.append(str(error))
                        continue
                    archive.writestr(zipfile.ZipInfo(_free(entry.name, taken), (1980, 1, 1, 0, 0, 0)), content)
                    if len(taken) > MAX_PICTURES:
                        raise UserError(f"More than {MAX_PICTURES:,} pictures; name their folder instead.")
            if len(taken) < MINIMUM:
                first = f" The first file that was left out: {skipped[0]}" if skipped else ""
                few = f"{len(taken)} pictures are too few to train on; choose at least {MINIMUM}."
                raise UserError(few + first)

        files.make_folder(target.parent)
        files.write_atomic(target, write)
    return Packed(len(taken), tuple(skipped))


def together(found: Collection) -> Collection:
    """Return the union of what several zips hold: their folders are classes or splits, not the zips themselves.

    The names of zips without folders in them are classes (cats.zip, dogs.zip), but for parts of one (part1, part2).
    """
    zipped = [entry.name.partition("/") for entry in found.entries]
    flat = {name for name, slash, _ in zipped if slash}
    flat -= {name for name, _, rest in zipped if "/" in rest}
    parts = {re.sub(r"[\W_]*(?:part|teil)?[\W_]*\d*$", "", Path(name).stem.lower()) for name in flat}
    names_classes = len(parts) == len(flat) > 1
    entries = []
    for entry, (zip_name, slash, rest) in zip(found.entries, zipped, strict=True):
        own = entry.name if not slash else rest
        keeps = slash and zip_name in flat and names_classes
        entries.append(Entry(f"{Path(zip_name).stem}/{rest}" if keeps else own, entry.read))
    return Collection(entries, found.skipped)


def _free(name: str, taken: set[str]) -> str:
    """Return the name, with a number before its suffix where it is taken."""
    stem, dot, suffix = name.rpartition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem}-{number}{dot}{suffix}" if stem else f"{name}-{number}"
    taken.add(free)
    return free
