"""The file of a map: one row per point, and in its schema everything needed to know what the map is.

`map.parquet` of a run folder holds rows by `kind`:

    code     a test picture: `id` as in codes.parquet, `kmeans` cluster, `entropy` of its responsibilities (gmp)
    prior    a draw from the prior, its code in z0...
    centre   a mixture component's mean (gmp), its code in z0..., its number in `component`

and for each x, y (and z in 3-D). The schema's metadata hold Map.meta as JSON: checkpoint, settings, trustworthiness,
outlines of the components. One file, so that coordinates and what they mean cannot drift apart.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from trainer import config
from trainer.errors import UserError
from trainer.runs import validation
from trainer.system import files

VERSION = 1
MOST_POINTS = 1_000_000
_META = b"gwae_map"
REQUIRED = ("kind", "id", "x", "y")


class MapSettings(config.Section):
    """What a map was asked to be; the defaults are those of the map that `evaluate` stores."""

    method: Literal["umap", "pca"] = Field("umap", description="Method of the projection; pca is linear and instant.")
    neighbours: int = Field(15, ge=2, le=200, description="Neighbours that UMAP keeps together: few show detail.")
    min_dist: float = Field(0.1, ge=0, le=0.99, description="How tightly UMAP may pack points.")
    metric: Literal["euclidean", "cosine", "manhattan"] = Field("euclidean", description="Distance in code space.")
    dims: Literal[2, 3] = Field(2, description="Dimensions of the map.")
    points: int = Field(10_000, ge=100, le=MOST_POINTS, description="Test codes at most; more are sampled by label.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of the layout, the prior samples and the sample of codes.")

    @property
    def key(self) -> str:
        """Short name of this choice, fit for a file name."""
        if self.method == "pca":
            return f"pca-{self.dims}d-p{self.points}-s{self.seed}"
        near = f"n{self.neighbours}-d{self.min_dist:.2f}-{self.metric}"
        return f"umap-{near}-{self.dims}d-p{self.points}-s{self.seed}"


def parse_settings(text: str) -> MapSettings:
    """Return settings from JSON text; what it leaves out is as in the stored map.

    Raises: UserError naming what is wrong.
    """
    try:
        return MapSettings.model_validate_json(text)
    except ValidationError as error:
        raise UserError(config.sentence(error, f"--settings {text}")) from error


@dataclass(frozen=True, eq=False)
class Map:
    """Points of a map and what is known of it.

    Attributes:
        frame: one row per point (see the module), codes first, then prior samples, then centres.
        meta: version, checkpoint, settings, codes (number in the test set), trustworthiness, outlines
            ([{component, sigma, share, paths}]), neighbour_distances and round_trips (sorted, of test codes).
    """

    frame: pd.DataFrame
    meta: dict[str, Any]

    @property
    def axes(self) -> list[str]:
        """Names of the coordinates."""
        return list("xyz"[: self.meta["settings"]["dims"]])


def write(made: Map, path: Path) -> None:
    """Write a map atomically.

    Raises: UserError if the folder may not be written or the disk is full.
    """
    table = pa.Table.from_pandas(made.frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _META: json.dumps(made.meta).encode()})
    files.make_folder(path.parent)
    files.write_atomic(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def _parsed(content: bytes) -> dict[str, Any]:
    """Return what a map's header says. Raises: WrongError."""
    meta = validation.parse_json(content)
    validation.checked(validation.MapSchema, meta)
    validation.checked(MapSettings, meta["settings"])
    return meta


def read(path: Path) -> Map:
    """Read a map.

    Raises: UserError if the file is damaged or no map of this version.
    """
    try:
        frame, metadata = validation.read_table(path, REQUIRED, gaps=True)
        meta = _parsed(metadata[_META])
        if meta["version"] != VERSION or not set("xyz"[: meta["settings"]["dims"]]) <= set(frame):
            raise validation.WrongError(f"version {meta['version']}")
        return Map(frame, meta)
    except (validation.WrongError, KeyError, OSError) as error:
        raise UserError(f"{path}: damaged or of another version; move it away, and it is made anew.") from error


def fits(path: Path, checkpoint: str, settings: MapSettings) -> bool:
    """Return whether a file is a map of this checkpoint and these settings; reads its header only."""
    try:
        meta = _parsed(pq.read_schema(path).metadata[_META])
        wanted = (VERSION, checkpoint, settings.model_dump())
        return (meta["version"], meta["checkpoint"], meta["settings"]) == wanted
    except Exception:  # absent, damaged or foreign: in every case it does not fit
        return False
