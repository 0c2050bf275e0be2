"""Test pictures that are at hand, outliers from the disk, maps of the error, and how tables show percentiles."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from explorer.shared import cache, catalog, theme
from explorer.shared import test_pictures as test_data
from trainer.config import DataConfig
from trainer.data import default_data_root, load
from trainer.data.pictures import read_picture
from trainer.errors import UserError
from trainer.ood import pairs
from trainer.ood.pairs import Pair
from trainer.runs import layout
from trainer.runs.sprite import read_sprite_tiles

if TYPE_CHECKING:
    from trainer.data.imageset import ImageSet

_OMNIGLOT = re.compile(r"omniglot-(?P<alphabet>[^/\\]+)-(?P<character>character\d+)-(?P<drawing>\d+_\d+)")
# ColorBrewer RdBu without its middle: too little is blue, too much is red, and no difference is the page itself.
_BELOW = {False: (33, 102, 172), True: (67, 147, 195)}
_ABOVE = {False: (178, 24, 43), True: (214, 96, 77)}
_ZERO = {False: (247, 247, 247), True: (29, 33, 40)}


def farthest(scores: np.ndarray, threshold: float, outliers: bool, known: np.ndarray, count: int) -> np.ndarray:
    """Return positions of the pictures on the wrong side of a threshold, the farthest from it first, (at most count,).

    Args:
        scores: (n,) float32; a picture is flagged where its score exceeds the threshold.
        outliers: whether the pictures are outliers, so that accepting one is wrong.
        known: (n,) bool: whether the picture can be shown.
    """
    flagged = scores > np.float32(threshold)
    order = np.argsort(scores if outliers else -scores, kind="stable")
    return order[((flagged != outliers) & known)[order]][:count]


def around(scores: np.ndarray, thresholds: np.ndarray, known: np.ndarray, margin: int, count: int) -> np.ndarray:
    """Return positions of pictures that the thresholds pass, ascending by score, about count and 2 margin of them.

    All that can be shown between the lowest and the highest threshold, or those just above some of them, and `margin`
    more beyond either end.

    Args:
        scores: (n,) float32. thresholds: (t,) in any order.
        known: (n,) bool: whether the picture can be shown.
    """
    order = np.argsort(scores, kind="stable")
    order = order[known[order]]
    ascending = scores[order]
    limits = np.unique(np.searchsorted(ascending, np.sort(thresholds).astype(np.float32), side="right"))
    first, last = (int(limits[0]), int(limits[-1])) if len(limits) else (0, 0)
    between = np.arange(first, last) if last - first <= count else limits[:: -(-len(limits) // count)]
    ends = np.r_[max(0, first - margin) : first, last : min(len(order), last + margin)]
    chosen = np.unique(np.r_[between, ends])
    return order[chosen[chosen < len(order)]]


# ---------------------------------------------------------------- test pictures


def places(entry: catalog.Entry) -> dict[str, int]:
    """Return the row of codes.parquet of each test picture that is at hand, by id.

    Raises: UserError if codes.parquet is damaged.
    """
    table = cache.codes(entry)
    if "id" not in table:
        return {}
    rows = np.flatnonzero(test_data.pictures(entry).known)
    return dict(zip(table["id"].to_numpy()[rows].tolist(), rows.tolist(), strict=True))


def test_pictures(entry: catalog.Entry, rows: list[int]) -> np.ndarray:
    """Return test pictures by row of `places`, uint8 (n, C, H, W). Raises: UserError as test_data.pictures."""
    if not rows:
        return np.zeros((0, *entry.image_shape), np.uint8)
    return np.ascontiguousarray(test_data.pictures(entry).read(np.array(rows)))


# ---------------------------------------------------------------- training pictures


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=catalog.keyed(layout.TRAIN_CODES))
def training_codes(entry: catalog.Entry) -> pd.DataFrame:
    """Return codes of training pictures (trainer/ood/neighbours.py); no rows where none are stored."""
    from trainer.ood import neighbours

    return neighbours.read(entry.run)


def training_places(entry: catalog.Entry) -> dict[str, int]:
    """Return the place in train_sprite.png by id, of the training pictures that may be shown."""
    table = training_codes(entry)
    table = table[table["tile"] >= 0]
    return dict(zip(table["id"], table["tile"].astype(int), strict=True))


def training_pictures(entry: catalog.Entry, places: list[int]) -> np.ndarray:
    """Return tiles of train_sprite.png, uint8 (n, C, H, W). Raises: UserError if the file is missing or damaged."""
    if not places:
        return np.zeros((0, *entry.image_shape), np.uint8)
    return _training_tiles(entry)[places]


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=catalog.keyed(layout.TRAIN_SPRITE))
def _training_tiles(entry: catalog.Entry) -> np.ndarray:
    return read_sprite_tiles(entry.path / layout.TRAIN_SPRITE, entry.image_shape)


# ---------------------------------------------------------------- outliers


def outliers_absent(pair: Pair) -> str:
    """Return why the outliers' pictures cannot be read from the disk, as a sentence; "" where they can."""
    if pair.polarity == pairs.OWN:
        return f"Those of “{pair.outliers}” lie in the folder you named; upload them in “Check my pictures”."
    return pairs.absent(pair, default_data_root()) or ""


def outlier_pictures(pair: Pair, ids: tuple[str, ...], shape: tuple[int, int, int]) -> np.ndarray:
    """Return outliers by id, as the model saw them, uint8 (n, C, H, W); looks on the disk and downloads nothing.

    Raises: UserError with what to do if the data are not there or a picture cannot be read.
    """
    if sentence := outliers_absent(pair):
        raise UserError(sentence)
    return _outliers(pair, ids, tuple(shape), default_data_root().resolve())


@st.cache_data(max_entries=24, show_spinner="Reading the outliers' pictures …")
def _outliers(pair: Pair, ids: tuple[str, ...], shape: tuple[int, int, int], root: Path) -> np.ndarray:
    if not ids:
        return np.zeros((0, *shape), np.uint8)
    if pair.outliers == "omniglot":
        images = np.stack([_character(root, each, shape) for each in ids])
    else:
        images = _of_set(pair.outliers, pair.split, ids, shape, root)
    return 255 - images if pair.polarity == pairs.MATCHED else images


def _character(root: Path, id_: str, shape: tuple[int, int, int]) -> np.ndarray:
    """One character: its id is its path, so that not all thousands are decoded for twenty."""
    match = _OMNIGLOT.fullmatch(id_)
    if not match or ".." in match["alphabet"]:
        raise UserError(f"{id_} is not a picture of Omniglot; evaluate the model again.")
    folder = root / "omniglot-py" / "images_background" / match["alphabet"] / match["character"]
    path = folder / f"{match['drawing']}.png"
    if not path.is_file():
        raise UserError(f"Of Omniglot only a part is on this disk, without {path}; delete that tree to have it all.")
    return read_picture(path, shape, name=id_).array


def _of_set(name: str, split: str, ids: tuple[str, ...], shape: tuple[int, int, int], root: Path) -> np.ndarray:
    images = _loaded(name, split, shape, root)
    position = {id_: index for index, id_ in enumerate(images.ids)}
    if not set(ids) <= set(position):
        raise UserError(f"The files of {images.name} are others than those that were scored; evaluate the model again.")
    return images.images[[position[id_] for id_ in ids]].numpy()


@st.cache_resource(max_entries=2, show_spinner=False)
def _loaded(name: str, split: str, shape: tuple[int, int, int], root: Path) -> "ImageSet":
    return load(DataConfig(name=name, size=shape[1], channels=shape[0]), split, root)


def download_command(pair: Pair) -> str:
    """Return the command that downloads a pair's outliers; "" for the user's own folder."""
    if pair.polarity == pairs.OWN:
        return ""
    return f"python -c \"from trainer.data import load; load('{pair.outliers}', '{pair.split}')\""


def percentile_column(title: str) -> Any:
    """Return how a table draws percentiles among held-out pictures."""
    ends = {"min_value": 0.0, "max_value": 100.0, "format": "%.2f"}
    return st.column_config.ProgressColumn(title, help="Percentile among held-out pictures.", width=120, **ends)


# ---------------------------------------------------------------- errors of the reconstruction


def differences(pictures: np.ndarray, made: np.ndarray, dark: bool | None = None) -> np.ndarray:
    """made - pictures as colours around zero: blue where the model is too dark, red where it is too bright.

    Args:
        pictures, made: uint8 (n, C, H, W); channels are averaged.
        dark: of the page; None: ask.

    Returns: uint8 (n, 3, H, W).
    """
    dark = theme.is_dark() if dark is None else dark
    signed = (made.astype(np.float32) - pictures.astype(np.float32)).mean(1, keepdims=True) / 255
    strength = np.abs(signed) ** 0.7  # small differences stay visible
    zero, below, above = (np.array(table[dark], np.float32)[:, None, None] for table in (_ZERO, _BELOW, _ABOVE))
    end = np.where(signed < 0, below, above)
    return np.rint(zero + strength * (end - zero)).astype(np.uint8)
