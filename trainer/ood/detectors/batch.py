"""Pictures as detectors are given them."""

from functools import cached_property

import numpy as np
from torch import Tensor

from trainer.models.base import LatentModel
from trainer.ood.detectors.base import Known
from trainer.ood.detectors.likelihood import negative_log_likelihood


class Batch:
    """Pictures, float (B, C, H, W) in [0, 1], with their codes; what several detectors need is computed once."""

    def __init__(self, model: LatentModel, x: Tensor, known: Known):
        self.model, self.x, self.known = model, x, known

    @cached_property
    def posterior(self) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance, each (B, z_dim)."""
        return self.model.encode(self.x)

    @cached_property
    def codes(self) -> np.ndarray:
        """Posterior means, float64 (B, z_dim)."""
        return self.posterior[0].cpu().double().numpy()

    @cached_property
    def bits(self) -> Tensor:
        """-log2 p(x), (B,)."""
        return negative_log_likelihood(self.model, self.x, *self.posterior, self.known.variance)
