"""The pictures of the first screen with their codes by two models. Needs no torch: the screen is there at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from explorer.shared import cache, catalog
from trainer.errors import UserError
from trainer.latent import neighbours
from trainer.runs import layout

GWAE = "mnist-gmp"
TILES = 12
"""Pictures on the board."""
SETS = 3
"""Boards to choose from."""


class Coded(NamedTuple):
    """Codes of the pictures by one model, float32 (n, z_dim), and each board's codes laid flat, float32 (n, 2)."""

    entry: catalog.Entry
    codes: np.ndarray
    places: np.ndarray


class Digits(NamedTuple):
    """Test pictures, uint8 (n, C, H, W), n a multiple of TILES, their labels, and their codes by both models."""

    pictures: np.ndarray
    labels: list[str]
    control: Coded
    gwae: Coded


def find() -> Digits | None:
    """Return the digits of GWAE and of its matched VAE, or None where one is absent, damaged or without pictures."""
    gwae = catalog.find(GWAE)
    control = catalog.matched_control(gwae) if gwae else None
    try:
        return _read(gwae, control) if control else None
    except UserError:  # the gallery names the damaged file
        return None


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=catalog.keyed(layout.CODES, layout.SPRITE))
def _read(gwae: catalog.Entry, control: catalog.Entry) -> Digits | None:
    """Read what `find` returns: the first of each label, then the second of each, and so on; nothing is picked."""
    tables = [_table(entry) for entry in (control, gwae)]
    if any(table is None for table in tables):
        return None
    shared = tables[0].index.intersection(tables[1].index)
    rank = tables[1].loc[shared].groupby("label").cumcount()
    ordered = tables[1].loc[shared].assign(rank=rank).sort_values(["rank", "label"], kind="stable")
    ids = ordered.index[: min(SETS, len(ordered) // TILES) * TILES]
    if ids.empty:
        return None
    pictures = cache.tiles(gwae, [int(index) for index in tables[1].loc[ids, "sprite_index"]])
    coded = [_coded(entry, table.loc[ids]) for entry, table in zip((control, gwae), tables, strict=True)]
    return Digits(pictures, [str(name) for name in ordered.loc[ids, "label_name"]], *coded)


def _table(entry: catalog.Entry) -> pd.DataFrame | None:
    """Return the codes of the pictures in the sprite by id, or None where columns are absent."""
    table = cache.codes(entry)
    needed = {"id", "label", "label_name", "sprite_index", *layout.code_columns(entry.z_dim)}
    return table[table["sprite_index"] >= 0].set_index("id") if needed <= set(table) else None


def _coded(entry: catalog.Entry, table: pd.DataFrame) -> Coded:
    codes = table[layout.code_columns(entry.z_dim)].to_numpy("float32")
    boards = [neighbours.pca(board, 2) for board in np.split(codes, len(codes) // TILES)]
    return Coded(entry, codes, np.concatenate(boards).astype("float32"))
