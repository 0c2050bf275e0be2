"""Pictures by their ids, one by one, from what is on this disk or can be drawn: nothing is ever downloaded here.

A run folder keeps the codes of a whole test split and the pictures of a part of it; this finds the others.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from trainer.config import DataConfig
from trainer.data import DATASETS, celeba, digits
from trainer.data.pictures import read_picture
from trainer.data.rendering import COUNT, factors_of, render_indices
from trainer.errors import UserError

_DIGITS = ("mnist", "fashion-mnist")
_RENDERED = "shapes3d-rendered"
_CELEBA = "celeba"
_FACE = re.compile(r"celeba-(\d{6})")
_PLACE = re.compile(rf"{_RENDERED}-(\d{{6}})")


@dataclass(frozen=True, eq=False)
class LocalPictures:
    """The pictures that some ids name, in the order of the ids.

    Attributes:
        labels: int64 (n,) of the data set, to compare with what is known of the ids; None where it has none.
        read: positions (M,) among the ids -> pictures of the model's size, uint8 (M, C, H, W).
    """

    labels: np.ndarray | None
    read: Callable[[np.ndarray], np.ndarray]


def place(data: DataConfig, roots: Sequence[Path]) -> Path | None:
    """Return the first of these folders, in torchvision's layout, that holds a data set's test pictures."""
    if data.name == _CELEBA:
        return next((root for root in roots if celeba.folder(root).is_dir()), None)
    if data.name not in _DIGITS:
        return None
    return next((root for root in roots if digits.on_disk(data.name, "test", root)), None)


def find(data: DataConfig, ids: Sequence[str], root: Path | None) -> LocalPictures | None:
    """Return the test pictures of these ids, or None where they are not here, are damaged, or are not exactly these.

    Args:
        data: what the pictures are of, and their size.
        ids: of digits, the whole test split in any order; of rendered pictures and faces, any.
        root: what `place` says.
    """
    if data.name in _DIGITS and root is not None and len(ids):
        return _digits(data, ids, root)
    if data.name == _CELEBA and root is not None and len(ids):
        return _faces(data, ids, root)
    if data.name == _RENDERED and len(ids):
        return _rendered(data, ids)
    return None


def _digits(data: DataConfig, ids: Sequence[str], root: Path) -> LocalPictures | None:
    try:
        everything, labels = digits.read_digits(data.name, DATASETS[data.name].title, "test", root)
    except UserError:
        return None
    places = _places(ids, digits.digit_ids(data.name, "test", len(labels)))
    if places is None:
        return None

    def read(positions: np.ndarray) -> np.ndarray:
        pixels = everything[torch.from_numpy(places[positions])]  # made the model's size late: a tenth of the memory
        return digits.fit_digits(pixels, data.size).expand(-1, data.channels, -1, -1).numpy()

    return LocalPictures(labels.numpy()[places], read)


def _faces(data: DataConfig, ids: Sequence[str], root: Path) -> LocalPictures | None:
    """Faces are files of their own, read one by one when they are asked for."""
    names = [match[1] if (match := _FACE.fullmatch(id_)) else "" for id_ in ids]
    paths = [celeba.folder(root) / f"{name}.jpg" for name in names]
    if not all(path.is_file() for path in paths):
        return None
    shape, crop = (data.channels, data.size, data.size), data.crop or celeba.CROP

    def read(positions: np.ndarray) -> np.ndarray:
        return np.stack([read_picture(paths[position], shape, crop=crop).array for position in positions])

    return LocalPictures(None, read)


def _rendered(data: DataConfig, ids: Sequence[str]) -> LocalPictures | None:
    """Pictures of 3D Shapes need no file: the id holds the place in the grid of factors, and so the factors."""
    places = [int(match[1]) if (match := _PLACE.fullmatch(id_)) else COUNT for id_ in ids]
    if max(places) >= COUNT or data.channels != 3:
        return None
    factors = factors_of(torch.tensor(places))
    return LocalPictures(None, lambda positions: render_indices(factors[positions], data.size).numpy())


def _places(ids: Sequence[str], known: Sequence[str]) -> np.ndarray | None:
    """Position of each id among the known ones, int64; None unless they are the same ids."""
    position = {id_: place for place, id_ in enumerate(known)}
    if len(ids) != len(known) or set(ids) != set(position):
        return None
    return np.array([position[id_] for id_ in ids], dtype=np.int64)
