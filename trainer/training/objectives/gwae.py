"""The two players of the GWAE and what each minimises."""

import torch
from torch import Tensor

from trainer.config import Config
from trainer.models.gwae import GWAE
from trainer.models.networks import normalised
from trainer.training import losses
from trainer.training.objectives.base import Objective, Terms
from trainer.training.objectives.controls import falling_beta, negative_elbo


class GWAEObjective(Objective):
    """The two players of the GWAE: autoencoder with prior and C ('main'), and the critic ('critic').

    'warmup' is the main player before the prior and the critic join: a VAE whose beta ends where it gives the
    posterior's entropy the same weight as lambda_h does, so that nothing jumps afterwards. It may begin higher
    (optim.warmup_beta).
    """

    has_critic = True

    def __init__(self, model: GWAE, settings: Config):
        super().__init__(model, settings)
        self.weights, self.optim = settings.objective, settings.optim

    @property
    def warmup_beta(self) -> float:
        """Beta at this step of the warm-up."""
        return falling_beta(self.optim, self.step, end=2 * self.weights.lambda_h)

    def main_parameters(self) -> list[dict]:
        """Return optimiser groups of the main player: encoder, decoder and C; the prior with its own scale."""
        model = self.model
        own = [*model.encoder.parameters(), *model.decoder.parameters(), model.log_scale, *self._contour_parameters()]
        prior = list(model.prior.parameters())
        groups = [{"params": own, "scale": 1.0}]
        return [*groups, {"params": prior, "scale": self.optim.prior_lr_scale}] if prior else groups

    def critic_parameters(self) -> list[dict]:
        """Return the optimiser group of the critic."""
        return [{"params": list(self.model.critic.parameters()), "scale": 1.0}]

    def terms(self, x: Tensor, player: str) -> Terms:
        """Return terms of a batch of images (B, C, H, W) for the named player."""
        if player == "critic":
            return self._critic_terms(x)
        if player == "warmup":
            return negative_elbo(self, x, beta=self.warmup_beta)
        return self._main_terms(x)

    def _main_terms(self, x: Tensor) -> Terms:
        model, weights, share, n = self.model, self.weights, self.share, len(x)
        mu, log_var = self.encode(x)
        z_data = self.posterior_sample(mu, log_var)
        z_whole, ones = model.prior.sample_weighted(share.size * n)
        z_model = share.rows(z_whole)
        # One decoder pass for both halves: fewer, larger matrix products.
        reconstructed, generated = self.decode(torch.cat([z_data, z_model])).split(n)
        terms = {
            "gw": losses.gromov_wasserstein(z_whole, share.whole(generated), model.log_scale, ones),
            "reconstruction": losses.reconstruction(x, reconstructed),
            "critic gap": self._gap(x, z_data, generated, z_model, None if ones is None else share.rows(ones)),
            "entropy": losses.entropy_regulariser(log_var),
        }
        loss = (
            weights.lambda_gw * terms["gw"]
            + weights.lambda_w * terms["reconstruction"]
            + weights.lambda_d * terms["critic gap"]
            + weights.lambda_h * terms["entropy"]
        )
        if weights.lambda_p:
            terms["prior"] = model.prior.cross_entropy(z_data)
            loss = loss + weights.lambda_p * terms["prior"]
        return self.with_contours({"loss": loss, **terms}, x, z_data)

    def _gap(self, x: Tensor, z_data: Tensor, generated: Tensor, z_model: Tensor, ones: Tensor | None) -> Tensor:
        """L_D; the critic's features of the data need no graph, only their codes do."""
        with normalised(self.model.critic):  # the critic's weights are frozen here
            model_features = self._features(generated)
            with torch.no_grad():
                data_features = self._features(x)
            features = torch.cat([model_features, data_features])
            f_model, f_data = self.model.critic.potential(features, torch.cat([z_model, z_data])).split(len(x))
        return losses.potential_gap(f_model, f_data, ones)

    def _critic_terms(self, x: Tensor) -> Terms:
        share, n = self.share, len(x)
        with torch.no_grad():
            z_data = self.posterior_sample(*self.encode(x))
            z_model = share.rows(self.model.sample_prior(share.size * n))
            generated = self.decode(z_model)
        with normalised(self.model.critic):
            f_model, f_data = self._potential(torch.cat([generated, x]), torch.cat([z_model, z_data])).split(n)
            pairs = (generated, z_model), (x, z_data)
            penalty = losses.gradient_penalty(self._potential, *pairs, mix=share.uniform(z_data))
        gap, drift = losses.potential_gap(f_model, f_data), losses.drift(f_model, f_data)
        loss = -gap + self.weights.gradient_penalty * penalty + self.weights.drift * drift
        return {"loss": loss, "potential gap": gap, "gradient penalty": penalty}

    def _potential(self, x: Tensor, z: Tensor) -> Tensor:
        return self.model.critic.potential(self._features(x), z)

    def _features(self, x: Tensor) -> Tensor:
        """The critic's features of pictures, float32, (B, BRANCH)."""
        with self.reduced():
            return self.model.critic.image(x).float()
