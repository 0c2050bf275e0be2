"""What every detector is, and what it knows of ordinary pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.models.base import LatentModel

NO_DENSITY = "this prior can be drawn from, but has no density"
NO_CODES = "no codes of training pictures are stored"
NO_BACKGROUND = "it was evaluated without a background model (evaluate --background RUN)"
NEEDS = {
    "likelihood": NO_DENSITY,
    "complexity, PNG": NO_DENSITY,
    "complexity, WebP": NO_DENSITY,
    "typicality": NO_DENSITY,
    "likelihood ratio": NO_BACKGROUND,
    "likelihood regret": NO_DENSITY,
    "Mahalanobis": NO_CODES,
    "nearest codes": NO_CODES,
}
"""Why a model may lack a detector, by its name: what pages need to know without torch."""


@dataclass(frozen=True, eq=False)
class Background:
    """A model of pictures with replaced pixels (trainer.ood.detectors.ratio).

    Attributes:
        model: in evaluation mode; mutation: the share of pixels that were replaced in its training.
        checkpoint: hash of its weights.
        variance: as Known.variance, of mutated pictures; 0 until it is measured.
    """

    model: LatentModel
    mutation: float
    checkpoint: str
    variance: float = 0.0


@dataclass(frozen=True, eq=False)
class Known:
    """What detectors know of ordinary pictures; all of it is in the run folder, and none of it from outliers.

    Attributes:
        variance: sigma^2 of a pixel in [0, 1] around its reconstruction (likelihood.pixel_variance).
        entropy: mean of -log2 p(x) over held-out pictures, in bits; 0 until it is measured.
        codes: posterior means of training pictures, (n, z_dim); no rows where none are stored.
        classes: (n,) int64, the class of each; all 0 without classes.
        background: the background model, where one was named.
    """

    variance: float
    entropy: float
    codes: np.ndarray
    classes: np.ndarray
    background: Background | None = None


@dataclass(frozen=True)
class Detector:
    """One detector of the literature.

    Attributes:
        name: as stored and shown.
        formula: its score; larger is more out-of-distribution.
        source: the paper.
        score: the scores of a trainer.ood.detectors.batch.Batch, (B,).
        lacking: why a model has none, "" where it has.
    """

    name: str
    formula: str
    source: str
    score: Callable[..., Tensor | np.ndarray]
    lacking: Callable[[LatentModel, Known], str]


def needs_density(model: LatentModel, known: Known | None) -> str:
    """Return why a detector that takes the prior's density is lacking; "" where there is one."""
    return "" if hasattr(model.prior, "log_prob") else NO_DENSITY


def needs_codes(model: LatentModel, known: Known) -> str:
    """Return why a detector that compares with training codes is lacking; "" where there are some."""
    return "" if len(known.codes) else NO_CODES
