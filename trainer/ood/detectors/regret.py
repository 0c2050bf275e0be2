"""Likelihood regret: score max_q L(x; q) - L(x; q_encoder), in bits, L the evidence lower bound.

How much better a posterior of the picture's own explains it than the encoder's does. Source: Xiao, Yan & Amit, NeurIPS
2020, in the variant that optimises mean and variance of the posterior rather than the encoder's weights. The work is
bounded: STEPS steps of Adam from the encoder's posterior, with the same two antithetic draws for all pictures; the best
of the bounds on the way counts, so the score is never negative.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trainer.models.base import LOG_VAR_LIMIT
from trainer.ood.detectors.base import Detector, needs_density
from trainer.ood.detectors.batch import Batch
from trainer.ood.detectors.likelihood import log_joint, log_posterior, noise

STEPS = 10
RATE = 0.1
"""Of Adam: ten steps move a mean, and a log variance, by 1 at most; codes have a standard deviation near 1."""


def regret(batch: Batch, steps: int = STEPS) -> Tensor:
    """Return the gain of the evidence lower bound in bits, (B,), >= 0."""
    mu, log_var = (part.detach().clone() for part in batch.posterior)
    half = noise(1, mu.shape[1]).to(mu)
    eps = torch.cat([half, -half])
    parameters = [mu.requires_grad_(), log_var.requires_grad_()]
    optimiser = torch.optim.Adam(parameters, lr=RATE)  # element by element: no picture sees another
    with torch.enable_grad():
        first = best = _bound(batch, mu, log_var, eps)
        bound = first
        for _ in range(steps):
            gradients = torch.autograd.grad(-bound.sum(), parameters)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            optimiser.step()
            bound = _bound(batch, mu, log_var, eps)
            best = torch.maximum(best, bound.detach())
    return ((best - first) / math.log(2)).detach()


def _bound(batch: Batch, mu: Tensor, log_var: Tensor, eps: Tensor) -> Tensor:
    """The evidence lower bound in nats, (B,), over draws mu + sigma eps, eps (K, z_dim)."""
    log_var = log_var.clamp(-LOG_VAR_LIMIT, LOG_VAR_LIMIT)
    z = mu.unsqueeze(1) + torch.exp(0.5 * log_var).unsqueeze(1) * eps
    return (log_joint(batch.model, batch.x, z, batch.known.variance) - log_posterior(eps, log_var)).mean(1)


DETECTOR = Detector(
    "likelihood regret", "max_q ELBO(x; q) - ELBO(x; encoder)", "Xiao et al., NeurIPS 2020", regret, needs_density
)
