"""The four prior families pi(z): differentiable samplers whose samples have zero mean and unit variance per axis.

Source: Nakagawa et al., ICLR 2023, section 3.3 and appendix. Every sampler is standardised so that the learned
distance coefficient C alone carries the scale between latent and data distances.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.config import PriorConfig
from trainer.models.networks import interleaved

CALIBRATION = 16_384
"""Samples from which the stored statistics of a neural prior are computed."""
VARIANCE_FLOOR = 1e-6
"""Added to every component's covariance in the density of a mixture, so that a collapsed one stays finite."""
STANDARDISE_EPS = 1e-8
KERNELS = 256
"""Draws of the prior behind a kernel estimate of its density while training; four times as many otherwise."""
BANDWIDTH = 0.1
"""Width of the kernels on axes of unit variance: about that of a posterior, so that draws of codes see no gaps."""
SILU_GAIN = 1.68
"""1 / sqrt(E[SiLU(u)^2]) for u ~ N(0, 1)."""


def standard_normal(n: int, d: int, generator: torch.Generator | None, like: Tensor) -> Tensor:
    """Return (n, d) draws of N(0, I) on the device of `like`; a generator's own device decides where they are made."""
    device = generator.device if generator is not None else like.device
    return torch.randn(n, d, generator=generator, device=device).to(like.device)


def standard_log_prob(z: Tensor) -> Tensor:
    """Return log N(z; 0, I) of codes (B, z_dim), shape (B,)."""
    return -0.5 * (z.square().sum(1) + z.shape[1] * math.log(2 * math.pi))


class Prior(nn.Module):
    """What all families share."""

    kind: str
    z_dim: int

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, z_dim) draws, differentiable in whatever they depend on smoothly."""
        raise NotImplementedError

    def sample_weighted(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor | None]:
        """Return draws with the weights (n,) that their terms need in a loss, for the sake of the gradient.

        None where the samples alone carry the whole gradient.
        """
        return self.sample(n, generator), None

    def cross_entropy(self, z: Tensor) -> Tensor:
        """Return the mean of -log pi(z) over codes (B, z_dim), in nats."""
        return -self.log_prob(z).mean()

    def calibrate(self) -> None:
        """Measure the stored statistics, where a family has any."""


class NormalPrior(Prior):
    """pi(z) = N(0, I), the control."""

    kind = "normal"

    def __init__(self, z_dim: int):
        super().__init__()
        self.z_dim = z_dim
        self.register_buffer("anchor", torch.zeros(0), persistent=False)  # knows the device

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, z_dim) draws."""
        return standard_normal(n, self.z_dim, generator, self.anchor)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return log N(z; 0, I), shape (B,)."""
        return standard_log_prob(z)


class _PushForward(Prior):
    """z = standardise(h(eps)), eps ~ N(0, I): batch statistics while training, stored ones otherwise.

    h has four layers of width 4 z_dim, with SiLU between them. Only calibrate() writes the stored statistics, so that
    sampling for the critic's step leaves the prior untouched. The published code keeps running ones, whose momentum of
    0.5 remembers two batches.
    """

    def __init__(self, z_dim: int):
        super().__init__()
        self.z_dim = z_dim
        self.norm = nn.BatchNorm1d(z_dim, eps=STANDARDISE_EPS, affine=False)
        width = 4 * z_dim
        self.net = interleaved(nn.SiLU, *(self.layer(*pair) for pair in pairwise((z_dim, width, width, width, z_dim))))
        # Weights under which SiLU layers pass variance on. PyTorch's default shrinks it about tenfold a layer: an axis
        # of FNP, four units wide, would start with a variance down to 1e-10, a constant that no standardisation brings
        # back.
        for layer in self.net[::2]:
            nn.init.normal_(layer.weight, std=SILU_GAIN / math.sqrt(layer.weight[0].numel()))

    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """A layer of h."""
        raise NotImplementedError

    def transport(self, eps: Tensor) -> Tensor:
        """h(eps), (n, z_dim), before standardisation."""
        return self.net(eps)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, z_dim) draws; in training mode n must be at least 2."""
        raw = self.transport(standard_normal(n, self.z_dim, generator, self.norm.running_mean))
        if self.training:
            return F.batch_norm(raw, None, None, training=True, eps=STANDARDISE_EPS)
        return self.norm(raw)

    @torch.no_grad()
    def calibrate(self) -> None:
        """Store the sampler's mean and variance from 16,384 draws of a fixed seed.

        The generator is private, so training randomness is untouched.
        """
        generator = torch.Generator().manual_seed(0)
        raw = self.transport(standard_normal(CALIBRATION, self.z_dim, generator, self.norm.running_mean))
        self.norm.running_mean.copy_(raw.mean(0))
        self.norm.running_var.copy_(raw.var(0))


class NeuralPrior(_PushForward):
    """NP: h is an MLP."""

    kind = "np"

    def cross_entropy(self, z: Tensor) -> Tensor:
        """Return that under N(0, I), the Gaussian of the samples' moments: this prior has no density of its own.

        What it is for is to keep the codes at the scale of the samples. L_D alone does not: without this term codes of
        faces drift to twice that scale, where the prior never is (docs/results.md).
        """
        return -standard_log_prob(z).mean()

    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """Return a layer of h."""
        return nn.Linear(inputs, outputs)


class FactorisedPrior(_PushForward):
    """FNP: z_j = h_j(eps_j) by grouped 1x1 convolutions of width 4, so the coordinates are independent."""

    kind = "fnp"

    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """Return a layer of all h_j."""
        return nn.Conv1d(inputs, outputs, 1, groups=self.z_dim)

    def transport(self, eps: Tensor) -> Tensor:
        """Return h(eps), (n, z_dim), before standardisation."""
        return self.net(eps.unsqueeze(2)).squeeze(2)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return log pi(z), shape (B,), by a Gaussian kernel estimate of each coordinate's density.

        sum_j log (1/m) sum_i N(z_j; s_ij, BANDWIDTH^2) over m draws s_i of the prior: coordinates are independent, so
        a few hundred draws are dense on every axis, whatever z_dim is. The draws are fresh while training and those of
        a fixed seed otherwise. Differentiable in z and in the prior's weights. Not in the paper, whose priors are
        only sampled (ObjectiveConfig.lambda_p).
        """
        if self.training:
            draws = self.sample(KERNELS)
        else:
            draws = self.sample(4 * KERNELS, torch.Generator().manual_seed(0))
        distance = (z.unsqueeze(2) - draws.T.contiguous()) / BANDWIDTH  # (B, z_dim, m): sums run along memory
        log_kernel = -0.5 * distance.square() - math.log(BANDWIDTH * math.sqrt(2 * math.pi))
        return (log_kernel.logsumexp(2) - math.log(len(draws))).sum(1)


class Mixture(Prior):
    """A mixture with a density: what follows from the densities of its components."""

    kind = "gmp"

    def component_log_prob(self, z: Tensor) -> Tensor:
        """Return log w_k + log N(z; mean_k, covariance_k), (B, K)."""
        raise NotImplementedError

    def log_prob(self, z: Tensor) -> Tensor:
        """Return log pi(z), shape (B,)."""
        return self.component_log_prob(z).logsumexp(1)

    def responsibilities(self, z: Tensor) -> Tensor:
        """Return p(k | z), shape (B, K), rows sum to 1."""
        return self.component_log_prob(z).softmax(1)


class MixturePrior(Mixture):
    """GMP: pi(z) = sum_k w_k N(z; c_k, L_k L_k^T) with trainable means, full square matrices and logits.

    With raw parameters m_k, S_k and w = softmax(logits), the raw mixture has the exact moments
    mu = sum_k w_k m_k and s^2 = sum_k w_k (diag(S_k S_k^T) + m_k^2) - mu^2, and code space is
    z = (y - mu) / s. The published code standardises by batch statistics; the exact moments are their limit
    for large batches, cost nothing and make the density in code space exact as well:
    c_k = (m_k - mu) / s, L_k = S_k / s (rows).

    The component k_i of each sample is drawn by Gumbel-max, through which no gradient reaches the logits, and
    standardising alone would pass them a wrong one. Hence sample_weighted(): terms of sample i weighted by
    w_k / stop_gradient(w_k), a 1 whose gradient is that of log w_k, differentiate to the score-function estimator,
    which with the gradient through the sample is the whole gradient of the expected loss, unbiased. Straight-through
    Gumbel-softmax is not: with components apart it moves the weights away from those of the data
    (tests/trainer/models/test_priors.py has the comparison that it fails).
    """

    def __init__(self, z_dim: int, components: int, spread: float = 1.0):
        super().__init__()
        self.z_dim, self.components = z_dim, components
        self.raw_means = nn.Parameter(spread * torch.randn(components, z_dim))
        self.raw_scales = nn.Parameter(torch.eye(z_dim) + 0.01 * torch.randn(components, z_dim, z_dim))
        self.logits = nn.Parameter(torch.zeros(components))

    def weights(self) -> Tensor:
        """Return mixture weights w = softmax(logits), (K,)."""
        return self.logits.softmax(0)

    def _code_space(self, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Means (K, z_dim) and matrices L_k (K, z_dim, z_dim) after standardisation."""
        w = (self.weights() if weights is None else weights).unsqueeze(1)
        mean = (w * self.raw_means).sum(0)
        variance = (w * (self.raw_scales.square().sum(2) + (self.raw_means - mean).square())).sum(0)
        std = variance.clamp_min(VARIANCE_FLOOR).sqrt()
        return (self.raw_means - mean) / std, self.raw_scales / std.unsqueeze(1)

    def means(self) -> Tensor:
        """Return component means in code space, (K, z_dim)."""
        return self._code_space()[0]

    def covariances(self) -> Tensor:
        """Return component covariances L_k L_k^T in code space, (K, z_dim, z_dim)."""
        scales = self._code_space()[1]
        return scales @ scales.mT

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, z_dim) draws, differentiable in means and matrices."""
        return self._draw(self.weights().detach(), n, generator)[0]

    def sample_weighted(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return draws (n, z_dim) and their weights (n,), all 1, with the gradient of the logits.

        The weights are divided by their mean, which subtracts the mean loss as a baseline.
        """
        z, chosen = self._draw(self.weights(), n, generator)
        log_weights = self.logits.log_softmax(0)[chosen]
        ones = (log_weights - log_weights.detach()).exp()
        return z, ones / ones.mean()

    def _draw(self, weights: Tensor, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """(n, z_dim) draws and the component of each, (n,), by Gumbel-max."""
        means, scales = self._code_space(weights)
        eps = standard_normal(n, self.z_dim, generator, means)
        device = generator.device if generator is not None else means.device
        uniform = torch.rand(n, self.components, generator=generator, device=device).to(means.device)
        gumbel = -torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))
        chosen = (weights.detach().log() + gumbel).argmax(1)
        per_component = means + torch.einsum("kij,nj->nki", scales, eps)  # (n, K, z_dim)
        return per_component[torch.arange(n, device=means.device), chosen], chosen

    def sample_component(self, k: int, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, z_dim) draws of component k alone."""
        means, scales = self._code_space()
        return means[k] + standard_normal(n, self.z_dim, generator, means) @ scales[k].T

    def component_log_prob(self, z: Tensor) -> Tensor:
        """Return log w_k + log N(z; c_k, L_k L_k^T + 1e-6 I), shape (B, K)."""
        means, scales = self._code_space()
        # The triangular root by QR of [L_k, 1e-3 I]^T: Cholesky of the product fails in single precision on
        # components that are flat in some direction.
        floor = math.sqrt(VARIANCE_FLOOR) * torch.eye(self.z_dim, device=scales.device, dtype=scales.dtype)
        root = torch.linalg.qr(torch.cat([scales.mT, floor.expand_as(scales)], dim=1)).R.mT  # (K, d, d)
        difference = (z.unsqueeze(1) - means).permute(1, 2, 0)  # (K, d, B)
        whitened = torch.linalg.solve_triangular(root, difference, upper=False)
        log_det = root.diagonal(dim1=1, dim2=2).abs().log().sum(1)  # (K,)
        log_normal = -0.5 * (whitened.square().sum(1) + self.z_dim * math.log(2 * math.pi)) - log_det.unsqueeze(1)
        return (self.logits.log_softmax(0).unsqueeze(1) + log_normal).T

    @torch.no_grad()
    def place(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        """Set the raw mixture to the given weights (K,), means (K, d) and covariances (K, d, d)."""
        self.logits.copy_(weights.log())
        self.raw_means.copy_(means)
        self.raw_scales.copy_(torch.linalg.cholesky(covariances))


def build(settings: PriorConfig, z_dim: int) -> Prior:
    """Return the prior module that the configuration names."""
    if settings.kind == "gmp":
        return MixturePrior(z_dim, settings.components, settings.spread)
    return {"np": NeuralPrior, "fnp": FactorisedPrior, "normal": NormalPrior}[settings.kind](z_dim)
