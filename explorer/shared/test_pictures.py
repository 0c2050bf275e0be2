"""The test pictures of a model: all of them where the data are at hand, else those of the run's sprite.

The data are read from the user's data folder or the bundled one, or rendered, and never downloaded
(trainer/data/local.py). They are used only if they are those that were encoded: the same ids and labels, and the same
pictures as in the run's sprite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from explorer.shared import cache, catalog
from trainer.data import DATASETS, default_data_root
from trainer.errors import UserError
from trainer.runs import layout

if TYPE_CHECKING:
    from trainer.data.local import LocalPictures

BUNDLED = "data"
"""Folder of the bundled data sets, beside the bundled models."""
CHECKED = 64
"""Pictures of the sprite that are compared with the data: another file differs in nearly every one."""


@dataclass(frozen=True, eq=False)
class TestPictures:
    """Pictures by row of codes.parquet. Shared by all sessions: never change it.

    Attributes:
        known: (n,) bool: whether there is a picture of the row.
        read: rows (M,) that are known -> uint8 (M, C, H, W).
    """

    __test__ = False  # not a test, in spite of its name

    known: np.ndarray
    read: Callable[[np.ndarray], np.ndarray]

    def of(self, rows: Sequence[int] | np.ndarray) -> list[np.ndarray | None]:
        """Return the pictures, uint8 (C, H, W), of rows of codes.parquet, None where there is none.

        Raises: UserError if the sprite is damaged.
        """
        rows = np.asarray(rows, dtype=np.int64)
        inside = self.known[rows]
        pictures = iter(self.read(rows[inside]) if inside.any() else ())
        return [next(pictures) if known else None for known in inside]


def roots() -> tuple[Path, ...]:
    """Return the folders of data sets in torchvision's layout: the user's, then the bundled one."""
    return default_data_root().expanduser().resolve(), catalog.roots()[0] / BUNDLED


def pictures(entry: catalog.Entry) -> TestPictures:
    """Return the test pictures of a model, as far as they are on this machine.

    Raises: UserError if codes.parquet is damaged.
    """
    from trainer.data import local

    return _pictures(entry, local.place(entry.run.config.data, roots()))


def may_show(entry: catalog.Entry) -> bool:
    """Return whether test pictures, and what the model decodes from their codes, may be shown.

    Those of a data set that may not be passed on, faces for one, are only where the data are; a reconstruction of a
    face is a face.

    Raises: UserError if codes.parquet is damaged.
    """
    return DATASETS[entry.run.config.data.name].shows_pictures or bool(pictures(entry).known.any())


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=catalog.keyed(layout.CODES, layout.SPRITE))
def _pictures(entry: catalog.Entry, root: Path | None) -> TestPictures:
    from trainer.data import local

    table = cache.codes(entry)
    sprite = _from_sprite(entry, table)
    data = local.find(entry.run.config.data, table["id"].tolist(), root) if "id" in table else None
    if data is None or not _are_equal(data, table, sprite):
        return sprite
    return TestPictures(np.ones(len(table), bool), data.read)


def _from_sprite(entry: catalog.Entry, table: pd.DataFrame) -> TestPictures:
    if not entry.has_sprite or "sprite_index" not in table:
        return TestPictures(np.zeros(len(table), bool), lambda rows: np.zeros((0, *entry.image_shape), np.uint8))
    index = table["sprite_index"].to_numpy()

    def read(rows: np.ndarray) -> np.ndarray:
        return cache.tiles(entry, index[rows].tolist())

    return TestPictures(index >= 0, read)


def _are_equal(data: LocalPictures, table: pd.DataFrame, sprite: TestPictures) -> bool:
    """Return whether pictures of the right ids have the labels and the content of the encoded ones."""
    if data.labels is not None and "label" in table and not np.array_equal(data.labels, table["label"]):
        return False
    shown = np.flatnonzero(sprite.known)
    shown = shown[np.linspace(0, len(shown) - 1, min(CHECKED, len(shown))).astype(int)]
    try:
        return not len(shown) or np.array_equal(data.read(shown), sprite.read(shown))
    except UserError:
        return True  # a damaged sprite is no evidence against the data
