"""What all objectives share: which arithmetic they use, and which part of the batch they see."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from trainer.config import Config
from trainer.models.base import LatentModel
from trainer.training import contours, losses
from trainer.training.distributed import ALONE, Share
from trainer.training.precision import Context

Terms = dict[str, Tensor]
"""Named scalars; 'loss' is the one to differentiate, the others are for the record."""


class Objective(nn.Module):
    """What the players of a training minimise on a batch; one module, so that Lightning Fabric can wrap it.

    Encoder, decoder and the critic's picture branch, which are nearly all of the arithmetic, run in the precision that
    the training asks for; everything else in float32, above all the distances of L_GW, whose digits are the
    difference of large numbers. Evaluation is in float32 throughout, and of one process.

    Args:
        model: the trained model.
        settings: its configuration.
    """

    has_critic = False

    def __init__(self, model: LatentModel, settings: Config):
        super().__init__()
        self.model, self.settings = model, settings
        self.contours = contours.decoder(settings)
        self.step = 0
        """Where the training stands; the loop keeps it."""
        self._share = ALONE
        self._reduced: Context = contextlib.nullcontext
        self._reduced_forward: Context = contextlib.nullcontext
        self._encode, self._decode = model.encode, model.decode
        self._kept: tuple[Tensor, Tensor] | None = None

    @contextlib.contextmanager
    def encoded(self, x: Tensor) -> Iterator[None]:
        """Return a context of steps on the same pictures: `encode` returns what one pass gives, with its graph.

        The encoder must not change before the last of them.
        """
        self._kept = self.encode(x)
        try:
            yield
        finally:
            self._kept = None

    def on(self, share: Share, reduced: Context, compiled: bool, forward: Context | None = None) -> None:
        """Say how the training computes.

        Args:
            share: this process's part of the batch.
            reduced: context in which networks compute in the training's precision.
            compiled: whether encoder and decoder go through torch.compile. The critic does not: its gradient penalty
                differentiates twice, which compiled functions cannot.
            forward: likewise for passes without gradients; the same if not given.
        """
        self._share, self._reduced, self._reduced_forward = share, reduced, forward or reduced
        if compiled:
            self._encode, self._decode = torch.compile(self.model.encode), torch.compile(self.model.decode)

    def main_parameters(self) -> list[dict]:
        """Return optimiser groups of the main player, each with a `scale` of the learning rate."""
        return [{"params": [*self.model.parameters(), *self._contour_parameters()], "scale": 1.0}]

    def forward(self, x: Tensor, player: str = "main") -> Terms:
        """Return terms of the images (B, C, H, W), B those of this process, for the named player."""
        with torch.autocast(x.device.type, enabled=False):
            return self.terms(x, player)

    def terms(self, x: Tensor, player: str) -> Terms:
        """What `forward` returns, in float32 where it does not say otherwise."""
        raise NotImplementedError

    @property
    def share(self) -> Share:
        """This process's part of the batch; in evaluation every process is alone."""
        return self._share if self.training else ALONE

    def reduced(self) -> contextlib.AbstractContextManager:
        """Return the context of the training's precision; float32 in evaluation."""
        if not self.training:
            return contextlib.nullcontext()
        return self._reduced() if torch.is_grad_enabled() else self._reduced_forward()

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the posterior mean and log variance, float32, each (B, z_dim)."""
        if self._kept is not None:
            return self._kept
        with self.reduced():
            mu, log_var = self._encode(x)
        return mu.float(), log_var.float()

    def decode(self, z: Tensor) -> Tensor:
        """Return pictures g(z), float32, (B, C, H, W)."""
        with self.reduced():
            return self._decode(z).float()

    def with_contours(self, terms: Terms, x: Tensor, z: Tensor) -> Terms:
        """Return terms of images (B, C, H, W) and their codes (B, z_dim) with that of their contours, if it counts."""
        if self.contours is None:
            return terms
        with self.reduced():
            drawn = self.contours(z)
        error = losses.reconstruction(contours.contours(x), drawn.float())
        return {**terms, "loss": terms["loss"] + self.settings.objective.lambda_c * error, "contours": error}

    def _contour_parameters(self) -> list[nn.Parameter]:
        return [] if self.contours is None else list(self.contours.parameters())

    def posterior_sample(self, mu: Tensor, log_var: Tensor) -> Tensor:
        """Return z = mu + sigma eps, (B, z_dim), the same eps for the same row however many processes there are."""
        return mu + torch.exp(0.5 * log_var) * self.share.normal(mu)
