"""The Gromov-Wasserstein autoencoder (Nakagawa et al., ICLR 2023)."""

import math

import torch
from torch import Tensor, nn

from trainer.config import Config
from trainer.models.networks import Critic
from trainer.models.vae import Autoencoder

INITIAL_DISTANCE_SCALE = 2.5
"""C at the start: pairs of 64x64 faces are about 2.5 times as far apart as pairs of 64-dimensional codes."""


class GWAE(Autoencoder):
    """Autoencoder with a trainable prior, the critic f(x, z) and the distance coefficient C = exp(log_scale)."""

    def __init__(self, settings: Config):
        super().__init__(settings)
        self.critic = Critic(self.image_shape, self.z_dim, settings.model.critic_width)
        self.log_scale = nn.Parameter(torch.tensor(math.log(INITIAL_DISTANCE_SCALE)))

    def scores_from(self, x: Tensor, mu: Tensor, reconstruction: Tensor) -> dict[str, Tensor]:
        """Add the Kantorovich potential as published, f(g(mu), mu), and on the picture itself, f(x, mu).

        Both are deterministic; the published code scores g(z) of a sampled z.
        """
        scores = super().scores_from(x, mu, reconstruction)
        scores["potential f(g(mu), mu)"] = self.critic(reconstruction, mu)
        scores["potential f(x, mu)"] = self.critic(x, mu)
        return scores
