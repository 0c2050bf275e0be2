"""The map of a model's code space: test codes, prior samples and component centres laid out together.

UMAP or PCA, with what the Clusters page tells about every place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trainer.batching import Progress, evenly, silent
from trainer.errors import UserError
from trainer.latent import contours, embedding, neighbours
from trainer.latent.clusters import kmeans
from trainer.latent.map_file import VERSION, Map, MapSettings
from trainer.runs import layout
from trainer.runs.folder import Run

if TYPE_CHECKING:
    from trainer.models.base import LatentModel

PRIOR_SAMPLES = 1000
OUTLINE_SAMPLES = 2000
TRUSTED = 20_000
"""Codes that the trustworthiness is measured on at most, evenly spread: it compares each with each."""
RELIABILITY_CODES = 500
"""Codes whose distances and round trips a decoded place is compared with."""
MINIMUM = 40
"""Smallest number of test pictures for a map: its trustworthiness alone needs 15 neighbours."""
EVALUATED_FROM = 200
"""Test pictures from which `evaluate` stores a map; PCA shows fewer as well, and the page computes one on demand."""


def compute(
    codes: pd.DataFrame,
    model: LatentModel,
    checkpoint: str,
    settings: MapSettings | None = None,
    progress: Progress = silent,
) -> Map:
    """Lay out a model's test codes with its prior's samples and centres. Same input, same seed: same coordinates.

    Args:
        codes: of codes.parquet: id, label, z0...; at least MINIMUM rows.

    Raises: UserError with fewer codes.
    """
    settings = settings or MapSettings()
    axes = layout.code_columns(model.z_dim)
    if len(codes) < MINIMUM or not {"id", *axes} <= set(codes.columns):
        raise UserError(f"A map needs at least {MINIMUM} test codes; run 'python -m trainer evaluate' on this model.")
    labels = codes["label"].to_numpy() if "label" in codes else np.full(len(codes), -1)
    chosen = codes.iloc[neighbours.stratified_rows(labels, settings.points, settings.seed)]
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
        "neighbour_distances": _rounded(neighbours.neighbour_distances(z, RELIABILITY_CODES)),
        "round_trips": _rounded(np.sort(_round_trips(model, z))),
        "outlines": [],
        "trustworthiness": None,
    }
    if settings.dims == 2 and model.prior.kind == "gmp":
        progress("outlines", 0, 1)
        meta["outlines"] = _component_outlines(model, everything, coordinates, settings, len(z))
    if settings.method == "umap":
        progress("trustworthiness", 0, 1)
        even = evenly(len(z), TRUSTED)
        meta["trustworthiness"] = neighbours.trustworthiness(z[even], coordinates[even])
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
    return pd.concat([frame, pd.DataFrame(drawn, columns=layout.code_columns(z.shape[1]))], axis=1), everything


def _layout(everything: np.ndarray, n_codes: int, settings: MapSettings, progress: Progress) -> np.ndarray:
    """Coordinates of all codes, float32 (N, dims)."""
    start = neighbours.pca(everything, settings.dims, fitted_on=n_codes)
    if settings.method == "pca":
        return start.astype(np.float32)
    return embedding.embed(
        everything,
        start,
        neighbours=settings.neighbours,
        min_dist=settings.min_dist,
        seed=settings.seed,
        metric=settings.metric,
        progress=progress,
    )


def _component_outlines(
    model: LatentModel, everything: np.ndarray, coordinates: np.ndarray, settings: MapSettings, n_codes: int
) -> list[dict[str, Any]]:
    """1- and 2-sigma outlines of every component, of samples that the map did not see, placed on it."""
    import torch

    generator, outlines = torch.Generator().manual_seed(settings.seed + 1), []
    shares, count = contours.SIGMA_SHARES, len(model.prior.weights())
    with torch.inference_mode():
        drawn = [model.prior.sample_component(k, OUTLINE_SAMPLES, generator).numpy() for k in range(count)]
    together = place(np.concatenate(drawn), everything, coordinates, settings, n_codes)
    for k, placed in enumerate(np.split(together, count)):
        for (sigma, share), paths in zip(shares.items(), contours.outlines(placed, list(shares.values())), strict=True):
            rounded = [_rounded(path) for path in paths]
            outlines.append({"component": k, "sigma": sigma, "share": round(share, 3), "paths": rounded})
    return outlines


def place(
    points: np.ndarray, everything: np.ndarray, coordinates: np.ndarray, settings: MapSettings, n_codes: int
) -> np.ndarray:
    """Return where a map puts codes (M, d) that it was not fitted on, (M, dims).

    Args:
        everything, coordinates: codes and places of all points of the map; the first `n_codes` are test codes.
    """
    if settings.method == "pca":  # linear, so exact
        together = np.concatenate([everything, np.asarray(points, everything.dtype)])
        return neighbours.pca(together, settings.dims, fitted_on=n_codes)[len(everything) :]
    return neighbours.place_on_map(points, everything, coordinates)


def _round_trips(model: LatentModel, z: np.ndarray) -> np.ndarray:
    """|mu(g(z)) - z| of an even spread of codes."""
    import torch

    rows = evenly(len(z), RELIABILITY_CODES)
    with torch.inference_mode():
        parts = torch.from_numpy(np.ascontiguousarray(z[rows])).split(50)
        return torch.cat([round_trip(model, part) for part in parts]).numpy()


def round_trip(model: LatentModel, z):
    """|mu(g(z)) - z|, (B,): how far a code comes back from where it was; large where the decoder left the data."""
    return (model.encode(model.decode(z))[0] - z).norm(dim=1)


def _kmeans(z: np.ndarray, labels: np.ndarray, model: LatentModel, seed: int, rows: int) -> np.ndarray:
    """k-means cluster of each code, -1 for the other rows; as many clusters as components, else labels, else ten."""
    known = len(np.unique(labels[labels >= 0]))
    clusters = len(model.prior.weights()) if model.prior.kind == "gmp" else (known or 10)
    assigned = np.full(rows, -1, np.int64)
    assigned[: len(z)] = kmeans(z, min(clusters, len(z)), seed)
    return assigned


def _rounded(values: np.ndarray) -> list:
    return np.round(np.asarray(values, dtype=np.float64), 4).tolist()


def of_run(run: Run, settings: MapSettings, progress: Progress = silent) -> Map:
    """Return the map of an evaluated run folder, computed anew.

    Raises: UserError if there are no codes or the model cannot be loaded.
    """
    progress("reading", 0, 1)
    return compute(run.codes, run.load_model(), run.hash, settings, progress)
