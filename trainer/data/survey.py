"""What a folder or zip of pictures is understood to hold, before all pictures are read. No torch here."""

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from trainer.config import Config
from trainer.data.arrangement import Place, arrange, in_words
from trainer.data.collect import collect, read_each
from trainer.data.pictures import Picture, read_picture
from trainer.data.registry import default_data_root
from trainer.data.zips import Collection
from trainer.errors import UserError
from trainer.system import mode

PROBES = 12
"""Pictures that are decoded to show some, and to say how large they are and whether they have colours."""
THUMBNAIL = 64
"""Height and width of the shown pictures."""


class Survey(NamedTuple):
    """What was understood, without the pictures.

    about: splits, classes and what is left out, in words; training, test: how many pictures of each there are.
    thumbnails: at most PROBES pictures spread over all, uint8 (n, 3, THUMBNAIL, THUMBNAIL).
    """

    about: str
    training: int
    test: int
    thumbnails: np.ndarray


@mode.local_only("Reading folders of the server")
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
    splits, some = [place.split for place in places], _some(collection)
    thumbnails = np.zeros((len(some), 3, THUMBNAIL, THUMBNAIL), np.uint8)
    for place, picture in enumerate(some):
        thumbnails[place] = picture.array
    about = _sentence(places, collection, some)
    return Survey(about, splits.count("train"), splits.count("test"), thumbnails)


def described(places: Sequence[Place], collection: Collection) -> str:
    """Return what was understood as one sentence: splits, classes, what is left out, size and colour."""
    return _sentence(places, collection, _some(collection))


def _sentence(places: Sequence[Place], collection: Collection, some: Sequence[Picture]) -> str:
    return "; ".join(filter(None, (in_words(places, collection.skipped).rstrip("."), _looks(some)))) + "."


def _some(collection: Collection) -> list[Picture]:
    """A few pictures spread over all, without those that cannot be read."""
    some = collection.entries[:: max(1, len(collection.entries) // PROBES)][:PROBES]
    read = read_each(some, lambda entry: read_picture(entry.read(), (3, THUMBNAIL, THUMBNAIL), name=entry.name))
    return [picture for _, picture in read if isinstance(picture, Picture)]


def _looks(known: Sequence[Picture]) -> str:
    """Size and colour of some pictures, in words; empty where there are none."""
    if not known:
        return ""
    width, height = (round(median(sides)) for sides in zip(*(picture.size for picture in known), strict=True))
    grey = all((picture.array == picture.array[:1]).all() for picture in known)
    return f"about {width}x{height} pixels, {'grey' if grey else 'in colour'} (by {len(known)} of them)"


def located(path: str, root: Path) -> Path:
    """Return the absolute path that a configuration means: ~ and $VARIABLES are read, a relative one that is not
    there is looked for below `root`, so that a recipe can name a folder beside the other data.
    """
    place = Path(os.path.expandvars(path)).expanduser()
    if not place.is_absolute() and not os.path.exists(place):
        place = root / place
    return place.absolute()


def absolute(settings: Config, data_root: Path | None) -> Config:
    """Return the same with the address of its pictures whole: a run is resumed from anywhere."""
    path = settings.data.path
    place = located(path, data_root or default_data_root()) if path else None
    if place is None or not place.exists():  # the training says that nothing is there
        return settings
    return settings.model_copy(update={"data": settings.data.model_copy(update={"path": str(place)})})


def require_pictures(path: Path, collection: Collection) -> None:
    """Raise UserError where there is no picture to read."""
    if collection.entries:
        return
    if not collection.skipped:
        raise UserError(f"{path}: the folder or zip is empty; put pictures into it (PNG, JPEG, GIF, WebP, BMP, TIFF).")
    raise UserError(
        f"{path}: none of its {len(collection.skipped)} files is a picture; the first: {collection.skipped[0]}"
    )
