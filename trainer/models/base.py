"""The interface of every model, so that every page works with every model."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from trainer.data.imageset import ImageSet

LOG_VAR_LIMIT = 8.0
"""log sigma^2 stays inside (-8, 8): exp() can neither overflow nor vanish, which is what turned trials to NaN."""

SMALLEST_NORM = 1e-6
"""|x| of a black picture counts as this: its relative error is then large, not infinite."""


class LatentModel(nn.Module, ABC):
    """Encoder q(z|x) = N(mu(x), diag sigma^2(x)), decoder x = g(z) and prior pi(z).

    Images are float in [0, 1], shape (B, C, H, W); codes are float, shape (B, z_dim).

    Attributes:
        image_shape: (C, H, W) of the model's input.
        z_dim: number of latent axes.
        prior: the prior module (trainer/models/priors.py); `prior.kind` names its family.
        needs_training_set: whether `finalise` measures the pictures it is given.
    """

    needs_training_set = False

    image_shape: tuple[int, int, int]
    z_dim: int
    prior: nn.Module

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @abstractmethod
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the posterior mean and log variance, each (B, z_dim)."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Return pictures g(z), (B, C, H, W), in [0, 1]."""

    def sample_prior(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Return n draws from pi(z), (n, z_dim)."""
        return self.prior.sample(n, generator)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return g(mu(x)), the picture of the posterior mean, (B, C, H, W)."""
        return self.decode(self.encode(x)[0])

    def ood_scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return out-of-distribution scores by name, each (B,); a larger score is more out-of-distribution.

        Every model has "reconstruction error" = |x - g(mu)|^2 / 2, which grows with the amount of ink, and
        "relative error" = |x - g(mu)| / |x|, which does not.
        """
        mu, _ = self.encode(x)
        return self.scores_from(x, mu, self.decode(mu))

    def scores_from(self, x: Tensor, mu: Tensor, reconstruction: Tensor) -> dict[str, Tensor]:
        """Return ood_scores of encoded pictures: mu = mu(x), (B, z_dim), reconstruction = g(mu)."""
        squared = (x - reconstruction).square().flatten(1).sum(1)
        length = x.flatten(1).norm(dim=1).clamp_min(SMALLEST_NORM)
        return {"reconstruction error": 0.5 * squared, "relative error": squared.sqrt() / length}

    def finalise(self, images: ImageSet) -> None:
        """Store what the model needs besides its weights: statistics of the prior, or of the training pictures.

        Called before every checkpoint: with a sample of the training set for models that say `needs_training_set`, and
        once more with all of it; with no pictures for the others. Neither weights, mode nor the global random
        generator change.
        """
        self.prior.calibrate()


@contextlib.contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Put modules into evaluation mode inside the context, every module's own mode afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def bounded_log_var(raw: Tensor) -> Tensor:
    """Return the limit * tanh(raw / limit): the identity near 0, smooth and inside +-LOG_VAR_LIMIT everywhere."""
    return LOG_VAR_LIMIT * torch.tanh(raw / LOG_VAR_LIMIT)


def posterior_sample(mu: Tensor, log_var: Tensor) -> Tensor:
    """Return z = mu + sigma eps, eps ~ N(0, I): the reparameterised draw from q(z|x), (B, z_dim)."""
    return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
