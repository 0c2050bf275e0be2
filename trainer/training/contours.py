"""Contours: a second thing that a code has to tell, so that size and form of objects weigh as much as their colours.

Squared differences of pixels are mostly differences of hue, and they mix size and form: the two directions in which a
picture of 3D Shapes changes most with them are sums and differences of both (`python -m tests.benchmarks.contours`).
In squared differences of contours, the two are apart.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer import models
from trainer.config import Config
from trainer.models.networks import Decoder

FAINT = 1e-4
"""A squared gradient that counts as none; below, the fourth root would make noise a contour."""
BLURS = 6
"""Means of 2x2 pixels, one after the other: binomial weights over 7 pixels. Contours a pixel apart are then alike."""


def contours(x: Tensor) -> Tensor:
    """Return blurred square roots of gradient lengths of pictures (B, C, H, W) in [0, 1]: (B, 1, H, W), in [0, 1].

    |gradient|^2 is the mean over channels and both directions; the root makes a faint contour count like a strong one.
    """
    down, right = x.diff(dim=2).square(), x.diff(dim=3).square()
    squared = functional.pad(down, (0, 0, 0, 1)) + functional.pad(right, (0, 1))
    roots = (squared.mean(1, keepdim=True) / 2 + FAINT) ** 0.25 - FAINT**0.25
    blurred = functional.pad(roots, (BLURS // 2,) * 4, mode="replicate")
    for _ in range(BLURS):
        blurred = functional.avg_pool2d(blurred, 2, stride=1)
    return blurred


def decoder(settings: Config) -> nn.Module | None:
    """Return the decoder that draws contours from codes, seeded by `settings.seed`; None if they have no weight."""
    if not settings.objective.lambda_c:
        return None
    _, size, _ = settings.data.shape
    with models.seeded(settings.seed):
        made = Decoder((1, size, size), settings.model.z_dim, settings.model.width)
    return made.to(memory_format=torch.channels_last)
