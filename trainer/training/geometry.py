"""How well distances of codes and of pictures agree in the middle of a training, cheaply."""

import torch

from trainer.latent.distances import between, correlations, distortion
from trainer.models.base import LatentModel, evaluation

SAMPLES = 128
"""Prior samples: 8,128 pairs. Spearman is then known to about 0.02, for less than the time of one step."""


@torch.no_grad()
def measure(model: LatentModel, seed: int) -> dict[str, float]:
    """Return Spearman and distortion of pairs (d_Z, d_X) of prior samples, always of the same noise, as the columns
    that a validation adds to history.csv; none where the model has diverged. Neither weights, mode nor
    the global random generator change.

    L_GW and C have columns of their own ("validation gw", "distance coefficient"); `evaluate` measures the same on more
    samples (trainer.evaluation.geometry).
    """
    with evaluation(model):
        z = model.sample_prior(SAMPLES, torch.Generator(model.device).manual_seed(seed)).to(model.device)
        x = model.decode(z)
    if not (z.isfinite().all() and x.isfinite().all()):
        return {}  # the training's own checks name what diverged
    d_z, d_x = map(between, (z, x))
    return {"spearman": correlations(d_z, d_x)["Spearman"], "distortion": distortion(d_z, d_x)}
