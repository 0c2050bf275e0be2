"""Encoder, decoder and critic; the published 64x64 networks and, with one stage less, the 32x32 set.

Source: Nakagawa et al., ICLR 2023, appendix (network architectures). Differences from the published code: the
log-variance is bounded (base.py), and the inverse sigmoid reads pixels as the centres of their 8-bit bins.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from trainer.models.base import bounded_log_var
from trainer.models.leaky import LeakyReLU

HIDDEN = 256
SMALLEST = 4
"""Height and width of the last feature map of encoder and decoder."""
BRANCH = 64
"""Width of the critic's image and latent features."""


def stage_widths(size: int, width: int) -> list[int]:
    """Return channels per stage, doubling from `width` until the map is 4x4: 64 -> 4 stages, 32 -> 3."""
    stages = (size // SMALLEST).bit_length() - 1
    return [width * 2**stage for stage in range(stages)]


def pixel_logits(x: Tensor) -> Tensor:
    """Return log(p / (1 - p)) with p = (255 x + 1/2) / 256, the centre of the pixel's 8-bit bin, so |logit| <= 6.3.

    The published encoder clips x itself, which sends black and white to arbitrary large values.
    """
    return torch.logit(x * (255 / 256) + 0.5 / 256)


def interleaved(activation: Callable[[], nn.Module], *layers: nn.Module) -> nn.Sequential:
    """Return the layers in a row, an activation between each two."""
    return nn.Sequential(*[part for layer in layers for part in (layer, activation())][:-1])


class Encoder(nn.Module):
    """Strided 4x4 convolutions with SiLU, a linear layer, and the heads mu and log sigma^2."""

    def __init__(self, image_shape: tuple[int, int, int], z_dim: int, width: int, inverse_sigmoid: bool):
        super().__init__()
        channels, size, _ = image_shape
        widths = stage_widths(size, width)
        self.inverse_sigmoid = inverse_sigmoid
        layers: list[nn.Module] = []
        for before, after in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        flat = widths[-1] * SMALLEST**2
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, HIDDEN), nn.SiLU())
        self.heads = nn.Linear(HIDDEN, 2 * z_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and log sigma^2, each (B, z_dim), of pictures (B, C, H, W) in [0, 1]."""
        hidden = self.body(pixel_logits(x) if self.inverse_sigmoid else x)
        mu, raw = self.heads(hidden).chunk(2, dim=1)
        return mu, bounded_log_var(raw)


class Decoder(nn.Module):
    """The encoder's mirror image, ending in a sigmoid; no batch normalisation."""

    def __init__(self, image_shape: tuple[int, int, int], z_dim: int, width: int):
        super().__init__()
        channels, size, _ = image_shape
        widths = stage_widths(size, width)[::-1]
        flat = widths[0] * SMALLEST**2
        layers: list[nn.Module] = [nn.Linear(z_dim, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, flat), nn.SiLU()]
        layers += [nn.Unflatten(1, (widths[0], SMALLEST, SMALLEST))]
        for before, after in zip(widths, [*widths[1:], channels], strict=True):
            layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
        self.body = nn.Sequential(*layers[:-1], nn.Sigmoid())

    def forward(self, z: Tensor) -> Tensor:
        """Return pictures in [0, 1], (B, C, H, W), of codes (B, z_dim)."""
        return self.body(z)


class Critic(nn.Module):
    """The Kantorovich potential f(x, z): image, latent and joint branch, spectrally normalised, LeakyReLU 0.2."""

    def __init__(self, image_shape: tuple[int, int, int], z_dim: int, width: int):
        super().__init__()
        channels, size, _ = image_shape
        stages = size.bit_length() - 1  # down to 1x1: six stages for 64x64, five for 32x32
        widths = [width * 2**stage for stage in range(stages)]
        layers: list[nn.Module] = []
        for before, after in zip([channels, *widths], widths, strict=False):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1)), LeakyReLU(0.2)]
        self.image = nn.Sequential(*layers, nn.Flatten(), spectral_norm(nn.Linear(widths[-1], BRANCH)))
        self.latent = _mlp(z_dim, BRANCH)
        self.joint = _mlp(2 * BRANCH, 1)

    def potential(self, image_features: Tensor, z: Tensor) -> Tensor:
        """Return f from precomputed image features (B, 64) and codes (B, z_dim), shape (B,)."""
        both = torch.cat([image_features, self.latent(z)], dim=1) / 2
        return self.joint(both).squeeze(1)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Return f(x, z), shape (B,)."""
        return self.potential(self.image(x), z)


@contextlib.contextmanager
def normalised(critic: Critic) -> Iterator[None]:
    """Within the context every weight has been normalised once, for all passes.

    In float32, whatever precision the passes have: the power method rounds its vectors away in less.
    """
    with parametrize.cached():
        for module in critic.modules():
            if parametrize.is_parametrized(module):
                _ = module.weight
        yield


def _mlp(inputs: int, outputs: int) -> nn.Sequential:
    sizes = pairwise((inputs, HIDDEN, HIDDEN, outputs))
    return interleaved(partial(LeakyReLU, 0.2), *(spectral_norm(nn.Linear(*pair)) for pair in sizes))
