"""What a folder or zip of pictures is understood to hold, before a picture is read. No torch here."""

import os
from pathlib import Path
from typing import NamedTuple

from trainer.data.arrangement import arrange, in_words
from trainer.data.collect import collect
from trainer.data.zips import Collection
from trainer.errors import UserError


class Survey(NamedTuple):
    """about: splits, classes and what is left out, in words; training, test: how many pictures of each there are."""

    about: str
    training: int
    test: int


def survey(path: str, root: Path) -> Survey:
    """Return what a folder or zip holds.

    Raises: UserError as trainer.data.load.
    """
    place = located(path, root)
    with collect(place) as collection:
        require_pictures(place, collection)
        return of_collection(collection)


def of_collection(collection: Collection) -> Survey:
    """Return what an open folder or zip holds."""
    places = arrange([entry.name for entry in collection.entries])
    splits = [place.split for place in places]
    return Survey(in_words(places, collection.skipped), splits.count("train"), splits.count("test"))


def located(path: str, root: Path) -> Path:
    """Return the absolute path that a configuration means: ~ and $VARIABLES are read, a relative one that is not
    there is looked for below `root`, so that a recipe can name a folder beside the other data.
    """
    place = Path(os.path.expandvars(path)).expanduser()
    if not place.is_absolute() and not os.path.exists(place):
        place = root / place
    return place.absolute()


def require_pictures(path: Path, collection: Collection) -> None:
    """Raise UserError where there is no picture to read."""
    if collection.entries:
        return
    if not collection.skipped:
        raise UserError(f"{path}: the folder or zip is empty; put pictures into it (PNG, JPEG, GIF, WebP, BMP, TIFF).")
    raise UserError(
        f"{path}: none of its {len(collection.skipped)} files is a picture; the first: {collection.skipped[0]}"
    )
