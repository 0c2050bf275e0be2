"""What each player minimises on a batch: the terms of the main step and of the critic step, by model.

An objective is one module whose forward takes the player's name, so that Lightning Fabric can wrap it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainer import losses
from trainer.config import Config
from trainer.models.base import LatentModel, posterior_sample
from trainer.models.dagmm import DAGMM, mixture_energy, mixture_moments
from trainer.models.gwae import GWAE
from trainer.models.vae import VAE
from trainer.models.wae import WAE

Terms = dict[str, Tensor]
"""Named scalars; 'loss' is the one to differentiate, the others are for the record."""


class VAEObjective(nn.Module):
    """Negative (beta-)ELBO with a unit-variance Gaussian likelihood: L_W + beta KL(q(z|x) || N(0, I))."""

    has_critic = False

    def __init__(self, model: LatentModel, settings: Config):
        super().__init__()
        self.model = model
        self.beta = settings.objective.beta

    def main_parameters(self) -> list[dict]:
        """Optimiser groups of the main player."""
        return [{"params": list(self.model.parameters()), "scale": 1.0}]

    def forward(self, x: Tensor, player: str = "main") -> Terms:
        """Terms of a batch of images (B, C, H, W)."""
        return _elbo(self.model, x, self.beta)


class WAEObjective(nn.Module):
    """L_W + lambda MMD^2(q(z), N(0, I)) with codes without noise (Tolstikhin et al., ICLR 2018, algorithm 2)."""

    has_critic = False

    def __init__(self, model: WAE, settings: Config):
        super().__init__()
        self.model = model
        self.weight = settings.objective.lambda_mmd

    def main_parameters(self) -> list[dict]:
        """Optimiser groups of the main player."""
        return [{"params": list(self.model.parameters()), "scale": 1.0}]

    def forward(self, x: Tensor, player: str = "main") -> Terms:
        """Terms of a batch of images (B, C, H, W); a batch of one has no discrepancy to speak of."""
        codes, _ = self.model.encode(x)
        reconstruction = losses.reconstruction(x, self.model.decode(codes))
        drawn = self.model.sample_prior(len(x))
        mmd = losses.mmd(codes, drawn) if len(x) > 1 else codes.new_zeros(())
        return {"loss": reconstruction + self.weight * mmd, "reconstruction": reconstruction, "mmd": mmd}


class GWAEObjective(nn.Module):
    """The two players of the GWAE: autoencoder with prior and C ('main'), and the critic ('critic').

    'warmup' is the main player before the prior and the critic join: a VAE whose beta ends where it gives the
    posterior's entropy the same weight as lambda_h does, so that nothing jumps afterwards. It may begin higher
    (optim.warmup_beta): the capacity then rises as in Burgess et al., *Understanding disentangling in beta-VAE*, 2018.
    """

    has_critic = True

    def __init__(self, model: GWAE, settings: Config):
        super().__init__()
        self.model = model
        self.weights = settings.objective
        self.prior_lr_scale = settings.optim.prior_lr_scale
        self.optim = settings.optim
        self.step = 0
        """Where the training stands; the loop keeps it."""

    @property
    def warmup_beta(self) -> float:
        """Beta at this step of the warm-up."""
        end = 2 * self.weights.lambda_h
        begin = self.optim.warmup_beta or end
        share = min(1.0, self.step / max(1, self.optim.warmup_steps))
        return begin ** (1 - share) * end**share

    def main_parameters(self) -> list[dict]:
        """Optimiser groups of the main player: encoder, decoder and C; the prior with its own scale."""
        model = self.model
        own = [*model.encoder.parameters(), *model.decoder.parameters(), model.log_scale]
        prior = list(model.prior.parameters())
        groups = [{"params": own, "scale": 1.0}]
        return [*groups, {"params": prior, "scale": self.prior_lr_scale}] if prior else groups

    def critic_parameters(self) -> list[dict]:
        """Optimiser group of the critic."""
        return [{"params": list(self.model.critic.parameters()), "scale": 1.0}]

    def forward(self, x: Tensor, player: str = "main") -> Terms:
        """Terms of a batch of images (B, C, H, W) for the named player."""
        if player == "critic":
            return self._critic_terms(x)
        if player == "warmup":
            return _elbo(self.model, x, beta=self.warmup_beta)
        return self._main_terms(x)

    def _main_terms(self, x: Tensor) -> Terms:
        model, weights, n = self.model, self.weights, len(x)
        mu, log_var = model.encode(x)
        z_data = posterior_sample(mu, log_var)
        z_model, shares = model.prior.sample_weighted(n)
        # One decoder pass for both halves: fewer, larger matrix products.
        reconstructed, generated = model.decode(torch.cat([z_data, z_model])).split(n)
        terms = {
            "gw": losses.gromov_wasserstein(z_model, generated, model.log_scale, shares),
            "reconstruction": losses.reconstruction(x, reconstructed),
            "critic gap": self._gap(x, z_data, generated, z_model, shares),
            "entropy": losses.entropy_regulariser(log_var),
        }
        loss = (
            weights.lambda_gw * terms["gw"]
            + weights.lambda_w * terms["reconstruction"]
            + weights.lambda_d * terms["critic gap"]
            + weights.lambda_h * terms["entropy"]
        )
        if weights.lambda_p:
            terms["prior"] = -model.prior.log_prob(z_data).mean()
            loss = loss + weights.lambda_p * terms["prior"]
        return {"loss": loss, **terms}

    def _gap(self, x: Tensor, z_data: Tensor, generated: Tensor, z_model: Tensor, shares: Tensor | None) -> Tensor:
        """L_D; the critic's features of the data need no graph, only their codes do."""
        critic = self.model.critic
        with nn.utils.parametrize.cached():  # one weight normalisation; the critic's weights are frozen here
            model_features = critic.image(generated)
            with torch.no_grad():
                data_features = critic.image(x)
            features = torch.cat([model_features, data_features])
            f_model, f_data = critic.potential(features, torch.cat([z_model, z_data])).split(len(x))
        return losses.potential_gap(f_model, f_data, shares)

    def _critic_terms(self, x: Tensor) -> Terms:
        model, n = self.model, len(x)
        with torch.no_grad():
            z_data = posterior_sample(*model.encode(x))
            z_model = model.sample_prior(n)
            generated = model.decode(z_model)
        # One weight normalisation for all three passes.
        with nn.utils.parametrize.cached():
            f_model, f_data = model.critic(torch.cat([generated, x]), torch.cat([z_model, z_data])).split(n)
            penalty = losses.gradient_penalty(model.critic, (generated, z_model), (x, z_data))
        gap, drift = losses.potential_gap(f_model, f_data), losses.drift(f_model, f_data)
        loss = -gap + self.weights.gradient_penalty * penalty + self.weights.drift * drift
        return {"loss": loss, "potential gap": gap, "gradient penalty": penalty}


class DAGMMObjective(nn.Module):
    """L_W + lambda_1 mean E(z) + lambda_2 sum_kd 1 / Sigma_kdd (Zong et al., ICLR 2018, eq. 7).

    The moments are those of the batch while training, those stored with the model otherwise.
    """

    has_critic = False

    def __init__(self, model: DAGMM, settings: Config):
        super().__init__()
        self.model = model
        self.weights = settings.dagmm

    def main_parameters(self) -> list[dict]:
        """Optimiser groups of the main player."""
        return [{"params": list(self.model.parameters()), "scale": 1.0}]

    def forward(self, x: Tensor, player: str = "main") -> Terms:
        """Terms of a batch of images (B, C, H, W)."""
        model, weights, stored = self.model, self.weights, self.model.prior
        mu, _ = model.encode(x)
        reconstructed = model.decode(mu)
        features = model.features(x, mu, reconstructed).double()  # thin covariances need the digits
        if model.training:
            moments = mixture_moments(features, model.memberships(features.float()).double())
        else:
            moments = (stored.phi, stored.mu, stored.sigma)
        thin = (moments[2].diagonal(dim1=1, dim2=2) + weights.jitter).reciprocal().sum()
        terms = {
            "reconstruction": losses.reconstruction(x, reconstructed),
            "energy": mixture_energy(features, *moments, weights.jitter).mean().to(x.dtype),
            "covariance": thin.to(x.dtype),
        }
        loss = terms["reconstruction"] + weights.energy * terms["energy"] + weights.covariance * terms["covariance"]
        return {"loss": loss, **terms}


def _elbo(model: LatentModel, x: Tensor, beta: float) -> Terms:
    mu, log_var = model.encode(x)
    reconstruction = losses.reconstruction(x, model.decode(posterior_sample(mu, log_var)))
    kl = losses.kl_to_standard_normal(mu, log_var)
    return {"loss": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}


def build(model: LatentModel, settings: Config) -> nn.Module:
    """The objective that belongs to the model."""
    kinds = {GWAE: GWAEObjective, VAE: VAEObjective, WAE: WAEObjective, DAGMM: DAGMMObjective}
    return kinds[type(model)](model, settings)
