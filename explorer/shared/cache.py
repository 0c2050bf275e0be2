"""Model, codes and pictures, cached for all pages.

The keys are path and hash of the model, and the stamps of files that may change for the same weights.
"""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime import Runtime

from explorer.shared import pixels
from explorer.shared.catalog import Entry, keyed
from trainer.errors import UserError
from trainer.latent import pair_history as pairs
from trainer.runs import layout, validation
from trainer.runs.sprite import read_sprite_tiles

if TYPE_CHECKING:
    from trainer.models.base import LatentModel

PREVIEW_TILES = 6
WARM_UP_AFTER = 1.0
"""Seconds from the first page until torch is imported behind it."""


@st.cache_resource(max_entries=8, show_spinner=False)
def pair_history(path: str, stamp: tuple[int, int]) -> pairs.PairHistory:
    """Return the distances of pairs over a training. Raises: UserError if the file is damaged."""
    return pairs.read(Path(path))


@st.cache_resource(show_spinner=False)
def _warm() -> bool:
    """Import torch and the models once, then exclude them from garbage collection.

    Streamlit collects after every rerun; with torch's objects that takes 70 ms each time.
    """
    import trainer.models  # noqa: F401 - brings torch

    gc.collect()
    gc.freeze()
    return True


@st.cache_resource(show_spinner=False)
def warm_up() -> None:
    """Prepare what most pages need while the first one is looked at, once per server; not where pages are tested."""
    if Runtime.exists() and type(Runtime.instance()) is Runtime:
        timer = threading.Timer(WARM_UP_AFTER, _prepare)
        timer.daemon = True  # the server's end does not wait for it
        timer.start()


def _prepare() -> None:
    import plotly.graph_objects  # noqa: F401
    import scipy.spatial.distance  # noqa: F401

    _warm()


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=keyed())
def model(entry: Entry) -> LatentModel:
    """Return the trained model in evaluation mode, shared by all sessions: never change it.

    Raises: UserError if model.safetensors is damaged or of another architecture.
    """
    _warm()
    return entry.run.load_model()


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=keyed(layout.DECODER))
def decoder(entry: Entry) -> bytes | None:
    """Return decoder.onnx, which the browser runs; None without one, or where it is damaged, as catalog.flaws says."""
    try:
        return validation.read_network(entry.path / layout.DECODER)
    except validation.WrongError:
        return None


def codes(entry: Entry) -> pd.DataFrame:
    """Return codes.parquet, which may be changed: pandas copies what is written to. Empty if there is none.

    Raises: UserError if the file is damaged.
    """
    return _codes(entry).copy(deep=False)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=keyed(layout.CODES))
def _codes(entry: Entry) -> pd.DataFrame:
    """A resource, as cached data are copied whole with every call: a second for a million codes."""
    return entry.run.codes


def tiles(entry: Entry, indices: list[int] | tuple[int, ...]) -> np.ndarray:
    """Return test pictures by sprite_index, uint8, shape (n, C, H, W).

    Raises: UserError if the folder has no sprite, it is damaged, or an index lies outside it.
    """
    sheet, path = _sprite(entry), entry.path
    if any(not 0 <= index < len(sheet) for index in indices):
        raise UserError(f"{path}: the codes point outside sprite.png; run 'python -m trainer evaluate {path}' again.")
    return sheet[list(indices)]


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=keyed(layout.SPRITE))
def _sprite(entry: Entry) -> np.ndarray:
    """Return all tiles of sprite.png, read-only; a resource, so that no call copies megabytes."""
    if entry.run.sprite_path is None:
        raise UserError(f"{entry.path}: the folder holds no pictures (sprite.png); start from a prior sample instead.")
    sheet = read_sprite_tiles(entry.run.sprite_path, entry.image_shape)
    sheet.setflags(write=False)
    return sheet


def originals(entry: Entry, n: int = PREVIEW_TILES) -> np.ndarray:
    """Return the pictures that represent a model, uint8, shape (n, C, H, W): the first test picture of each label,
    or n spread evenly where there are no labels, as neighbours in a grid of factors look alike.

    Needs no torch, so they are drawn at once. Raises: UserError if there are none.
    """
    table = codes(entry)
    if table.empty or not {"sprite_index", "label"} <= set(table):
        raise UserError(f"{entry.path}: no codes yet; run 'python -m trainer evaluate {entry.path}'.")
    table = table[table["sprite_index"] >= 0]
    if table["label"].nunique() < 2:
        places = [int(place) for place in table["sprite_index"]]
        n = min(n, len(places))
        return tiles(entry, [places[(2 * index + 1) * len(places) // (2 * n)] for index in range(n)])
    rank = table.groupby("label").cumcount()
    chosen = table.assign(rank=rank).sort_values(["rank", "label"], kind="stable")["sprite_index"].head(n)
    return tiles(entry, [int(index) for index in chosen])


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=keyed(layout.CODES, layout.SPRITE))
def reconstructions(entry: Entry, n: int = PREVIEW_TILES) -> np.ndarray:
    """Return g(mu(x)) of `originals`, uint8, same shape. Raises: UserError as `model` and `originals` do."""
    import torch

    with torch.inference_mode():
        return pixels.to_uint8(model(entry).reconstruct(pixels.to_float(originals(entry, n))))


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=keyed())
def prior_pictures(entry: Entry, n: int = PREVIEW_TILES, seed: int = 0) -> np.ndarray:
    """Return g(z) of n prior samples drawn with `seed`, uint8, shape (n, C, H, W). Raises: UserError as `model`."""
    loaded = model(entry)
    import torch

    with torch.inference_mode():
        return pixels.to_uint8(loaded.decode(loaded.sample_prior(n, torch.Generator().manual_seed(seed))))
