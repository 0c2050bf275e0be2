"""Objectives of the models beside the GWAE: VAE and beta-VAE, WAE-MMD, DAGMM."""

from torch import Tensor

from trainer.config import OptimConfig
from trainer.models.dagmm import mixture_energy, mixture_moments
from trainer.training import losses
from trainer.training.objectives.base import Objective, Terms


def negative_elbo(objective: Objective, x: Tensor, beta: float) -> Terms:
    """Return L_W + beta KL(q(z|x) || N(0, I)) of the images (B, C, H, W), with a unit-variance Gaussian likelihood, and
    the contours' error where it has a weight.
    """
    mu, log_var = objective.encode(x)
    z = objective.posterior_sample(mu, log_var)
    reconstruction = losses.reconstruction(x, objective.decode(z))
    kl = losses.kl_to_standard_normal(mu, log_var)
    terms = {"loss": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}
    return objective.with_contours(terms, x, z)


def falling_beta(optim: OptimConfig, step: int, end: float) -> float:
    """Return beta after so many steps: geometrically from optim.warmup_beta, default `end`, to `end` after the warm-up.

    The capacity then rises as in Burgess et al., *Understanding disentangling in beta-VAE*, 2018.
    """
    begin = optim.warmup_beta or end
    share = min(1.0, step / max(1, optim.warmup_steps))
    return begin ** (1 - share) * end**share


class VAEObjective(Objective):
    """Negative (beta-)ELBO with a unit-variance Gaussian likelihood: L_W + beta KL(q(z|x) || N(0, I))."""

    def terms(self, x: Tensor, player: str) -> Terms:
        """Return terms of a batch of images (B, C, H, W)."""
        beta, optim = self.settings.objective.beta, self.settings.optim
        return negative_elbo(self, x, beta if optim.warmup_beta is None else falling_beta(optim, self.step, beta))


class WAEObjective(Objective):
    """L_W + lambda MMD^2(q(z), N(0, I)) with codes without noise (Tolstikhin et al., ICLR 2018, algorithm 2)."""

    def terms(self, x: Tensor, player: str) -> Terms:
        """Return terms of a batch of images (B, C, H, W); a batch of one has no discrepancy to speak of."""
        codes, _ = self.encode(x)
        reconstruction = losses.reconstruction(x, self.decode(codes))
        codes = self.share.whole(codes)
        drawn = self.model.sample_prior(len(codes))
        mmd = losses.mmd(codes, drawn) if len(codes) > 1 else codes.new_zeros(())
        loss = reconstruction + self.settings.objective.lambda_mmd * mmd
        return {"loss": loss, "reconstruction": reconstruction, "mmd": mmd}


class DAGMMObjective(Objective):
    """L_W + lambda_1 mean E(z) + lambda_2 sum_kd 1 / Sigma_kdd (Zong et al., ICLR 2018, eq. 7).

    The moments are those of the batch while training, those stored with the model otherwise.
    """

    def terms(self, x: Tensor, player: str) -> Terms:
        """Return terms of a batch of images (B, C, H, W)."""
        model, weights, stored = self.model, self.settings.dagmm, self.model.prior
        mu, _ = self.encode(x)
        reconstructed = self.decode(mu)
        # Thin covariances need the digits of float64.
        features = self.share.whole(model.features(x, mu, reconstructed)).double()
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
