"""What a browser needs to score a picture as the server does: the density of codes and the calibration, as numbers.

The browser computes the parts of the combined score alone (explorer/static/js/canvas/scores.js).
"""

from typing import Any

import numpy as np
import torch

from trainer.models.base import SMALLEST_NORM, LatentModel
from trainer.models.dagmm import DAGMM
from trainer.models.priors import BANDWIDTH, KERNELS, VARIANCE_FLOOR, Mixture, NormalPrior
from trainer.ood import why
from trainer.ood.calibration import COMBINED, LEVELS, Calibration


def scoring(model: LatentModel, calibration: Calibration) -> dict[str, Any]:
    """Return densities, quantiles and sentences for the combined score of a picture, as numbers and texts alone."""
    parts = [
        {
            "name": name,
            "quantiles": calibration.quantiles[name].tolist(),
            "good": why.GOOD[name],
            "bad": why.SHARES[name].replace("{data}", calibration.data),
        }
        for name in calibration.parts
    ]
    return {
        "parts": parts,
        "combined": calibration.quantiles[COMBINED].tolist(),
        "levels": LEVELS.tolist(),
        "density": density(model),
        "over_features": isinstance(model, DAGMM),
        "smallest": SMALLEST_NORM,
        "usual": why.USUAL,
    }


@torch.no_grad()
def density(model: LatentModel) -> dict[str, Any] | None:
    """Return the density of the prior, of a DAGMM that over its features; None where there is none.

    A mixture: log, (K,), of weight and normalisation, means (K, d), and the inverse triangular roots of the
    covariances, row after row, (K, d (d + 1) / 2). Independent axes: draws (m, d) and width of the kernels.
    """
    prior, d = model.prior, model.z_dim
    if isinstance(model, DAGMM):
        eye = torch.eye(prior.sigma.shape[-1], dtype=torch.float64)
        return _mixture(prior.phi, prior.mu, prior.sigma.double() + prior.jitter * eye)
    if isinstance(prior, Mixture):
        floor = VARIANCE_FLOOR * torch.eye(d, dtype=torch.float64)
        return _mixture(prior.weights(), prior.means(), prior.covariances().double() + floor)
    if isinstance(prior, NormalPrior):
        return _mixture(torch.ones(1), torch.zeros(1, d), torch.eye(d)[None])
    if hasattr(prior, "log_prob"):
        draws = prior.sample(4 * KERNELS, torch.Generator().manual_seed(0))
        return {"draws": draws.tolist(), "width": BANDWIDTH}
    return None


def _mixture(weights: torch.Tensor, means: torch.Tensor, covariances: torch.Tensor) -> dict[str, Any]:
    weights, covariances = weights.double().clamp_min(1e-300), covariances.double()
    roots = torch.linalg.cholesky(covariances)
    d = means.shape[1]
    log = weights.log() - 0.5 * d * np.log(2 * np.pi) - roots.diagonal(dim1=1, dim2=2).log().sum(1)
    inverse = torch.linalg.inv(roots)
    rows, columns = torch.tril_indices(d, d)
    return {"log": log.tolist(), "means": means.double().tolist(), "roots": inverse[:, rows, columns].tolist()}
