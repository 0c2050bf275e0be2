"""Priors for the tests, and their moments against declared ones."""

from __future__ import annotations

import torch

from trainer.config import PriorConfig
from trainer.models import priors

DRAWS = 200_000


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(kind: str, z_dim: int = 6, seed: int = 0, **settings) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return priors.build(PriorConfig(kind=kind, **settings), z_dim)


def assert_moments(samples: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor) -> None:
    """Empirical moments within five standard errors of the declared ones, in units of the declared spread."""
    samples, mean, covariance = samples.double(), mean.detach().double(), covariance.detach().double()
    n, d = samples.shape
    root = torch.linalg.cholesky(covariance)
    white = torch.linalg.solve_triangular(root, (samples - mean).T, upper=False).T
    assert white.mean(0).abs().max() < 5 / n**0.5
    assert (white.T @ white / n - torch.eye(d)).abs().max() < 5 * (2 / n) ** 0.5
