"""The terms of the GWAE objective as pure functions of tensors.

L = lambda_gw L_GW + lambda_w L_W + lambda_d L_D + lambda_h R_H (Nakagawa et al., ICLR 2023, section 3).
"""

from collections.abc import Callable

import torch
from torch import Tensor

ROUNDING = 4
"""A squared distance below so many units of rounding of its two squared norms is rounding, not distance."""


def pairwise_distances(points: Tensor) -> Tensor:
    """Return Euclidean distances of all ordered pairs, (B, ...) -> (B, B), with an exactly zero diagonal.

    |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, so memory is B*B + B*D and no (B, B, D) tensor exists. Squares
    below the rounding error of that difference count as 0, and the gradient there is 0, the subgradient
    of least norm; sqrt alone would pass infinity for duplicated points.
    """
    flat = points.flatten(1)
    flat = flat - flat.mean(0, keepdim=True).detach()  # distances do not change, cancellation shrinks
    gram = flat @ flat.T
    norms = gram.diagonal()
    sizes = norms.unsqueeze(0) + norms.unsqueeze(1)
    squared = sizes - 2 * gram
    positive = squared > ROUNDING * torch.finfo(flat.dtype).eps * sizes.detach()
    return torch.where(positive, torch.where(positive, squared, 1.0).sqrt(), 0.0)


def gromov_wasserstein(z: Tensor, x: Tensor, log_scale: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return L_GW = mean_ij | C d_Z(z_i, z_j) / s - d_X(x_i, x_j) |, a scalar >= 0 (paper, eq. 6).

    Args:
        z: prior samples, (B, z_dim).
        x: their pictures g(z), (B, C, H, W), distances over flattened pixels.
        log_scale: log C, a scalar; s is the mean over axes of the standard deviation of z in the batch.
        weights: of the samples, (B,), mean 1; a pair weighs their product (priors.Prior.sample_weighted).

    The mean runs over all B*B ordered pairs, the zero diagonal included; a single sample gives 0.
    """
    spread = z.std(dim=0, correction=min(1, len(z) - 1)).mean()
    scaled = pairwise_distances(z) * (log_scale.exp() / spread.clamp_min(1e-6))
    distortion = (scaled - pairwise_distances(x)).abs()
    if weights is not None:
        distortion = torch.outer(weights, weights) * distortion
    return distortion.mean()


def reconstruction(x: Tensor, reconstructed: Tensor) -> Tensor:
    """Return L_W = mean_i sum_pixels (x_i - g(z_i))^2 / 2, a scalar (paper, eq. 7)."""
    return 0.5 * (x - reconstructed).square().sum() / len(x)


def entropy_regulariser(log_var: Tensor) -> Tensor:
    """Return R_H = - mean_i sum_j log sigma_j^2(x_i), a scalar (paper, eq. 10)."""
    return -log_var.sum() / len(log_var)


def kl_to_standard_normal(mu: Tensor, log_var: Tensor) -> Tensor:
    """Return mean over the batch of KL(N(mu, diag sigma^2) || N(0, I)), in nats."""
    return 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum() / len(mu)


def potential_gap(f_model: Tensor, f_data: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return L_D = mean f(g(z), z) over z ~ pi, minus mean f(x, z) over z ~ q(z|x) (paper, eq. 9).

    The critic maximises it (Kantorovich-Rubinstein duality), the autoencoder and the prior minimise it.
    `weights`, (B,) with mean 1, are those of the samples z ~ pi (priors.Prior.sample_weighted).
    """
    if weights is not None:
        f_model = weights * f_model
    return f_model.mean() - f_data.mean()


def gradient_penalty(
    critic: Callable[[Tensor, Tensor], Tensor],
    model_pair: tuple[Tensor, Tensor],
    data_pair: tuple[Tensor, Tensor],
    mix: Tensor | None = None,
) -> Tensor:
    """Return mean (|grad_(x,z) f| - 1)^2 at uniform points of the lines between (g(z'), z') and (x, z).

    The norm is that of the joint gradient over picture and code (Gulrajani et al., 2017).

    Args:
        mix: where on the lines, (B, 1) in [0, 1]; drawn if not given.
    """
    if mix is None:
        mix = torch.rand(len(data_pair[1]), 1, dtype=data_pair[1].dtype, device=data_pair[1].device)
    z = torch.lerp(model_pair[1], data_pair[1], mix).requires_grad_()
    x = torch.lerp(model_pair[0], data_pair[0], mix.view(-1, 1, 1, 1)).requires_grad_()
    grad_x, grad_z = torch.autograd.grad(critic(x, z).sum(), (x, z), create_graph=True)
    squared = grad_x.flatten(1).square().sum(1) + grad_z.square().sum(1)
    return ((squared + 1e-12).sqrt() - 1).square().mean()


def drift(f_model: Tensor, f_data: Tensor) -> Tensor:
    """Return mean f(x, z)^2 + mean f(g(z'), z')^2: keeps the potential, known up to a constant, near 0."""
    return f_model.square().mean() + f_data.square().mean()


MMD_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Factors on the kernel's base scale, summed over, as in the published code: no single width has to be right."""


def mmd(codes: Tensor, prior: Tensor) -> Tensor:
    """Return the unbiased estimate of MMD^2 between two samples of n >= 2 points each, both (n, d); a scalar, may be
    negative.

    The kernel is the sum over MMD_SCALES s of the inverse multiquadratic k(a, b) = C / (C + |a - b|^2) with
    C = 2 d s: twice the dimension is the expected squared distance of two draws of N(0, I).
    Source: Tolstikhin et al., Wasserstein Auto-Encoders, ICLR 2018, algorithm 2 and section 4.
    """
    n, d = codes.shape
    distances = pairwise_distances(torch.cat([codes, prior])).square()
    squared = (distances[:n, :n], distances[n:, n:], distances[:n, n:])
    total = codes.new_zeros(())
    for scale in MMD_SCALES:
        c = 2.0 * d * scale
        within, prior_within, across = (c / (c + pairs) for pairs in squared)
        same = within.sum() - within.diagonal().sum() + prior_within.sum() - prior_within.diagonal().sum()
        total = total + same / (n * (n - 1)) - 2 * across.mean()
    return total
