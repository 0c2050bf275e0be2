"""The named protocols: which data set is held against which, in which polarity, and where the outliers come from.

Polarity matters more than any model: Omniglot is black on white, MNIST white on black, and as they are the mean
intensity alone separates them perfectly. So each pair says what was done, and the two stand side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trainer import data
from trainer.config import DataConfig
from trainer.data.digits import FILES
from trainer.data.imageset import ImageSet
from trainer.data.strokes import validation_outliers
from trainer.errors import UserError

MATCHED = "polarity-matched"
AS_PUBLISHED = "as published"
DRAWN = "drawn outliers"
"""The validation pair of every data set: choices are made on it, so it is reported apart from the others."""
DRAWN_REVERSED = "reversed drawn outliers"
"""The same outliers with v replaced by 255 - v: the validation counterpart of a pair of unequal polarity."""
VALIDATION = (DRAWN, DRAWN_REVERSED)
OWN = "own pictures"
"""Polarity of a user's folder in ood_scores.parquet: as it is, and apart from the named pairs."""


@dataclass(frozen=True)
class Pair:
    """Test pictures of one data set against pictures of another.

    name: as shown and stored, e.g. "mnist/omniglot polarity-matched".
    ordinary, outliers: names of data sets; split: which pictures of the second.
    polarity: AS_PUBLISHED, or MATCHED if the outliers are inverted (v becomes 255 - v).
    """

    name: str
    ordinary: str
    outliers: str
    split: str
    polarity: str = AS_PUBLISHED


PAIRS = (
    Pair("mnist/omniglot as published", "mnist", "omniglot", "all"),
    Pair("mnist/omniglot polarity-matched", "mnist", "omniglot", "all", MATCHED),
    Pair("mnist/fashion-mnist", "mnist", "fashion-mnist", "test"),
)


def pairs_of(settings: DataConfig) -> tuple[Pair, ...]:
    """The named pairs whose ordinary pictures are those of this data set."""
    return tuple(pair for pair in PAIRS if pair.ordinary == settings.name)


def missing(pair: Pair, data_root: Path | None) -> str | None:
    """One sentence if the pair's outliers are not on disk, else None; looks only, downloads nothing."""
    root = Path(data_root) if data_root is not None else data.default_data_root()
    if pair.outliers == "omniglot":
        place = root / "omniglot-py" / "images_background"
        here = place.is_dir()
    else:
        place = root / "FashionMNIST" / "raw"
        here = all((place / file).is_file() for file in FILES)
    if here:
        return None
    info = data.DATASETS[pair.outliers]
    return f"The pair {pair.name} is left out: {info.title} is not in {place}; get it from {info.url}."


def outliers(pair: Pair, settings: DataConfig, data_root: Path | None, split: str | None = None) -> ImageSet:
    """The pair's outliers at the model's size, inverted where the pair says so; downloads what is absent.

    Args:
        settings: the model's data section, for size and channels.
        split: another split of the same data, for a quicker look.

    Raises: UserError if the data are absent and cannot be had, or damaged.
    """
    wanted = DataConfig(name=pair.outliers, size=settings.size, channels=settings.channels)
    found = data.load(wanted, split or pair.split, data_root)
    return inverted(found) if pair.polarity == MATCHED else found


def inverted(images: ImageSet) -> ImageSet:
    """The same pictures with v replaced by 255 - v."""
    return replace(images, images=255 - images.images)


def own_folder(path: Path, settings: DataConfig) -> ImageSet:
    """All pictures of a user's folder or zip at the model's size, the set named after it.

    Raises: UserError as trainer.data.load.
    """
    wanted = DataConfig(name="folder", path=str(path), size=settings.size, channels=settings.channels)
    title = path.resolve().stem.replace(",", " ").replace("/", " ").strip() or "your pictures"
    return replace(data.load(wanted, "all"), name=title)


def own_pair(settings: DataConfig, title: str) -> Pair:
    """The pair of a user's folder called `title`, e.g. "mnist/my letters"."""
    return Pair(f"{settings.name}/{title}", settings.name, title, "all", OWN)


def title_of(pair: Pair) -> str:
    """What the pair's outliers are called in ood_scores.parquet."""
    return pair.outliers if pair.polarity == OWN else data.DATASETS[pair.outliers].title


def held_out(images: ImageSet, share: float, seed: int) -> ImageSet:
    """The validation part of a training set (split_validation), which no weight was trained on."""
    return data.split_validation(images, share, seed)[1]


def validation_pair(validation: ImageSet, n: int, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """At most n ordinary and as many drawn outliers, made from other held-out pictures than the ordinary ones.

    Raises: UserError if fewer than two pictures were held out.
    """
    if len(validation) < 2:
        raise UserError("Fewer than two pictures are held out for validation; raise data.validation or add pictures.")
    ordinary, material = (validation.subset(np.arange(start, len(validation), 2)) for start in (1, 0))
    count = min(n, len(ordinary))
    spread = np.linspace(0, len(ordinary) - 1, count).astype(int)  # a folder is sorted by class
    return ordinary.subset(spread), validation_outliers(material, count, seed)
