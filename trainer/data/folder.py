"""Any folder or zip of pictures, with or without a sub-folder per class, as an ImageSet.

    photos/cat/1.jpg, photos/dog/2.png      two classes, "cat" and "dog"
    photos/1.jpg, photos/2.png              no classes
    photos/train/..., photos/test/...       the split is given (with or without classes below)

Without such a split, each picture's own name decides, by a hash: about every tenth is a test picture, on every
machine, in a folder as in its zip, and whichever other pictures come or go.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer.config import DataConfig
from trainer.data.collect import collect
from trainer.data.decode import decode
from trainer.data.imageset import ImageSet
from trainer.data.registry import DatasetInfo, Progress
from trainer.data.zips import Collection
from trainer.errors import UserError

TEST_SHARE = 0.1
_TRAIN_NAMES = ("train", "val", "valid", "validation")  # training holds out validation pictures of its own


@dataclass(frozen=True)
class Place:
    """What a path says about its picture."""

    id: str
    split: str
    label: str | None


def load(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None = None) -> ImageSet:
    """Load the pictures of one split, "train", "test" or "all", sorted by name.

    Broken files and files that are no pictures are listed in `ImageSet.skipped`, each with the reason. An id
    is the picture's path in the folder or zip, without folders that all paths share.

    Raises: UserError if there is no such folder or zip, it holds no readable picture, or it exceeds the limits.
    """
    path = Path(data.path or "").expanduser()
    if not path.is_absolute() and not path.exists():
        path = root / path  # so that a recipe can name a folder beside the other data
    title = path.resolve().stem if path.is_file() else path.resolve().name
    with collect(path) as collection:
        _require_pictures(path, collection)
        places = arrange([entry.name for entry in collection.entries])
        chosen = [index for index, place in enumerate(places) if split in (place.split, "all")]
        if not chosen:
            raise UserError(f"{path}: one picture is too few to have a {split} split; add more pictures.")
        entries = [collection.entries[index] for index in chosen]
        decoded = decode(entries, data.size, data.channels, progress, crop=data.crop)
    skipped = tuple(collection.skipped + decoded.skipped)
    if not decoded.kept:
        raise UserError(f"{path}: none of its {len(chosen)} {split} pictures is readable; the first: {skipped[-1]}")
    kept = [places[chosen[index]] for index in decoded.kept]
    names = sorted({place.label for place in places if place.label is not None})
    position = {name: index for index, name in enumerate(names)}
    labels = torch.tensor([position[place.label] for place in kept]) if names else None
    return ImageSet(
        images=decoded.images,
        labels=labels,
        label_names=tuple(names),
        ids=tuple(place.id for place in kept),
        name=title,
        split=split,
        skipped=skipped,
    )


def arrange(names: list[str]) -> list[Place]:
    """Ids, splits and classes from the relative paths of pictures.

    Folders that all paths share are dropped first, so that a zip of a folder equals the folder. A class is the
    first folder of what remains; there are classes only if every picture is in one and they are at least two.
    """
    paths = [name.split("/") for name in names]
    while paths and len({path[0] for path in paths}) == 1 and all(len(path) > 1 for path in paths):
        paths = [path[1:] for path in paths]
    ids = ["/".join(path) for path in paths]
    splits = _given_splits(paths)
    if splits is None:
        splits = hashed_splits(ids)
    else:
        paths = [path[1:] for path in paths]
    has_classes = all(len(path) > 1 for path in paths) and len({path[0] for path in paths}) > 1
    labels = [path[0] if has_classes else None for path in paths]
    return [Place(*row) for row in zip(ids, splits, labels, strict=True)]


def _given_splits(paths: list[list[str]]) -> list[str] | None:
    """The split of each path where the outermost folders are train and test (and perhaps val); otherwise None."""
    if any(len(path) < 2 for path in paths):
        return None
    outer = [path[0].lower() for path in paths]
    if not {"train", "test"} <= set(outer) <= {"test", *_TRAIN_NAMES}:
        return None
    return ["test" if folder == "test" else "train" for folder in outer]


def hashed_splits(ids: list[str]) -> list[str]:
    """ "test" where the id's SHA-256, read as a fraction, is below TEST_SHARE; else "train".

    In a small folder that may leave a split empty: then the picture with the smallest (largest) fraction is moved.
    """
    fractions = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64 for text in ids]
    splits = ["test" if fraction < TEST_SHARE else "train" for fraction in fractions]
    if len(ids) > 1 and len(set(splits)) == 1:
        extreme = min(fractions) if splits[0] == "train" else max(fractions)
        splits[fractions.index(extreme)] = "test" if splits[0] == "train" else "train"
    return splits


def _require_pictures(path: Path, collection: Collection) -> None:
    if collection.entries:
        return
    if not collection.skipped:
        raise UserError(f"{path}: the folder or zip is empty; put pictures into it (PNG, JPEG, GIF, WebP, BMP, TIFF).")
    raise UserError(
        f"{path}: none of its {len(collection.skipped)} files is a picture; the first: {collection.skipped[0]}"
    )
