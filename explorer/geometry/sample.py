"""The pairs that the page draws: prior samples with their pictures, or test pictures with their codes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from explorer.shared import cache, catalog, pixels, test_pictures
from explorer.shared.links import TraverseState
from trainer.errors import UserError
from trainer.runs import layout

if TYPE_CHECKING:
    from trainer.evaluation.geometry import Pairs

COLUMNS, ROWS = 44, 32
"""Places of the density along d_Z and d_X."""
ACROSS = 25
"""Pictures in a row of the sheet."""
POINTED = 3
"""Pairs shown below the pointer."""
_SIDE = 32  # pixels of a picture on the sheet at most
MEASURED_SEED = 0
"""That of `evaluate` by default: these pairs are its first draw."""


class Grid(NamedTuple):
    """How many pairs lie at each place: counts (ROWS, COLUMNS), and the borders of the places along both axes."""

    counts: np.ndarray
    x: np.ndarray
    y: np.ndarray


class Sample:
    """Pairs of a model as the page needs them. Shared by all sessions: never change it.

    Attributes:
        pairs: codes, distances and numbers (trainer.evaluation.geometry.Pairs).
        pictures: uint8 (n, C, H, W).
        tiles: sprite_index of each test picture, -1 without; None for prior samples.
    """

    def __init__(self, pairs: Pairs, pictures: np.ndarray, tiles: np.ndarray | None = None):
        self.pairs, self.pictures, self.tiles = pairs, pictures, tiles
        self.count = len(pictures)

    @cached_property
    def grid(self) -> Grid:
        """The density of the pairs, from (0, 0) on."""
        reach = [[0.0, max(float(d.max()), 1e-6) * 1.0001] for d in (self.pairs.d_z, self.pairs.d_x)]
        counts, x, y = np.histogram2d(self.pairs.d_z, self.pairs.d_x, bins=(COLUMNS, ROWS), range=reach)
        return Grid(counts.T.astype(int), x, y)

    @cached_property
    def residual(self) -> np.ndarray:
        """C d_Z / s - d_X of every pair, (P,): positive where the codes are too far apart."""
        return self.pairs.slope * self.pairs.d_z - self.pairs.d_x

    def members(self, pair: int) -> tuple[int, int]:
        """Return the numbers (i, j), i < j, of the two points of a pair in condensed order."""
        i = int(self._starts.searchsorted(pair, side="right")) - 1
        return i, int(pair - self._starts[i] + i + 1)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.concatenate([[0], np.arange(self.count - 1, 0, -1).cumsum()[:-1]])

    def inside(self, column: int, row: int, limit: int) -> list[int]:
        """Return at most `limit` pairs at a place, of different points as far as possible."""
        x, y = self.grid.x, self.grid.y
        d_z, d_x = self.pairs.d_z, self.pairs.d_x
        here = (d_z >= x[column]) & (d_z < x[column + 1]) & (d_x >= y[row]) & (d_x < y[row + 1])
        return self._apart(np.flatnonzero(here), limit)

    @cached_property
    def shown(self) -> list[list[list[int]]]:
        """At most POINTED pairs at each place, row by row: [pair, point, point]."""
        x, y = self.grid.x, self.grid.y
        column = np.searchsorted(x, self.pairs.d_z, side="right") - 1
        row = np.searchsorted(y, self.pairs.d_x, side="right") - 1
        found: list[list[list[int]]] = [[] for _ in range(COLUMNS * ROWS)]
        mixed = np.random.default_rng(0).permutation(len(column))  # neighbours in condensed order share a point
        place = (np.minimum(row, ROWS - 1) * COLUMNS + np.minimum(column, COLUMNS - 1))[mixed]
        order = np.argsort(place, kind="stable")
        first = np.searchsorted(place[order], place[order])
        for number in order[np.arange(len(order)) - first < POINTED].tolist():
            pair = int(mixed[number])
            found[place[number]].append([pair, *self.members(pair)])
        return found

    @cached_property
    def sheet(self) -> str:
        """The pictures as a PNG in base64, ACROSS in a row, those of more than 32 pixels thinned."""
        small = self.pictures[:, :, :: -(-self.pictures.shape[2] // _SIDE), :: -(-self.pictures.shape[3] // _SIDE)]
        return pixels.as_base64(pixels.png(pixels.join_tiles(small, ACROSS)))

    def extreme(self, kind: str, limit: int) -> list[int]:
        """Return pairs of different points: "far" codes of like pictures, "near" codes of unlike ones, "best" matched
        ones, of distances above the median: small ones agree by being small.
        """
        if kind == "best":
            large = self.pairs.d_x > np.median(self.pairs.d_x)
            return self._apart(np.argsort(np.where(large, np.abs(self.residual), np.inf))[: 50 * limit], limit)
        order = np.argsort(self.residual if kind == "near" else -self.residual)
        return self._apart(order[: 50 * limit], limit)

    def _apart(self, pairs: np.ndarray, limit: int) -> list[int]:
        taken: set[int] = set()
        found: list[int] = []
        for pair in pairs.tolist():
            if not taken & set(self.members(pair)):
                found.append(pair)
                taken |= set(self.members(pair))
            if len(found) == limit:
                break
        return found

    def path(self, checkpoint: str, pair: int) -> TraverseState:
        """Return the view of Traverse on the way from one point of a pair to the other."""
        i, j = self.members(pair)
        if self.tiles is not None and min(self.tiles[i], self.tiles[j]) >= 0:
            ends = {"index": int(self.tiles[i]), "end_index": int(self.tiles[j])}
            return TraverseState(checkpoint=checkpoint, view="interpolation", **ends)
        codes = {"code": tuple(self.pairs.codes[i].tolist()), "end_code": tuple(self.pairs.codes[j].tolist())}
        return TraverseState(checkpoint=checkpoint, view="interpolation", start="upload", end="upload", **codes)


def of(entry: catalog.Entry, source: str) -> Sample:
    """Return the pairs of a model, those of `evaluate --only geometry`.

    Raises: UserError if the model cannot be read, or, for codes, without codes and test pictures.
    """
    return _prior(entry) if source == "prior" else _posterior(entry)


@st.cache_resource(max_entries=8, show_spinner="Decoding prior samples …", hash_funcs=catalog.keyed())
def _prior(entry: catalog.Entry) -> Sample:
    model = cache.model(entry)
    from trainer.evaluation import geometry

    pairs = geometry.of_prior(model, MEASURED_SEED * geometry.DRAWS)
    return Sample(pairs, pixels.to_uint8(pairs.pictures))


@st.cache_resource(
    max_entries=8, show_spinner="Reading test pictures …", hash_funcs=catalog.keyed(layout.CODES, layout.SPRITE)
)
def _posterior(entry: catalog.Entry) -> Sample:
    table = cache.codes(entry)
    axes = layout.code_columns(entry.z_dim)
    if table.empty or not set(axes) <= set(table):
        raise UserError(f"{entry.path}: no codes of test pictures yet; run 'python -m trainer evaluate {entry.path}'.")
    from trainer.evaluation import geometry

    rows = geometry.chosen(len(table), MEASURED_SEED).first
    known = test_pictures.pictures(entry)
    if not known.known[rows].all():  # only the sprite is there: as many as it shows
        rows = rows[known.known[rows]]
    if len(rows) < 2:
        raise UserError(f"{entry.path}: the test pictures are not on this machine, so their distances are not known.")
    pictures = known.read(rows)
    tiles = table["sprite_index"].to_numpy()[rows] if "sprite_index" in table else np.full(len(rows), -1)
    model = cache.model(entry)
    import torch

    codes = torch.from_numpy(table[axes].to_numpy("float32", copy=True)[rows])
    return Sample(geometry.Pairs(model, codes, pixels.to_float(pictures)), pictures, tiles)
