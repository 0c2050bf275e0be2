"""Likelihood ratio: score log2 p_background(x) - log2 p(x), in bits.

What makes a picture likely is to a large part its background, whichever kind it is of. A background model, trained on
pictures some of whose pixels are replaced by random values, knows that part; what the ratio leaves is what belongs to
the training data alone. Source: Ren et al., NeurIPS 2019 ("Likelihood ratios for out-of-distribution detection"), with
autoregressive models there. Both likelihoods are the importance-weighted bounds of `likelihood`, each with the variance
of a pixel on its own kind of pictures: as they are, and with replaced pixels.

Any run on the same data can be the background model if its `data.mutation`, the share of replaced pixels, is above 0:
the recipe fashion-background is one.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from trainer.config import Config
from trainer.data import augment
from trainer.errors import UserError
from trainer.models.base import LatentModel
from trainer.ood.detectors import likelihood
from trainer.ood.detectors.base import NO_BACKGROUND, Background, Detector, Known, needs_density
from trainer.ood.detectors.batch import Batch
from trainer.runs.folder import Run

SEED = 0
BATCH = 50


def background_of(run: Run, like: Config) -> Background:
    """Return the background model of a run folder for a model of these settings; its variance is not measured yet.

    Raises: UserError if it was trained on other data, on pictures as they are, or has no density.
    """
    own, wanted = run.config.data, like.data
    if (own.name, own.path, own.shape) != (wanted.name, wanted.path, wanted.shape):
        raise UserError(f"{run.path}: a background model is trained on the model's own data, {wanted.name}.")
    if not own.mutation:
        hint = "train one with data.mutation above 0, as the recipe fashion-background"
        raise UserError(f"{run.path} was trained on pictures as they are and is no background model; {hint}.")
    model = run.load_model()
    if reason := needs_density(model, None):
        raise UserError(f"{run.path} is no background model: {reason}.")
    return Background(model, own.mutation, run.hash)


def measured(background: Background, pictures: Tensor) -> Background:
    """Return the background model with the variance of a pixel in held-out pictures, uint8 (N, C, H, W), mutated."""
    generator = torch.Generator().manual_seed(SEED)
    chosen, values = augment.draw_mutation(len(pictures), pictures.shape[1:], background.mutation, generator)
    changed = torch.where(chosen, values, pictures.float() / 255)
    with torch.no_grad():
        parts = [likelihood.pixel_variance(background.model, part) for part in changed.split(BATCH)]
    return replace(background, variance=float(torch.cat(parts).double().mean()))


def _score(batch: Batch) -> Tensor:
    background = batch.known.background
    posterior = background.model.encode(batch.x)
    return batch.bits - likelihood.negative_log_likelihood(background.model, batch.x, *posterior, background.variance)


def _lacking(model: LatentModel, known: Known) -> str:
    return needs_density(model, known) or ("" if known.background else NO_BACKGROUND)


DETECTOR = Detector(
    "likelihood ratio", "log2 p_background(x) - log2 p(x)", "Ren et al., NeurIPS 2019", _score, _lacking
)
