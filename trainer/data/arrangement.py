"""What the paths of a folder of pictures mean: ids, splits and classes; and that in words, before anything is read.

    photos/cat/1.jpg, photos/dog/2.png             two classes, "cat" and "dog"
    photos/1.jpg, photos/2.png                     no classes
    photos/train/..., photos/test/...              the split is given (Training, test_set, ...), classes below or not
    photos/train/..., photos/val/...               without test, the validation pictures are the test pictures
    photos/train/images/cat/1.jpg                  folders named like "images" say nothing

Without such a split, each picture's own name decides, by a hash: about every tenth is a test picture, on every
machine, in a folder as in its zip, and whichever other pictures come or go. A few files beside the folders of a split
or of classes are left out, each with a sentence.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

TEST_SHARE = 0.1
STRAY_SHARE = 0.2
"""Of all pictures, that may lie beside the folders of a split or of classes without making them something else."""
SHOWN_CLASSES = 6
_SPLITS = {"train": "train", "training": "train", "trn": "train", "test": "test", "testing": "test", "tst": "test"}
_SPLITS |= dict.fromkeys(("val", "valid", "validation", "dev"), "val")
_SILENT = {"images", "image", "imgs", "img", "pictures", "photos", "jpegimages", "data"}


@dataclass(frozen=True)
class Place:
    """What a path says about its picture; a split of "" and a reason where it is left out."""

    id: str
    split: str
    label: str | None
    reason: str = ""


def arrange(names: Sequence[str]) -> list[Place]:
    """Return ids, splits and classes of relative paths of pictures.

    Folders that all paths share are dropped first, so that a zip of a folder equals the folder. A class is the
    first folder of what remains; there are classes only if they are at least two and hold nearly every picture.
    """
    paths = [name.split("/") for name in names]
    while paths and len({path[0] for path in paths}) == 1 and all(len(path) > 1 for path in paths):
        paths = [path[1:] for path in paths]
    ids = ["/".join(path) for path in paths]
    splits = _given_splits(paths)
    if splits is None:
        labels, strays = _classes(paths)
        kept = [not stray for stray in strays]
        hashed = iter(hashed_splits([id_ for id_, keeps in zip(ids, kept, strict=True) if keeps]))
        splits = [next(hashed) if keeps else "" for keeps in kept]
        reason = "beside the folders of the classes, so of none of them"
    else:
        labels, reason = [None] * len(paths), "beside the folders of the split, so of no part of it"
        for part in ("train", "test"):
            own = [index for index, split in enumerate(splits) if split == part]
            found, strays = _classes(_inside([paths[index][1:] for index in own]), least=1)
            for index, label, stray in zip(own, found, strays, strict=True):
                labels[index], splits[index] = label, "" if stray else part
    return [Place(*row, "" if row[1] else reason) for row in zip(ids, splits, labels, strict=True)]


def _inside(paths: list[list[str]]) -> list[list[str]]:
    """Return the paths of one split without shared folders that say nothing."""
    while paths and len({path[0] for path in paths}) == 1 and all(len(path) > 1 for path in paths):
        if paths[0][0].lower() not in _SILENT:
            break
        paths = [path[1:] for path in paths]
    return paths


def _classes(paths: list[list[str]], least: int = 2) -> tuple[list[str | None], list[bool]]:
    """Return the class of each path, all None without classes, and whether it lies beside their folders."""
    strays = [len(path) < 2 for path in paths]
    names = {path[0] for path in paths if len(path) > 1}
    if len(names) < least or sum(strays) > STRAY_SHARE * len(paths):
        return [None] * len(paths), [False] * len(paths)
    return [None if stray else path[0] for path, stray in zip(paths, strays, strict=True)], strays


def _given_splits(paths: list[list[str]]) -> list[str] | None:
    """Return the split of each path where the outermost folders name one, "" for what lies beside; otherwise None."""
    outer = ["" if len(path) < 2 else _split(path[0]) for path in paths]
    parts = Counter(outer)
    if not parts["train"] or not (parts["test"] or parts["val"]) or parts[""] > STRAY_SHARE * len(paths):
        return None
    validation = "train" if parts["test"] else "test"  # training holds out validation pictures of its own
    return [validation if part == "val" else part for part in outer]


def _split(folder: str) -> str:
    """Return "train", "val" or "test" for the usual spellings: Training, test_set, valid-images, ...; else ""."""
    word = re.sub(r"[^a-z]", "", folder.lower())
    word = re.sub(r"(?:set|data|split|images|pictures|photos|imgs)$", "", word)
    return _SPLITS.get(word, "")


def hashed_splits(ids: Sequence[str]) -> list[str]:
    """Return "test" where the id's SHA-256, read as a fraction, is below TEST_SHARE; else "train".

    In a small folder that may leave a split empty: then the picture with the smallest (largest) fraction is moved.
    """
    fractions = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64 for text in ids]
    splits = ["test" if fraction < TEST_SHARE else "train" for fraction in fractions]
    if len(ids) > 1 and len(set(splits)) == 1:
        extreme = min(fractions) if splits[0] == "train" else max(fractions)
        splits[fractions.index(extreme)] = "test" if splits[0] == "train" else "train"
    return splits


def in_words(places: Sequence[Place], skipped: Sequence[str] = ()) -> str:
    """Return what was understood, as sentences: splits, classes with their counts, what is left out and why."""
    parts = Counter(place.split for place in places)
    given = any(place.reason or _split(place.id.partition("/")[0]) for place in places)
    how = "by folder" if given and _given_splits([place.id.split("/") for place in places]) else "by name"
    said = [f"{parts['train']:,} training and {parts['test']:,} test pictures, split {how}"]
    counts = Counter(place.label for place in places if place.label is not None)
    if counts:
        shown = ", ".join(f"{label} {count:,}" for label, count in sorted(counts.items())[:SHOWN_CLASSES])
        more = f" and {len(counts) - SHOWN_CLASSES:,} more" if len(counts) > SHOWN_CLASSES else ""
        said.append(f"{len(counts):,} class{'es' * (len(counts) > 1)}: {shown}{more}")
        if bare := [part for part in ("train", "test") if parts[part] and not _labelled(places, part)]:
            said.append(f"the {bare[0]} pictures have no classes")
    else:
        said.append("no classes")
    left = [f"{place.id}: {place.reason}" for place in places if place.reason] + [text.rstrip(".") for text in skipped]
    if left:
        said.append(f"{len(left):,} file{'s' * (len(left) > 1)} left out, the first: {left[0]}")
    return "; ".join(said) + "."


def _labelled(places: Sequence[Place], part: str) -> bool:
    return any(place.label is not None for place in places if place.split == part)
