"""The scores of the models, one entry each: name, formula, source, and which models have it.

A score is computed by the model itself (LatentModel.scores_from), because all of them need its networks. A larger score
is more out-of-distribution; none is ever flipped. Importing this module does not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.batching import BATCH, Progress, batches, silent

if TYPE_CHECKING:
    import torch

    from trainer.data.imageset import ImageSet
    from trainer.models.base import LatentModel

AUTOENCODERS = ("gwae", "vae", "wae-mmd")


@dataclass(frozen=True)
class Score:
    """One score.

    name: as in LatentModel.scores_from, the run folder's files and on pages.
    formula: of a picture x, its code mu(x) and its reconstruction g(mu).
    source: where it was proposed as a score.
    models: kinds of model that may have it; the others never do.
    family: what it is called where scores of one kind are spoken of together.
    lacking: why a model has none of the family.
    published_for: kinds of model whose paper scores outliers so.
    is_part: whether the combined score adds it up.
    is_two_sided: whether its side may change in training, so that its distance from the median is a score as well.
    """

    name: str
    formula: str
    source: str
    models: tuple[str, ...]
    family: str = ""
    lacking: str = ""
    published_for: tuple[str, ...] = ()
    is_part: bool = False
    is_two_sided: bool = False


_POTENTIAL = {"models": ("gwae",), "family": "potential", "lacking": "only a GWAE has a critic", "is_two_sided": True}
_EVERY = (*AUTOENCODERS, "dagmm")
_SCORES = (
    Score("reconstruction error", "|x - g(mu)|^2 / 2", "usual; it grows with the amount of ink", _EVERY),
    Score("relative error", "|x - g(mu)| / |x|", "a feature of DAGMM (Zong et al., ICLR 2018)", _EVERY, is_part=True),
    Score(
        "prior", "-log pi(mu)", "usual, for the code in place of the picture", AUTOENCODERS, family="prior",
        lacking="this prior can be drawn from, but has no density", published_for=("vae",), is_part=True,
    ),
    Score(
        "potential f(g(mu), mu)", "f(g(mu), mu), f the critic", "Nakagawa et al., ICLR 2023, with a sampled code",
        published_for=("gwae",), **_POTENTIAL,
    ),
    Score("potential f(x, mu)", "f(x, mu), f the critic", "the same on the picture itself", **_POTENTIAL),
    Score(
        "energy", "-log sum_k phi_k N(z; mu_k, Sigma_k), z DAGMM's features", "Zong et al., ICLR 2018", ("dagmm",),
        family="energy", lacking="only a DAGMM has one", published_for=("dagmm",), is_part=True,
    ),
)  # fmt: skip
SCORES = {score.name: score for score in _SCORES}
LACKING = {score.family: score.lacking for score in _SCORES if score.lacking}
"""Why a model lacks a family of scores."""


def published(kind: str) -> str:
    """Return the name of the score that the paper of this kind of model uses, "" if it has none."""
    return next((score.name for score in _SCORES if kind in score.published_for), "")


def parts(kind: str) -> tuple[str, ...]:
    """Return the names of the scores that the combined one of this kind of model adds up, where the model has them."""
    return tuple(score.name for score in _SCORES if score.is_part and kind in score.models)


def raw_scores(
    model: LatentModel,
    images: ImageSet,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
    size: int = BATCH,
) -> dict[str, np.ndarray]:
    """Return LatentModel.ood_scores of all pictures, each (N,) float32; needs no gradient and no random number."""
    import torch

    chunks: dict[str, list[np.ndarray]] = {}
    with torch.inference_mode():
        for rows in batches(len(images), size):
            scores = model.ood_scores(images.float_batch(slice(int(rows[0]), int(rows[-1]) + 1)).to(device))
            for name, values in scores.items():
                chunks.setdefault(name, []).append(values.float().cpu().numpy())
            progress(f"scoring {images.name}", int(rows[-1]) + 1, len(images))
    return {name: np.concatenate(values) for name, values in chunks.items()}
