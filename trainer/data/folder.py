"""Any folder or zip of pictures as an ImageSet; what its paths mean says trainer/data/arrangement.py."""

from pathlib import Path

import torch

from trainer.config import DataConfig
from trainer.data.arrangement import arrange, hashed_splits
from trainer.data.collect import collect
from trainer.data.decode import decode
from trainer.data.imageset import ImageSet
from trainer.data.registry import DatasetInfo, Progress
from trainer.data.survey import described, located, require_pictures
from trainer.data.zips import printable
from trainer.errors import UserError

__all__ = ["arrange", "hashed_splits", "load"]


def load(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None = None) -> ImageSet:
    """Load the pictures of one split, "train", "test" or "all", sorted by name.

    Broken files and files that are no pictures are listed in `ImageSet.skipped`, each with the reason. An id
    is the picture's path in the folder or zip, without folders that all paths share.

    Raises: UserError if there is no such folder or zip, it holds no readable picture, or it exceeds the limits.
    """
    path = located(data.path or "", root)
    title = path.resolve().stem if path.is_file() else path.resolve().name
    with collect(path) as collection:
        require_pictures(path, collection)
        places = arrange([entry.name for entry in collection.entries])
        chosen = [index for index, place in enumerate(places) if place.split and split in (place.split, "all")]
        if not chosen:
            raise UserError(f"{path}: one picture is too few to have a {split} split; add more pictures.")
        entries = [collection.entries[index] for index in chosen]
        decoded = decode(entries, data.size, data.channels, progress, crop=data.crop)
        about = described(places, collection)
    left = [f"{printable(place.id)}: {place.reason}." for place in places if place.reason]
    skipped = tuple(collection.skipped + left + decoded.skipped)
    if not decoded.kept:
        raise UserError(f"{path}: none of its {len(chosen)} {split} pictures is readable; the first: {skipped[-1]}")
    kept = [places[chosen[index]] for index in decoded.kept]
    names = sorted({place.label for place in places if place.label is not None})
    if any(place.label is None for place in kept):  # a flat test folder beside training pictures in classes
        names = []
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
        about=about,
    )
