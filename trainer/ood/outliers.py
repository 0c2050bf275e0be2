"""The pictures of the pairs: outliers of a named data set, of a folder, and those drawn from held-out pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from trainer import data
from trainer.config import DataConfig
from trainer.data.imageset import ImageSet
from trainer.data.strokes import validation_outliers
from trainer.errors import UserError
from trainer.ood.pairs import MATCHED, Pair


def outliers_of(pair: Pair, settings: DataConfig, data_root: Path | None, split: str | None = None) -> ImageSet:
    """Return the pair's outliers at the model's size, inverted where the pair says so; downloads what is absent.

    Args:
        settings: the model's data section, for size and channels.
        split: another split of the same data, for a quicker look.

    Raises: UserError if the data are absent and cannot be had, or damaged.
    """
    wanted = DataConfig(name=pair.outliers, size=settings.size, channels=settings.channels)
    images = data.load(wanted, split or pair.split, data_root)
    return inverted(images) if pair.polarity == MATCHED else images


def inverted(images: ImageSet) -> ImageSet:
    """Return the same pictures with v replaced by 255 - v."""
    return replace(images, images=255 - images.images)


def own_folder(path: Path, settings: DataConfig) -> ImageSet:
    """Return all pictures of a user's folder or zip at the model's size, the set named after it.

    Raises: UserError as trainer.data.load.
    """
    wanted = DataConfig(name="folder", path=str(path), size=settings.size, channels=settings.channels)
    title = path.resolve().stem.replace(",", " ").replace("/", " ").strip() or "your pictures"
    return replace(data.load(wanted, "all"), name=title)


def validation_pair(validation: ImageSet, n: int, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """Return at most n ordinary and as many drawn outliers, made from other held-out pictures than the ordinary ones.

    Raises: UserError if fewer than two pictures were held out.
    """
    if len(validation) < 2:
        raise UserError("Fewer than two pictures are held out for validation; raise data.validation or add pictures.")
    ordinary, material = (validation.subset(np.arange(start, len(validation), 2)) for start in (1, 0))
    count = min(n, len(ordinary))
    spread = np.linspace(0, len(ordinary) - 1, count).astype(int)  # a folder is sorted by class
    return ordinary.subset(spread), validation_outliers(material, count, seed)
