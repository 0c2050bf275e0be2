"""The deep autoencoding Gaussian mixture model (Zong et al., ICLR 2018) on the networks of the other models.

Feature of a picture x with code z_c = mu(x) and reconstruction x' = g(z_c), D = z_dim + 2 numbers:

    z = [z_c, |x - x'| / |x|, cos(x, x')]

An estimation network gives soft memberships gamma = softmax(MLP(z)); phi_k, mu_k and Sigma_k are the gamma-weighted
moments of z, and a picture's energy is E(z) = -log sum_k phi_k N(z; mu_k, Sigma_k). While training, the moments are
those of the batch, as in the paper; scores and validation use those of the training set, which `finalise` stores.
"""

import math

import torch
from torch import Tensor, nn

from trainer.config import Config
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.models.base import SMALLEST_NORM, evaluation
from trainer.models.priors import Mixture, standard_normal
from trainer.models.vae import Deterministic

BATCH = 200


def mixture_moments(z: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Soft-membership moments: phi_k = N_k / N with N_k = sum_i gamma_ik, mu_k and Sigma_k weighted by gamma_ik / N_k.

    Args:
        z: features, (N, D).
        gamma: memberships, (N, K), rows sum to 1.

    Returns: phi (K,), mu (K, D), sigma (K, D, D).
    """
    size = gamma.sum(0).clamp_min(1e-12)
    mu = gamma.T @ z / size.unsqueeze(1)
    centred = z.unsqueeze(0) - mu.unsqueeze(1)  # (K, N, D)
    sigma = (gamma.T.unsqueeze(2) * centred).mT @ centred / size.view(-1, 1, 1)
    return gamma.mean(0), mu, sigma


def component_log_density(z: Tensor, phi: Tensor, mu: Tensor, sigma: Tensor, jitter: float) -> Tensor:
    """Return log phi_k + log N(z; mu_k, Sigma_k + jitter I), (B, K), computed in float64 by Cholesky factors.

    Raises: UserError if a covariance is not positive definite or not finite, naming the component.
    """
    z, phi, mu, sigma = (tensor.double() for tensor in (z, phi, mu, sigma))
    d = z.shape[1]
    covariance = sigma + jitter * torch.eye(d, dtype=z.dtype, device=z.device)
    cholesky, failed = torch.linalg.cholesky_ex(covariance)  # (K, D, D)
    failed = failed.bool() | ~cholesky.flatten(1).isfinite().all(1)
    if failed.any():
        component = int(failed.nonzero()[0])
        raise UserError(
            f"The covariance of mixture component {component} is singular or not finite; "
            "raise dagmm.jitter, or lower prior.components or optim.lr, and train again."
        )
    whitened = torch.linalg.solve_triangular(cholesky, (z.unsqueeze(0) - mu.unsqueeze(1)).mT, upper=False)  # (K, D, B)
    log_det = cholesky.diagonal(dim1=1, dim2=2).log().sum(1)
    log_normal = -0.5 * (whitened.square().sum(1) + d * math.log(2 * math.pi)) - log_det.unsqueeze(1)
    return (phi.clamp_min(1e-300).log().unsqueeze(1) + log_normal).T


def mixture_energy(z: Tensor, phi: Tensor, mu: Tensor, sigma: Tensor, jitter: float) -> Tensor:
    """Return E(z) = -log sum_k phi_k N(z; mu_k, Sigma_k + jitter I), (B,), float64; errors as component_log_density."""
    return -component_log_density(z, phi, mu, sigma, jitter).logsumexp(1)


class CodeMixture(Mixture):
    """The mixture over features as stored with the model, and its marginal over the code as the prior pi(z).

    A mixture's marginal is the mixture of the marginals, so the first z_dim entries of mu_k and Sigma_k are enough.
    Until `store`, each component is N(0, I); without pictures there is nothing to `calibrate`.
    """

    def __init__(self, z_dim: int, features: int, components: int, jitter: float):
        super().__init__()
        self.z_dim, self.components, self.jitter = z_dim, components, jitter
        self.register_buffer("phi", torch.full((components,), 1 / components))
        self.register_buffer("mu", torch.zeros(components, features))
        self.register_buffer("sigma", torch.eye(features).repeat(components, 1, 1))

    def store(self, phi: Tensor, mu: Tensor, sigma: Tensor) -> None:
        """Keep the moments (K,), (K, D), (K, D, D)."""
        for buffer, value in ((self.phi, phi), (self.mu, mu), (self.sigma, sigma)):
            buffer.copy_(value)

    def energy(self, features: Tensor) -> Tensor:
        """Return the energy of features (B, D) under the stored moments, (B,), float64."""
        return mixture_energy(features, self.phi, self.mu, self.sigma, self.jitter)

    def weights(self) -> Tensor:
        """Return phi, (K,)."""
        return self.phi

    def means(self) -> Tensor:
        """Return component means of the code, (K, z_dim)."""
        return self.mu[:, : self.z_dim]

    def covariances(self) -> Tensor:
        """Return component covariances of the code, (K, z_dim, z_dim), jitter included."""
        eye = torch.eye(self.z_dim, device=self.sigma.device)
        return self.sigma[:, : self.z_dim, : self.z_dim] + self.jitter * eye

    def component_log_prob(self, z: Tensor) -> Tensor:
        """Return log phi_k + log N(z; mean_k, covariance_k), (B, K)."""
        return component_log_density(z, self.phi, self.means(), self.covariances(), 0.0).to(z.dtype)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, z_dim) draws of the code's marginal."""
        device = generator.device if generator is not None else self.phi.device
        uniform = torch.rand(n, generator=generator, device=device).to(self.phi.device)
        chosen = torch.searchsorted(self.phi.cumsum(0), uniform).clamp_max(self.components - 1)
        eps = standard_normal(n, self.z_dim, generator, self.mu)
        scales = torch.linalg.cholesky(self.covariances())
        return self.means()[chosen] + torch.einsum("nij,nj->ni", scales[chosen], eps)

    def sample_component(self, k: int, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, z_dim) draws of component k alone."""
        eps = standard_normal(n, self.z_dim, generator, self.mu)
        return self.means()[k] + eps @ torch.linalg.cholesky(self.covariances()[k]).T


class DAGMM(Deterministic):
    """Autoencoder with a deterministic code, the estimation network, and the mixture over [code, errors]."""

    needs_training_set = True

    def __init__(self, settings: Config):
        super().__init__(settings)
        own, components = settings.dagmm, settings.prior.components
        features = self.z_dim + 2
        self.prior = CodeMixture(self.z_dim, features, components, own.jitter)
        self.estimation = nn.Sequential(
            nn.Linear(features, own.width), nn.Tanh(), nn.Dropout(own.dropout), nn.Linear(own.width, components)
        )

    def features(self, x: Tensor, mu: Tensor, reconstruction: Tensor) -> Tensor:
        """Return [z_c, |x - x'| / |x|, cos(x, x')], (B, z_dim + 2)."""
        x, y = x.flatten(1), reconstruction.flatten(1)
        length = x.norm(dim=1).clamp_min(SMALLEST_NORM)
        relative = (x - y).norm(dim=1) / length
        cosine = (x * y).sum(1) / (length * y.norm(dim=1).clamp_min(SMALLEST_NORM))
        return torch.cat([mu, relative.unsqueeze(1), cosine.unsqueeze(1)], dim=1)

    def memberships(self, features: Tensor) -> Tensor:
        """Return gamma = softmax(MLP(z)), (B, K)."""
        return self.estimation(features).softmax(1)

    def scores_from(self, x: Tensor, mu: Tensor, reconstruction: Tensor) -> dict[str, Tensor]:
        """Add the energy under the moments of the training set."""
        scores = super().scores_from(x, mu, reconstruction)
        scores["energy"] = self.prior.energy(self.features(x, mu, reconstruction)).to(mu.dtype)
        return scores

    @torch.no_grad()
    def finalise(self, images: ImageSet) -> None:
        """Store the moments of the pictures' features under the memberships of evaluation mode."""
        pieces = []
        with evaluation(self):
            for start in range(0, len(images), BATCH):
                x = images.float_batch(slice(start, start + BATCH)).to(self.device)
                mu, _ = self.encode(x)
                pieces.append(self.features(x, mu, self.decode(mu)))
            features = torch.cat(pieces)
            self.prior.store(*mixture_moments(features.double(), self.memberships(features).double()))
