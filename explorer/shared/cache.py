"""Every st.cache_* of the app, keyed by a model's path and hash; heavy imports happen in here and nowhere else.

Files that may be remade for the same weights (codes, sprite) are keyed by their time and size as well.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.shared import catalog
from trainer.errors import UserError
from trainer.runs.folder import Run

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch

    from trainer.models.base import LatentModel

PREVIEW_TILES = 6


@st.cache_resource(show_spinner=False)
def _warm() -> bool:
    """Import torch and the models once, then take them out of the garbage collector's rounds.

    Streamlit collects after every rerun; with torch's objects unfrozen that costs 70 ms each time.
    """
    import trainer.models  # noqa: F401 - brings torch

    gc.collect()
    gc.freeze()
    return True


@st.cache_resource(max_entries=4, show_spinner=False)
def model(path: str, hash: str) -> LatentModel:
    """The trained model of a run folder, in evaluation mode, shared by all sessions: never change it.

    Raises: UserError if model.safetensors is damaged or of another architecture.
    """
    _warm()
    return Run(path).load_model()


def codes(path: str, hash: str) -> pd.DataFrame:
    """codes.parquet of a run folder as a fresh copy; empty if there is none.

    Raises: UserError if the file is damaged.
    """
    return _codes(path, hash, catalog.stamp(Path(path) / "codes.parquet"))


@st.cache_data(max_entries=8, show_spinner=False)
def _codes(path: str, hash: str, stamp: tuple[int, int]) -> pd.DataFrame:
    return Run(path).codes


def tiles(path: str, hash: str, indices: list[int] | tuple[int, ...]) -> np.ndarray:
    """Test pictures by sprite_index, uint8, (n, H, W) for grey or (n, H, W, 3) for colour.

    Raises: UserError if the folder has no sprite, it is damaged, or an index lies outside it.
    """
    sheet = _sprite(path, hash, catalog.stamp(Path(path) / "sprite.png"))
    if any(not 0 <= index < len(sheet) for index in indices):
        raise UserError(f"{path}: the codes point outside sprite.png; run 'python -m trainer evaluate {path}' again.")
    return sheet[list(indices)]


@st.cache_resource(max_entries=4, show_spinner=False)
def _sprite(path: str, hash: str, stamp: tuple[int, int]) -> np.ndarray:
    """All tiles of sprite.png, read-only; a resource, so that no call copies megabytes."""
    from trainer.runs.sprite import read_sprite_tiles

    run = Run(path)
    if run.sprite_path is None:
        raise UserError(f"{path}: the folder holds no pictures (sprite.png); start from a prior sample instead.")
    data = run.config.data
    sheet = _pictures(read_sprite_tiles(run.sprite_path, (data.channels, data.size, data.size)))
    sheet.setflags(write=False)
    return sheet


def originals(path: str, hash: str, n: int = PREVIEW_TILES) -> np.ndarray:
    """The pictures that represent a model: the first test picture of each label, or n spread evenly where there are
    no labels, as neighbours in a grid of factors look alike; uint8 (n, H, W[, 3]).

    Needs no torch, so a page can paint them at once. Raises: UserError if there are none.
    """
    table = codes(path, hash)
    if table.empty or "sprite_index" not in table:
        raise UserError(f"{path}: no codes yet; run 'python -m trainer evaluate {path}'.")
    table = table[table["sprite_index"] >= 0]
    if table["label"].nunique() < 2:
        places = [int(place) for place in table["sprite_index"]]
        n = min(n, len(places))
        return tiles(path, hash, [places[(2 * index + 1) * len(places) // (2 * n)] for index in range(n)])
    rank = table.groupby("label").cumcount()
    chosen = table.assign(rank=rank).sort_values(["rank", "label"], kind="stable")["sprite_index"].head(n)
    return tiles(path, hash, [int(index) for index in chosen])


@st.cache_data(max_entries=32, show_spinner=False)
def reconstructions(path: str, hash: str, n: int = PREVIEW_TILES) -> np.ndarray:
    """g(mu(x)) of `originals`, uint8, same shape. Raises: UserError as `model` and `originals` do."""
    import torch

    pictures = torch.from_numpy(originals(path, hash, n).copy()).float() / 255
    batch = pictures[:, None] if pictures.ndim == 3 else pictures.permute(0, 3, 1, 2)
    with torch.inference_mode():
        return _to_uint8(model(path, hash).reconstruct(batch))


@st.cache_data(max_entries=32, show_spinner=False)
def prior_pictures(path: str, hash: str, n: int = PREVIEW_TILES, seed: int = 0) -> np.ndarray:
    """g(z) of n prior samples drawn with `seed`, uint8, (n, H, W[, 3]). Raises: UserError as `model` does."""
    loaded = model(path, hash)
    import torch

    with torch.inference_mode():
        codes_ = loaded.sample_prior(n, torch.Generator().manual_seed(seed))
        return _to_uint8(loaded.decode(codes_))


def _to_uint8(batch: torch.Tensor) -> np.ndarray:
    """(n, C, H, W) in [0, 1] -> uint8 (n, H, W) or (n, H, W, 3)."""
    return _pictures((batch.clamp(0, 1) * 255).round().byte().numpy())


def _pictures(batch: np.ndarray) -> np.ndarray:
    """(n, C, H, W) -> (n, H, W) for grey or (n, H, W, 3) for colour, contiguous."""
    import numpy as np

    return np.ascontiguousarray(batch[:, 0] if batch.shape[1] == 1 else batch.transpose(0, 2, 3, 1))
