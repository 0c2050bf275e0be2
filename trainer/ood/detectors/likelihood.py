"""Plain likelihood: score -log2 p(x) in bits, by the importance-weighted bound.

    log p(x) >= log 1/K sum_k p(x | z_k) pi(z_k) / q(z_k | x),   z_k = mu(x) + sigma(x) eps_k
    p(x | z) = N(x; g(z), sigma_x^2 I) / 255 per pixel

Source: Burda, Grosse & Salakhutdinov, ICLR 2016, for the bound; Bishop, 1994, for the score. K = 16, and the eps_k,
drawn with seed 0, are the same for all pictures: a picture's score does not depend on its company. sigma_x^2 is the one
of largest likelihood on held-out pictures (Rybkin, Daniilidis & Levine, ICML 2021), for every kind of model, so that
the bits are an honest code length. Outliers that are simpler than the training data are often *more* likely (Nalisnick
et al., ICLR 2019): this score is the one to be better than.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trainer.models.base import LatentModel
from trainer.ood.detectors.base import Detector, needs_density

SAMPLES = 16
SEED = 0
_SMALLEST = 1e-6  # of a variance: a model that reproduces every pixel would divide by zero


def noise(samples: int, z_dim: int) -> Tensor:
    """Return eps, (samples, z_dim), standard normal, the same at every call."""
    return torch.randn(samples, z_dim, generator=torch.Generator().manual_seed(SEED))


def log_joint(model: LatentModel, x: Tensor, z: Tensor, variance: float) -> Tensor:
    """Return log p(x | z) + log pi(z) in nats, (B, K), of pictures (B, C, H, W) and codes (B, K, z_dim)."""
    flat = z.flatten(0, 1)
    made = model.decode(flat).view(*z.shape[:2], -1)
    squared = (made - x.flatten(1).unsqueeze(1)).square().sum(2)
    pixel = 0.5 * math.log(2 * math.pi * variance) + math.log(255)
    return -0.5 * squared / variance - made.shape[2] * pixel + model.prior.log_prob(flat).view(z.shape[:2])


def log_posterior(eps: Tensor, log_var: Tensor) -> Tensor:
    """Return log q(mu + sigma eps | x) in nats, (B, K), of eps (K, z_dim) and log variances (B, z_dim)."""
    normal = -0.5 * (eps.square().sum(1) + eps.shape[1] * math.log(2 * math.pi))
    return normal - 0.5 * log_var.sum(1, keepdim=True)


def negative_log_likelihood(
    model: LatentModel, x: Tensor, mu: Tensor, log_var: Tensor, variance: float, samples: int = SAMPLES
) -> Tensor:
    """Return an upper bound of -log2 p(x), (B,), in bits; tighter with more samples."""
    eps = noise(samples, mu.shape[1]).to(mu)
    z = mu.unsqueeze(1) + torch.exp(0.5 * log_var).unsqueeze(1) * eps
    log_weight = log_joint(model, x, z, variance) - log_posterior(eps, log_var)
    return -(log_weight.logsumexp(1) - math.log(samples)) / math.log(2)


def pixel_variance(model: LatentModel, x: Tensor) -> Tensor:
    """Return the mean squared difference of each picture from g(z), z ~ q(z | x), (B,); sigma_x^2 is their mean."""
    mu, log_var = model.encode(x)
    z = mu.unsqueeze(1) + torch.exp(0.5 * log_var).unsqueeze(1) * noise(2, mu.shape[1]).to(mu)
    made = model.decode(z.flatten(0, 1)).view(len(x), 2, -1)
    return (made - x.flatten(1).unsqueeze(1)).square().mean((1, 2)).clamp_min(_SMALLEST)


DETECTOR = Detector(
    "likelihood", "-log2 p(x), importance-weighted", "Burda et al., ICLR 2016", lambda batch: batch.bits, needs_density
)
