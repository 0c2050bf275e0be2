"""Two sets of features compared: Frechet and kernel distance, precision, recall, density, coverage.

Frechet and kernel distance are those of torchmetrics. The other four look at the k-th nearest neighbours:

    precision  share of samples within some real picture's ball
    recall     share of real pictures within some sample's ball
    density    mean over samples of the number of real balls around it, over k
    coverage   share of real pictures' balls that hold a sample

A ball reaches from a picture to its k-th nearest neighbour in its own set. References: Heusel et al., NeurIPS 2017;
Binkowski et al., ICLR 2018; Kynkäänniemi et al., NeurIPS 2019 (k = 3); Naeem et al., ICML 2020.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from trainer.errors import UserError

K = 3
K_COVERAGE = 5
"""Density and coverage as published; their coverage of two equal sets is then 0.97 in expectation."""
HALVES = 20
SUBSETS = 100
NORMAL = 1.959964


class _Features(nn.Module):
    """Takes features for pictures: torchmetrics' classes then compute from what is stored."""

    def __init__(self, count: int):
        super().__init__()
        self.num_features = count

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet(real: Tensor, fake: Tensor) -> float:
    """Return the Frechet distance of the Gaussians with the means and covariances of two sets of features, (N, d) and
    (M, d).

    Raises: UserError where a set has fewer pictures than features: its covariance is singular, and the number would
        measure the sample's size.
    """
    features, fewest = real.shape[1], min(len(real), len(fake))
    if fewest < features:
        raise UserError(
            f"A Frechet distance of {features:,} features needs at least as many pictures, not {fewest:,}; choose a "
            "network with fewer features or more pictures."
        )
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=_Features(features)).set_dtype(torch.float64)
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    return float(metric.compute())


def kernel(real: Tensor, fake: Tensor, seed: int = 0) -> tuple[float, tuple[float, float]]:
    """Return the unbiased squared MMD with the cubic kernel over SUBSETS halves, and its normal 95 % interval.

    The subsets are half of the smaller set, drawn without replacement: their spread is then that of the whole
    (delete-half jackknife), not of one subset.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(len(real), len(fake)) // 2
    with warnings.catch_warnings():  # it warns of the memory that thousands of pictures do not need
        warnings.simplefilter("ignore", UserWarning)
        metric = KernelInceptionDistance(feature=_Features(real.shape[1]), subsets=SUBSETS, subset_size=size)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # torchmetrics draws from the global generator
        mean, spread = metric.compute()
    return float(mean), (float(mean - NORMAL * spread), float(mean + NORMAL * spread))


def neighbourhoods(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Return precision and recall with K neighbours, density and coverage with K_COVERAGE, of (N, d) and (M, d)
    features.
    """
    reals, fakes = torch.cdist(real, real), torch.cdist(fake, fake)
    between = torch.cdist(real, fake)  # (N, M)
    radius = {k: reals.kthvalue(k + 1, dim=1).values for k in (K, K_COVERAGE)}  # the nearest is the picture itself
    radius_fake = fakes.kthvalue(K + 1, dim=1).values
    within = between <= radius[K_COVERAGE][:, None]
    return {
        "precision": float((between <= radius[K][:, None]).any(0).double().mean()),
        "recall": float((between <= radius_fake[None]).any(1).double().mean()),
        "density": float(within.double().sum(0).mean() / K_COVERAGE),
        "coverage": float(within.any(1).double().mean()),
    }


def standard_errors(
    statistic: Callable[[Tensor, Tensor], dict[str, float]],
    real: Tensor,
    fake: Tensor,
    seed: int,
    is_paired: bool = False,
) -> dict[str, float]:
    """Return standard errors of a statistic by the delete-half jackknife: its spread over HALVES halves of both sets.

    With half of each set left out the spread needs no factor (Shao and Wu, Annals of Statistics, 1989).
    """
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(HALVES):
        first = torch.randperm(len(real), generator=generator)[: len(real) // 2]
        second = first if is_paired else torch.randperm(len(fake), generator=generator)[: len(fake) // 2]
        rows.append(statistic(real[first], fake[second]))
    return {name: float(np.std([row[name] for row in rows], ddof=1)) for name in rows[0]}


def around(value: float, error: float) -> tuple[float, float]:
    """Return the normal 95 % interval of a value with this standard error."""
    return value - NORMAL * error, value + NORMAL * error
