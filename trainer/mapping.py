"""The map of a model's code space: test codes, prior samples and component centres laid out together.

`map.parquet` of a run folder holds one row per point, and in its schema everything needed to know what it is: the
checkpoint, the settings, the outlines of the components, the trustworthiness. Rows by `kind`:

    code     a test picture: `id` as in codes.parquet, `kmeans` cluster, `entropy` of its responsibilities (gmp)
    prior    a draw from the prior, its code in z0...
    centre   a mixture component's mean (gmp), its code in z0..., its number in `component`

and for each x, y (and z in 3-D). UMAP: McInnes, Healy and Melville, arXiv:1802.03426.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer import files, outlines, projection
from trainer.errors import UserError

if TYPE_CHECKING:
    from trainer.config import Config
    from trainer.data.imageset import ImageSet
    from trainer.metrics.context import Context
    from trainer.models.base import LatentModel
    from trainer.run import Metric, Run

VERSION = 1
FILE = "map.parquet"
PRIOR_SAMPLES = 1000
OUTLINE_SAMPLES = 2000
RELIABILITY_CODES = 500
"""Codes whose distances and round trips a decoded place is compared with."""
MINIMUM = 40
"""Test pictures below which there is nothing to lay out: the trust measure alone looks at 15 neighbours."""
EVALUATED_FROM = 200
"""Test pictures from which `evaluate` stores a map; PCA shows fewer as well, and the page computes one on demand."""

Progress = Callable[[str, int, int], None]
Metric_ = Literal["euclidean", "cosine", "manhattan"]
_META = b"gwae_map"


class MapSettings(BaseModel):
    """What a map was asked to be; the defaults are those of the map that `evaluate` stores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["umap", "pca"] = Field("umap", description="How the plane is found; pca is linear and instant.")
    neighbours: int = Field(15, ge=2, le=200, description="Neighbours that UMAP keeps together: few show detail.")
    min_dist: float = Field(0.1, ge=0, le=0.99, description="How tightly UMAP may pack points.")
    metric: Metric_ = Field("euclidean", description="Distance in code space.")
    dims: Literal[2, 3] = Field(2, description="Dimensions of the map.")
    points: int = Field(10_000, ge=100, le=20_000, description="Test codes at most; more are sampled by label.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Of the layout, the prior samples and the sample of codes.")

    @property
    def key(self) -> str:
        """Short name of this choice, fit for a file name."""
        if self.method == "pca":
            return f"pca-{self.dims}d-p{self.points}-s{self.seed}"
        near = f"n{self.neighbours}-d{self.min_dist:.2f}-{self.metric}"
        return f"umap-{near}-{self.dims}d-p{self.points}-s{self.seed}"


def parse_settings(text: str) -> MapSettings:
    """Settings from JSON text; what it leaves out is as in the stored map.

    Raises: UserError naming what is wrong.
    """
    try:
        return MapSettings.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        raise UserError(f"--settings {text}: {name}: {first['msg'].lower()}.") from error


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


def compute(
    codes: pd.DataFrame,
    model: LatentModel,
    checkpoint: str,
    settings: MapSettings | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Map:
    """Lay out a model's test codes with its prior's samples and centres. Same input, same seed: same coordinates.

    Args:
        codes: of codes.parquet: id, label, z0...; at least MINIMUM rows.

    Raises: UserError with fewer codes.
    """
    settings = settings or MapSettings()
    axes = [f"z{axis}" for axis in range(model.z_dim)]
    if len(codes) < MINIMUM or not {"id", *axes} <= set(codes.columns):
        raise UserError(f"A map needs at least {MINIMUM} test codes; run 'python -m trainer evaluate' on this model.")
    labels = codes["label"].to_numpy() if "label" in codes else np.full(len(codes), -1)
    chosen = codes.iloc[projection.stratified_rows(labels, settings.points, settings.seed)]
    z = chosen[axes].to_numpy(np.float32)
    frame, everything = _rows(chosen, z, model, settings)
    coordinates = _layout(everything, len(z), settings, progress)
    frame.insert(2, "x", coordinates[:, 0])
    for place, name in enumerate("yz"[: settings.dims - 1], start=1):
        frame.insert(2 + place, name, coordinates[:, place])
    meta: dict[str, Any] = {
        "version": VERSION,
        "checkpoint": checkpoint,
        "settings": settings.model_dump(),
        "codes": len(codes),
        "neighbour_distances": _rounded(projection.neighbour_distances(z, RELIABILITY_CODES)),
        "round_trips": _rounded(np.sort(_round_trips(model, z))),
        "outlines": [],
        "trustworthiness": None,
    }
    if settings.dims == 2 and model.prior.kind == "gmp":
        progress("outlines", 0, 1)
        meta["outlines"] = _component_outlines(model, everything, coordinates, settings, len(z))
    if settings.method == "umap":
        progress("trustworthiness", 0, 1)
        meta["trustworthiness"] = projection.trustworthiness(z, coordinates[: len(z)])
        progress("clusters", 0, 1)
        frame["kmeans"] = _kmeans(z, labels, model, settings.seed, len(frame))
        progress("clusters", 1, 1)
    return Map(frame, meta)


def _rows(
    chosen: pd.DataFrame, z: np.ndarray, model: LatentModel, settings: MapSettings
) -> tuple[pd.DataFrame, np.ndarray]:
    """All points of a map without their coordinates, and all their codes, (N + prior samples + centres, d)."""
    import torch

    generator = torch.Generator().manual_seed(settings.seed)
    with torch.inference_mode():
        samples = model.sample_prior(PRIOR_SAMPLES, generator).numpy()
        mixture = model.prior.kind == "gmp"
        centres = model.prior.means().numpy() if mixture else samples[:0]
        everything = np.concatenate([z, samples, centres]).astype(np.float32)
        frame = pd.DataFrame(
            {
                "kind": ["code"] * len(z) + ["prior"] * len(samples) + ["centre"] * len(centres),
                "id": [
                    *chosen["id"],
                    *(f"prior-{index:05d}" for index in range(len(samples))),
                    *(f"component-{index}" for index in range(len(centres))),
                ],
            }
        )
        if mixture:
            shares = torch.cat([model.prior.responsibilities(part) for part in torch.from_numpy(everything).split(500)])
            frame["component"] = shares.argmax(1).numpy()
            frame.loc[len(frame) - len(centres) :, "component"] = np.arange(len(centres))
            frame["entropy"] = torch.special.entr(shares).sum(1).numpy()
    made = np.arange(len(everything)) >= len(z)
    drawn = np.where(made[:, None], everything, np.float32("nan"))
    return pd.concat(
        [frame, pd.DataFrame(drawn, columns=[f"z{axis}" for axis in range(z.shape[1])])], axis=1
    ), everything


def _layout(everything: np.ndarray, n_codes: int, settings: MapSettings, progress: Progress) -> np.ndarray:
    """Coordinates of all codes, float32 (N, dims)."""
    start = projection.pca(everything, settings.dims, fitted_on=n_codes)
    if settings.method == "pca":
        return start.astype(np.float32)
    from threadpoolctl import threadpool_limits

    progress("preparing", 0, 1)
    with contextlib.redirect_stdout(sys.stderr), threadpool_limits(1):  # sums in one order, whatever the machine
        from umap import UMAP

        progress("neighbours", 0, 1)
        start = 10 * start / np.abs(start).max()
        fitted = UMAP(
            n_neighbors=min(settings.neighbours, len(everything) - 1),
            min_dist=settings.min_dist,
            metric=settings.metric,
            n_components=settings.dims,
            random_state=settings.seed,
            n_jobs=1,
            init=start.round(4).astype(np.float32),
            tqdm_kwds={"file": _Epochs(progress), "disable": False, "bar_format": "{n_fmt}/{total_fmt}"},
        )
        return fitted.fit_transform(everything).astype(np.float32)


class _Epochs:
    """What UMAP's progress bar writes to: it has no callback, only a bar with a file."""

    def __init__(self, progress: Progress):
        self.progress = progress

    def write(self, text: str) -> None:
        """Pass "120/200" on."""
        for done, total in re.findall(r"(\d+)/(\d+)", text):
            self.progress("layout", int(done), int(total))

    def flush(self) -> None:
        """Nothing is kept."""


def _component_outlines(
    model: LatentModel, everything: np.ndarray, coordinates: np.ndarray, settings: MapSettings, n_codes: int
) -> list[dict[str, Any]]:
    """1- and 2-sigma outlines of every component, of samples that the map did not see, placed on it."""
    import torch

    generator, found = torch.Generator().manual_seed(settings.seed + 1), []
    shares = outlines.SIGMA_SHARES
    for k in range(len(model.prior.weights())):
        with torch.inference_mode():
            samples = model.prior.sample_component(k, OUTLINE_SAMPLES, generator).numpy()
        placed = place(samples, everything, coordinates, settings, n_codes)
        for (sigma, share), paths in zip(shares.items(), outlines.outlines(placed, list(shares.values())), strict=True):
            rounded = [_rounded(path) for path in paths]
            found.append({"component": k, "sigma": sigma, "share": round(share, 3), "paths": rounded})
    return found


def place(
    points: np.ndarray, everything: np.ndarray, coordinates: np.ndarray, settings: MapSettings, n_codes: int
) -> np.ndarray:
    """Where a map puts codes (M, d) that it was not fitted on, (M, dims).

    Args:
        everything, coordinates: codes and places of all points of the map; the first `n_codes` are test codes.
    """
    if settings.method == "pca":  # linear, so exact
        together = np.concatenate([everything, np.asarray(points, everything.dtype)])
        return projection.pca(together, settings.dims, fitted_on=n_codes)[len(everything) :]
    return projection.place_on_map(points, everything, coordinates)


def _round_trips(model: LatentModel, z: np.ndarray) -> np.ndarray:
    """|mu(g(z)) - z| of an even spread of codes."""
    import torch

    rows = np.linspace(0, len(z) - 1, min(RELIABILITY_CODES, len(z))).round().astype(np.int64)
    with torch.inference_mode():
        parts = torch.from_numpy(np.ascontiguousarray(z[rows])).split(50)
        return torch.cat([round_trip(model, part) for part in parts]).numpy()


def round_trip(model: LatentModel, z):
    """|mu(g(z)) - z|, (B,): how far a code comes back from where it was; large where the decoder left the data."""
    return (model.encode(model.decode(z))[0] - z).norm(dim=1)


def _kmeans(z: np.ndarray, labels: np.ndarray, model: LatentModel, seed: int, rows: int) -> np.ndarray:
    """k-means cluster of each code, -1 for the other rows; as many clusters as components, else labels, else ten."""
    from trainer.metrics.clustering import kmeans

    known = len(np.unique(labels[labels >= 0]))
    clusters = len(model.prior.weights()) if model.prior.kind == "gmp" else (known or 10)
    found = np.full(rows, -1, np.int64)
    found[: len(z)] = kmeans(z, min(clusters, len(z)), seed)
    return found


def _rounded(values: np.ndarray) -> list:
    return np.round(np.asarray(values, dtype=np.float64), 4).tolist()


# ---------------------------------------------------------------- the file


def write(made: Map, path: Path) -> None:
    """Write a map atomically.

    Raises: UserError if the folder may not be written or the disk is full.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(made.frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _META: json.dumps(made.meta).encode()})
    files.make_folder(path.parent)
    files.write_atomic(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def read(path: Path) -> Map:
    """Read a map.

    Raises: UserError if the file is damaged or no map of this version.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        meta = json.loads(table.schema.metadata[_META])
        if meta["version"] != VERSION:
            raise ValueError(f"version {meta['version']}")
        return Map(table.to_pandas(), meta)
    except Exception as error:  # pyarrow and json raise many types; to the user they mean the same
        raise UserError(f"{path}: damaged, or made by another version; delete it, it is computed anew.") from error


def fits(path: Path, checkpoint: str, settings: MapSettings) -> bool:
    """Whether a file is a map of this checkpoint and these settings; reads its header only."""
    import pyarrow.parquet as pq

    try:
        meta = json.loads(pq.read_schema(path).metadata[_META])
        wanted = (VERSION, checkpoint, settings.model_dump())
        return (meta["version"], meta["checkpoint"], meta["settings"]) == wanted
    except Exception:  # absent, damaged or foreign: in every case it does not fit
        return False


# ---------------------------------------------------------------- evaluation


def applies(config: Config, images: ImageSet) -> bool:
    """Needs enough pictures for a layout to tell more than PCA does."""
    return len(images) >= EVALUATED_FROM


def measure(context: Context) -> list[Metric]:
    """Store the map of the default settings in the run folder; its trustworthiness is the metric."""
    codes = pd.DataFrame(context.mu.numpy(), columns=[f"z{axis}" for axis in range(context.mu.shape[1])])
    labels = -1 if context.labels is None else context.labels.numpy()
    codes = codes.assign(id=list(context.images.ids), label=labels)
    settings = MapSettings(seed=context.seed)
    made = compute(codes, context.model.to("cpu"), context.run.hash, settings, context.progress)
    context.model.to(context.device)
    write(made, context.run.path / FILE)
    shown = int((made.frame["kind"] == "code").sum())
    how = (
        f"UMAP ({settings.neighbours} neighbours, min_dist {settings.min_dist}, {settings.metric}) of {shown:,} mu(x) "
        f"and {PRIOR_SAMPLES:,} prior samples; k = {projection.TRUST_NEIGHBOURS} (Venna and Kaski 2001)"
    )
    value = made.meta["trustworthiness"]
    return [context.metric("map", "map trustworthiness", value, how, n=shown, seed=context.seed)]


def of_run(run: Run, settings: MapSettings, progress: Progress = lambda what, done, total: None) -> Map:
    """The map of an evaluated run folder, computed anew.

    Raises: UserError if there are no codes or the model cannot be loaded.
    """
    progress("reading", 0, 1)
    return compute(run.codes, run.load_model(), run.hash, settings, progress)
