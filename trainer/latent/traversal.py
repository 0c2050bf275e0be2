"""Walking through latent space: which axes matter, how far they reach, and the pictures along the way.

Codes are float32 tensors (N, z_dim); pictures are float32 (N, C, H, W) in [0, 1]. Everything here is deterministic
given its arguments, so a page and the command line show the same numbers.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from trainer.models.base import LatentModel

RELATIVE_FLOOR = 0.02
"""An axis is dead below this share of the strongest axis' effect."""
ABSOLUTE_FLOOR = 0.5 / 255
"""... or below half a grey level of an 8-bit picture, which no screen shows."""
OUTSIDE_SHARE = 0.01
"""A value is outside the learned density where the density of the codes is below this share of its peak."""
GRID_POINTS = 64
DECODE_CHUNK = 256
EFFECT_DECODES = 1024

Path = Literal["linear", "spherical"]


@dataclass(frozen=True)
class AxisTable:
    """What is known of each latent axis of one model; all tensors have one row per axis, in the model's own order.

    Attributes:
        effect: mean RMS pixel change from the 5 % to the 95 % quantile, (d,), in [0, 1].
        live: whether the effect is visible (see live_axes), (d,).
        order: axis numbers by falling effect, (d,).
        low, high: slider range, (d,).
        quantiles: 5 %, 50 % and 95 % quantile of the codes, (d, 3).
        density: density of the codes on GRID_POINTS places from low to high, peak 1, (d, GRID_POINTS).
        prior_density: the prior's marginal on the same places and scale, (d, GRID_POINTS).
        bases: how many real codes the effect was averaged over.
    """

    effect: Tensor
    live: Tensor
    order: Tensor
    low: Tensor
    high: Tensor
    quantiles: Tensor
    density: Tensor
    prior_density: Tensor
    bases: int


@torch.no_grad()
def decode(model: LatentModel, codes: Tensor) -> Tensor:
    """Return g(z) for any number of codes, (N, C, H, W), in chunks so that memory stays bounded."""
    if not len(codes):
        return torch.empty(0, *model.image_shape)
    return torch.cat([model.decode(chunk) for chunk in codes.split(DECODE_CHUNK)])


def spread_rows(n: int, count: int) -> Tensor:
    """Return `count` row numbers spread evenly over n rows: a fixed small set that needs no seed, (min(count, n),)."""
    return torch.linspace(0, n - 1, min(count, n)).round().long()


def axis_effects(model: LatentModel, codes: Tensor, bases: int | None = None) -> Tensor:
    """How much of the picture each axis moves.

    e_j = mean_i sqrt(mean_pixels (g(z_i with z_ij = q95_j) - g(z_i with z_ij = q05_j))^2), with the quantiles of axis
    j over all codes and i over a fixed, evenly spread set of them.

    Args:
        codes: (N, d), N >= 1.
        bases: number of codes averaged over; by default about EFFECT_DECODES pictures are decoded in all.

    Returns: (d,), in [0, 1].
    """
    d = codes.shape[1]
    start = codes[spread_rows(len(codes), bases or default_bases(d))]  # (n, d)
    ends = torch.quantile(codes, torch.tensor([0.05, 0.95]), dim=0)  # (2, d)
    moved = start.repeat(2, d, 1, 1)  # (2, d, n, d)
    axis = torch.arange(d)
    moved[:, axis, :, axis] = ends.T[:, :, None]  # advanced indices first: (d, 2, n)
    pictures = decode(model, moved.flatten(0, 2)).unflatten(0, (2, d, len(start))).flatten(3)
    return (pictures[1] - pictures[0]).square().mean(-1).sqrt().mean(-1)


def default_bases(d: int) -> int:
    """Return how many base codes keep axis_effects near EFFECT_DECODES pictures: 32 for 16 axes, 8 for 64."""
    return max(4, min(32, EFFECT_DECODES // (2 * d)))


def live_axes(effects: Tensor) -> Tensor:
    """Return True where an axis' effect reaches both RELATIVE_FLOOR of the strongest and ABSOLUTE_FLOOR, (d,) bool."""
    return (effects >= RELATIVE_FLOOR * effects.max()) & (effects >= ABSOLUTE_FLOOR)


def axis_ranges(codes: Tensor, margin: float = 0.12) -> tuple[Tensor, Tensor]:
    """Return the range from the 0.5 % to the 99.5 % quantile, widened by `margin` of that span on both sides; each
    (d,).

    An axis on which all codes agree gets +-1 around them, so that a slider still has a range.
    """
    low, high = torch.quantile(codes, torch.tensor([0.005, 0.995]), dim=0)
    widening = torch.where(high - low > 1e-6, margin * (high - low), torch.ones_like(low))
    return low - widening, high + widening


def densities(codes: Tensor, low: Tensor, high: Tensor, points: int = GRID_POINTS) -> Tensor:
    """Return the Gaussian kernel density of each column at `points` places from low to high, in 1/unit, (d, points).

    Half of Silverman's bandwidth 0.9 min(sigma, IQR/1.34) n^(-1/5), because the codes of a clustering prior have gaps
    that the full one fills; floored at half a grid step.
    """
    n, d = codes.shape
    spread = codes.std(0) if n > 1 else torch.zeros(d)
    quartiles = torch.quantile(codes, torch.tensor([0.25, 0.75]), dim=0)
    scale = torch.minimum(spread, (quartiles[1] - quartiles[0]) / 1.34)
    scale = torch.where(scale > 0, scale, spread)
    width = torch.maximum(0.45 * scale * n**-0.2, 0.5 * (high - low) / (points - 1))  # (d,)
    grid = low[:, None] + (high - low)[:, None] * torch.linspace(0, 1, points)  # (d, points)
    total = torch.zeros(d, points)
    for chunk in codes.split(512):  # (d, points, 512) at a time: 16 MB for 128 axes
        gap = (grid[:, :, None] - chunk.T[:, None, :]) / width[:, None, None]
        total += torch.exp(-0.5 * gap.square()).sum(-1)
    return total / (n * width[:, None] * (2 * torch.pi) ** 0.5)


@torch.no_grad()
def describe_axes(model: LatentModel, codes: Tensor, prior_samples: int = 2048) -> AxisTable:
    """Return everything the sliders need to know, measured once per model (seed 0 for the prior's marginal).

    Args:
        codes: (N, d) posterior means of real pictures; where there are none, pass draws from the prior.
    """
    codes = codes[spread_rows(len(codes), 4096)]
    bases = min(default_bases(codes.shape[1]), len(codes))
    effect = axis_effects(model, codes, bases)
    low, high = axis_ranges(codes)
    density = densities(codes, low, high)
    prior = model.sample_prior(prior_samples, torch.Generator().manual_seed(0))
    peak = density.max(1, keepdim=True).values.clamp_min(1e-9)
    return AxisTable(
        effect=effect,
        live=live_axes(effect),
        order=torch.argsort(effect, descending=True, stable=True),
        low=low,
        high=high,
        quantiles=torch.quantile(codes, torch.tensor([0.05, 0.5, 0.95]), dim=0).T,
        density=density / peak,
        prior_density=densities(prior, low, high) / peak,
        bases=bases,
    )


def density_at(table: AxisTable, z: Tensor) -> Tensor:
    """Return the density of the codes at each coordinate of one code as a share of the axis' peak, (d,); 0 beyond the
    range.
    """
    place = (z - table.low) / (table.high - table.low) * (GRID_POINTS - 1)
    left = place.floor().clamp(0, GRID_POINTS - 2).long()
    rows = torch.arange(len(z))
    share = (place - left).clamp(0, 1)
    value = table.density[rows, left] * (1 - share) + table.density[rows, left + 1] * share
    return torch.where((place < 0) | (place > GRID_POINTS - 1), torch.zeros_like(value), value)


def sheet_codes(z: Tensor, axes: list[int], low: Tensor, high: Tensor, steps: int) -> Tensor:
    """Return codes of a traversal sheet: row r moves axis axes[r] from low over its own value to high, (len(axes),
    steps, d).

    The two halves are spaced evenly on their own, so the centre column is the given code itself, whichever it is;
    where the code lies beyond the range, the row ends at the code.

    Args:
        z: one code, (d,).
        steps: odd and >= 3.
    """
    if steps < 3 or steps % 2 == 0:
        raise ValueError(f"steps must be odd and at least 3, not {steps}")
    half = steps // 2
    codes = z.repeat(len(axes), steps, 1)
    for row, axis in enumerate(axes):
        first, centre, last = torch.minimum(low[axis], z[axis]), z[axis], torch.maximum(high[axis], z[axis])
        fraction = torch.arange(half) / half
        codes[row, :half, axis] = first + fraction * (centre - first)
        codes[row, half + 1 :, axis] = last - fraction.flip(0) * (last - centre)
    return codes


def sweep_codes(z: Tensor, axis: int, low: float, high: float, frames: int) -> Tensor:
    """Return codes of one axis there and back without repeating the turning points, for a looping animation, (frames,
    d).

    Args:
        frames: even and >= 4: frames/2 + 1 distinct values, from low to high and back.
    """
    if frames < 4 or frames % 2:
        raise ValueError(f"frames must be even and at least 4, not {frames}")
    there = torch.linspace(low, high, frames // 2 + 1)
    codes = z.repeat(frames, 1)
    codes[:, axis] = torch.cat([there, there[1:-1].flip(0)])
    return codes


def pad_codes(z: Tensor, x: int, y: int, low: Tensor, high: Tensor, size: int) -> Tensor:
    """Return codes of a square grid over axes x (to the right) and y (upwards), at cell centres: (size, size, d)."""
    centres = (torch.arange(size) + 0.5) / size
    codes = z.repeat(size, size, 1)
    codes[..., y] = (high[y] - centres * (high[y] - low[y]))[:, None]
    codes[..., x] = low[x] + centres * (high[x] - low[x])  # last, so that x = y is a plain row
    return codes


def interpolate(first: Tensor, second: Tensor, steps: int, path: Path = "linear") -> Tensor:
    """Return codes from `first` to `second`, both included exactly, (steps, d).

    linear: (1 - t) a + t b. spherical (Shoemake 1985): the direction turns at constant angular speed while the norm
    changes linearly; it keeps the norm where a Gaussian prior has its mass. Without an angle to turn through
    (parallel, opposite or zero codes) it is the straight line.
    """
    if steps < 2:
        raise ValueError(f"steps must be at least 2, not {steps}")
    t = torch.linspace(0, 1, steps)[:, None]
    line = torch.lerp(first[None], second[None], t)
    norms = first.norm(), second.norm()
    if path == "spherical" and min(norms) > 1e-6:
        a, b = first / norms[0], second / norms[1]
        angle = torch.arccos((a @ b).clamp(-1, 1))
        if 1e-3 < angle < torch.pi - 1e-3:
            turn = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
            line = turn * torch.lerp(norms[0], norms[1], t)
    line[0], line[-1] = first, second  # not only up to rounding
    return line


def nearest_distance(z: Tensor, codes: Tensor) -> Tensor:
    """Return Euclidean distance of each code in z (M, d) to the nearest of `codes` (N, d), (M,).

    The yardstick is neighbours.neighbour_distances: how far apart real codes are from one another.
    """
    return torch.cdist(z, codes).min(1).values
