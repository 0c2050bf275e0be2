"""The map of a model with its points: their codes, labels, components and scores, read once per file."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from explorer.shared import cache, catalog
from trainer.errors import UserError
from trainer.latent import map as maps
from trainer.latent import map_file, neighbours, reliability
from trainer.latent.map_file import MapSettings
from trainer.runs import layout

if TYPE_CHECKING:
    from trainer.models.base import LatentModel

_KEYED = catalog.keyed(layout.CODES, layout.METRICS, layout.SPRITE)


@dataclass(frozen=True, eq=False)
class Atlas:
    """One map with its points. Shared by all sessions: never change it.

    Attributes:
        key: identity, for caches.
        settings: of this map; while another one is being computed, these are not the settings in the URL.
        pictures: test codes on the map: row (of codes.parquet), id, label, label_name, sprite_index, component, kmeans,
            entropy, psnr, score_..., and the coordinates; in the order of `codes`.
        codes: (n, d) float32, of the pictures.
        drawn: prior samples and centres: kind, id, component, coordinates.
        everything: (N, d) codes of pictures and drawn, in this order.
        places: (N, 2 or 3) coordinates of the same.
        meta: of trainer.latent.map_file.Map.
    """

    key: str
    entry: catalog.Entry
    settings: MapSettings
    pictures: pd.DataFrame
    codes: np.ndarray
    drawn: pd.DataFrame
    everything: np.ndarray
    places: np.ndarray
    meta: dict[str, Any]

    @property
    def model(self) -> "LatentModel":
        """The model, loaded on first use: the map is painted without it."""
        return cache.model(self.entry)

    @property
    def components(self) -> int:
        """Number of mixture components, 0 without a mixture."""
        return int((self.drawn["kind"] == "centre").sum())

    @property
    def centres(self) -> np.ndarray:
        """Codes of the components' centres, (K, d)."""
        return self.everything[len(self.everything) - self.components :]

    @property
    def extent(self) -> float:
        """Longer side of the map."""
        return float((self.places.max(0) - self.places.min(0)).max())

    @cached_property
    def usual(self) -> reliability.Usual:
        """Distances that are usual between test codes, and round trips."""
        known = self.meta["neighbour_distances"], self.meta["round_trips"]
        return reliability.usual(self.places[: len(self.codes)], *known)

    def placed(self, codes: np.ndarray) -> np.ndarray:
        """Return coordinates of codes (M, d) on this map, (M, 2 or 3)."""
        return maps.place(codes, self.everything, self.places, self.settings, len(self.codes))

    def code_at(self, at: tuple[float, ...]) -> np.ndarray:
        """Return the distance-weighted code at a place of the map, (d,) float32."""
        return neighbours.place(np.array([at]), self.places, self.everything)[0].astype(np.float32)


def from_file(entry: catalog.Entry, path: Path) -> Atlas:
    """Return the map in a file.

    Raises: UserError if it, or codes.parquet, is damaged, or the two do not belong together.
    """
    return _from_file(entry, path, catalog.stamp(path))


@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs=_KEYED)
def _from_file(entry: catalog.Entry, path: Path, stamp: tuple[int, int]) -> Atlas:
    return _joined(entry, map_file.read(path), f"{path.name}-{stamp[0]}")


def _pca(settings: MapSettings) -> MapSettings:
    return MapSettings(method="pca", dims=settings.dims, points=settings.points, seed=settings.seed)


@st.cache_resource(
    max_entries=6, show_spinner=False, hash_funcs=_KEYED | {MapSettings: lambda settings: _pca(settings).key}
)
def by_pca(entry: catalog.Entry, settings: MapSettings) -> Atlas:
    """Return the linear map, computed here and now.

    Raises: UserError if there are no codes or the model cannot be loaded.
    """
    chosen = _pca(settings)
    return _joined(entry, maps.compute(cache.codes(entry), cache.model(entry), entry.hash, chosen), chosen.key)


def _joined(entry: catalog.Entry, made: map_file.Map, key: str) -> Atlas:
    """Join map and codes by the pictures' ids, which are stable.

    Raises: UserError if the map knows pictures that the codes do not.
    """
    table, axes = cache.codes(entry), made.axes
    latent = layout.code_columns(entry.z_dim)
    on_map = made.frame[made.frame["kind"] == "code"]
    rows = pd.Index(table["id"]).get_indexer(on_map["id"]) if "id" in table else np.array([-1])
    drawn = made.frame[made.frame["kind"] != "code"].reset_index(drop=True)
    fits = set(latent) <= set(table.columns) and set(latent) <= set(drawn.columns) and len(rows) > 0
    if not fits or (rows < 0).any() or not np.isfinite(drawn[latent].to_numpy()).all():
        raise UserError(f"{entry.path}: map and codes differ; run 'python -m trainer evaluate {entry.path}' again.")
    pictures = table.iloc[rows].drop(columns=[name for name in table if name.startswith("log_var")])
    codes = pictures[latent].to_numpy(np.float32)
    pictures = pictures.drop(columns=latent).reset_index(drop=True).assign(row=rows)
    for name in ("kmeans", "entropy", *axes):
        if name in on_map and on_map[name].notna().all():
            pictures[name] = on_map[name].to_numpy()
    return Atlas(
        key=f"{entry.hash}-{catalog.stamp(entry.path / layout.CODES)[0]}-{key}",
        entry=entry,
        settings=MapSettings.model_validate(made.meta["settings"]),
        pictures=pictures,
        codes=codes,
        drawn=drawn,
        everything=np.concatenate([codes, drawn[latent].to_numpy(np.float32)]),
        places=np.concatenate([pictures[axes].to_numpy(), drawn[axes].to_numpy()]).astype(np.float64),
        meta=made.meta,
    )


def keyed() -> dict[type, Callable[[Atlas], str]]:
    """Return the `hash_funcs` of a st.cache_* whose result is made from the Atlas it is given."""
    return {Atlas: lambda atlas: atlas.key}


# ---------------------------------------------------------------- colours


@dataclass(frozen=True, eq=False)
class Colouring:
    """Something to colour the points by.

    Attributes:
        title: as the page names it.
        values: (n,) category numbers, or numbers on a scale.
        names: of the categories by number; None for a scale.
    """

    title: str
    values: np.ndarray
    names: dict[int, str] | None = None


def colourings(atlas: Atlas) -> dict[str, Colouring]:
    """Return what the points of this map can be coloured by, the usual one first."""
    table, offered = atlas.pictures, {}
    if "label" in table and (table["label"] >= 0).any():
        labels = table.drop_duplicates("label").sort_values("label")
        names = dict(zip(labels["label"].astype(int), labels["label_name"], strict=True))
        offered["label"] = Colouring("Label", table["label"].to_numpy(), {k: v or "none" for k, v in names.items()})
    numbered = {"component": ("Prior component", "component"), "kmeans": ("k-means cluster", "cluster")}
    for column, (title, name) in numbered.items():
        if column not in table:
            continue
        names = {int(k): f"{name} {k}" for k in sorted(table[column].unique())}
        offered[column] = Colouring(title, table[column].to_numpy(), names)
    scores = {column: score_title(column) for column in table if column.startswith("score_")}
    scales = {"entropy": "Responsibility entropy (nats)"} | scores | {"psnr": "PSNR (dB)"}
    return offered | {c: Colouring(title, table[c].to_numpy()) for c, title in scales.items() if c in table}


def coloured(atlas: Atlas, wanted: str) -> tuple[str, Colouring]:
    """Return a colouring of this map and its key: the wanted one, else the usual one, else one colour and no key."""
    offered = colourings(atlas)
    key = wanted if wanted in offered else next(iter(offered), "")
    return key, offered.get(key) or Colouring("Points", np.zeros(len(atlas.codes), int), {0: "test codes"})


def score_title(name: str) -> str:
    """Return the name of an outlier score, or of its column, as the page writes it."""
    name = name.removeprefix("score_")
    return name[:1].upper() + name[1:]
