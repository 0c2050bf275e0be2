"""All detectors, and their scores of many pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from trainer.batching import batches, evenly
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.models.base import LatentModel
from trainer.ood.detectors import complexity, knn, likelihood, mahalanobis, ratio, regret, typicality
from trainer.ood.detectors.base import Background, Detector, Known
from trainer.ood.detectors.batch import Batch
from trainer.ood.detectors.reference import Reference

DETECTORS: tuple[Detector, ...] = (
    likelihood.DETECTOR,
    complexity.PNG,
    complexity.WEBP,
    typicality.DETECTOR,
    ratio.DETECTOR,
    regret.DETECTOR,
    mahalanobis.DETECTOR,
    knn.DETECTOR,
)
BY_NAME = {detector.name: detector for detector in DETECTORS}
PICTURES = 1_000
"""Of a data set that are scored, evenly spread: about ten seconds each at 32x32 on one core."""
BATCH = 50
"""Every pass has this many pictures, the last one filled up: a picture's numbers do not depend on its company."""
Progress = Callable[[int, int], None]


def known_of(codes: pd.DataFrame, variance: float, entropy: float, background: Background | None = None) -> Known:
    """Return what detectors know, given a run's training codes (trainer.ood.neighbours.read)."""
    axes = [name for name in codes.columns if name.startswith("z") and name[1:].isdecimal()]
    points = codes[axes].to_numpy(dtype=np.float64)
    classes = np.unique(codes["label_name"].to_numpy(), return_inverse=True)[1]
    return Known(variance, entropy, points, classes, background)


def lacking(model: LatentModel, known: Known) -> dict[str, str]:
    """Return why a model has none of a detector, by the detector's name."""
    reasons = {detector.name: detector.lacking(model, known) for detector in DETECTORS}
    return {name: reason for name, reason in reasons.items() if reason}


def scores(
    model: LatentModel, pictures: torch.Tensor, known: Known, progress: Progress | None = None
) -> dict[str, np.ndarray]:
    """Return the scores of pictures, uint8 (N, C, H, W), by every detector the model has, each (N,) float32.

    Args:
        progress: called with (done, total) pictures, often enough to stop by raising from it.

    Raises: UserError if a score is not finite.
    """
    absent = lacking(model, known)
    used = [detector for detector in DETECTORS if detector.name not in absent]
    found: dict[str, list[np.ndarray]] = {detector.name: [] for detector in used}
    for rows in batches(len(pictures), BATCH):
        part = pictures[rows[0] : rows[-1] + 1]
        filled = torch.cat([part, part[:1].expand(BATCH - len(part), -1, -1, -1)])
        with torch.no_grad():
            batch = Batch(model, filled.to(model.device).float() / 255, known)
            for detector in used:
                found[detector.name].append(_array(detector.score(batch))[: len(part)])
        if progress is not None:
            progress(int(rows[-1]) + 1, len(pictures))
    made = {name: np.concatenate([np.zeros(0, np.float32), *parts]) for name, parts in found.items()}
    if not all(np.isfinite(values).all() for values in made.values()):
        raise UserError("Some pictures have a score that is not finite; train the model again.")
    return made


def of_set(
    model: LatentModel, images: ImageSet, known: Known, progress: Progress | None = None
) -> dict[str, np.ndarray]:
    """Return `scores` of PICTURES of a data set, each (N,) float32, NaN where a picture was not scored."""
    rows = evenly(len(images), PICTURES)
    some = scores(model, images.images[torch.from_numpy(rows)], known, progress)
    made = {name: np.full(len(images), np.nan, np.float32) for name in some}
    for name, values in some.items():
        made[name][rows] = values
    return made


def measure(
    model: LatentModel,
    held_out: ImageSet,
    codes: pd.DataFrame,
    levels: np.ndarray,
    progress: Progress | None = None,
    background: Background | None = None,
) -> Reference:
    """Return what PICTURES of the held-out pictures score.

    Args:
        codes: training codes of the run.
        levels: of the quantiles.
        background: see Known.

    Raises: UserError as `scores`.
    """
    pictures = held_out.images[torch.from_numpy(evenly(len(held_out), PICTURES))]
    with torch.no_grad():
        parts = [(part.to(model.device).float() / 255) for part in pictures.split(BATCH)]
        variance = float(torch.cat([likelihood.pixel_variance(model, part) for part in parts]).double().mean())
    background = background and ratio.measured(background, pictures)
    first = scores(model, pictures, known_of(codes, variance, 0.0, background), progress)
    bits, entropy = first.get(likelihood.DETECTOR.name), 0.0
    if bits is not None:  # typicality was measured before the mean was known
        entropy = float(bits.mean(dtype=np.float64))
        first[typicality.DETECTOR.name] = np.abs(bits - np.float32(entropy))
    quantiles = {name: np.quantile(values.astype(np.float64), levels) for name, values in first.items()}
    about = background and (background.checkpoint, background.variance)
    return Reference(len(pictures), variance, entropy, quantiles, about)


def _array(values: torch.Tensor | np.ndarray) -> np.ndarray:
    return np.asarray(values.cpu() if isinstance(values, torch.Tensor) else values, dtype=np.float32)
