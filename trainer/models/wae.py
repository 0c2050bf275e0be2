"""The Wasserstein autoencoder with a deterministic encoder (Tolstikhin et al., ICLR 2018), on the same networks."""

import torch
from torch import Tensor

from trainer.models.base import LOG_VAR_LIMIT
from trainer.models.vae import Autoencoder


class WAE(Autoencoder):
    """Prior N(0, I), codes without noise; its objective pulls their distribution to the prior."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The code and, since it has no noise, the smallest log variance there is, each (B, z_dim)."""
        mu, _ = self.encoder(x)
        return mu, torch.full_like(mu, -LOG_VAR_LIMIT)
