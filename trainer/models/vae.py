"""The variational autoencoder (Kingma & Welling, 2014) with beta (Higgins et al., 2017), on the same networks."""

import torch
from torch import Tensor

from trainer.config import Config
from trainer.models import priors
from trainer.models.base import LOG_VAR_LIMIT, LatentModel
from trainer.models.networks import Decoder, Encoder


class Autoencoder(LatentModel):
    """Encoder, decoder and prior as configured; what GWAE and VAE have in common."""

    def __init__(self, settings: Config):
        super().__init__()
        data, model = settings.data, settings.model
        self.image_shape = data.shape
        self.z_dim = model.z_dim
        self.encoder = Encoder(self.image_shape, model.z_dim, model.width, model.inverse_sigmoid)
        self.decoder = Decoder(self.image_shape, model.z_dim, model.width)
        self.prior = priors.build(settings.prior, model.z_dim)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the posterior mean and log variance, each (B, z_dim)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """Return g(z), (B, C, H, W), in [0, 1]."""
        return self.decoder(z)

    def scores_from(self, x: Tensor, mu: Tensor, reconstruction: Tensor) -> dict[str, Tensor]:
        """Return the reconstruction error and, where the prior has a density, its negative log at mu(x)."""
        scores = super().scores_from(x, mu, reconstruction)
        if hasattr(self.prior, "log_prob"):
            scores["prior"] = -self.prior.log_prob(mu)
        return scores


class Deterministic(Autoencoder):
    """An autoencoder whose codes have no noise."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the code and, since it has no noise, the smallest log variance there is, each (B, z_dim)."""
        mu, _ = self.encoder(x)
        return mu, torch.full_like(mu, -LOG_VAR_LIMIT)


class VAE(Autoencoder):
    """The control: same networks, prior N(0, I), trained on the (beta-)ELBO (training/objectives/controls.py)."""
