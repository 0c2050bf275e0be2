"""Are scale and shape of 3D Shapes apart in a squared difference? python -m tests.benchmarks.contours

The 32 pictures of all scales and shapes before the same room, by their two directions of largest variance (principal
components, averaged over rooms): which share of each comes from scale alone and from shape alone. A code that lets
little through encodes the first direction first; where that is a sum of both, so is the axis.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trainer.data.rendering.drawing import render_indices
from trainer.data.rendering.grid import SIZES
from trainer.training.contours import contours

ROOMS = 60
SCALES, SHAPES = SIZES[3], SIZES[4]


def measures() -> dict[str, Callable[[Tensor], Tensor]]:
    """Return what is compared, (B, C, H, W) -> (B, D), with squared differences in the units of L_W + lambda_c L_C."""

    def both(weight: float) -> Callable[[Tensor], Tensor]:
        return lambda x: torch.cat([x.flatten(1), weight**0.5 * contours(x).flatten(1)], 1)

    return {"pixels": lambda x: x.flatten(1), "contours": lambda x: contours(x).flatten(1)} | {
        f"pixels, contours x {weight}": both(weight) for weight in (25, 75, 150)
    }


def rooms() -> list[Tensor]:
    """Return the 32 pictures, scale by scale, before rooms drawn at random."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(ROOMS):
        scene = torch.stack([torch.randint(size, (), generator=generator) for size in SIZES]).repeat(SCALES * SHAPES, 1)
        scene[:, 3] = torch.arange(SCALES).repeat_interleave(SHAPES)
        scene[:, 4] = torch.arange(SHAPES).repeat(SCALES)
        found.append(render_indices(scene, 32).float() / 255)
    return found


def shares(direction: Tensor) -> tuple[float, float]:
    """Return the shares of a unit vector over the 32 pictures that scale alone and shape alone make up."""
    table = direction.view(SCALES, SHAPES)
    return (table.mean(1).square().sum() * SHAPES).item(), (table.mean(0).square().sum() * SCALES).item()


def main() -> None:
    """Print the table."""
    pictures = rooms()
    print(f"{'':24}first direction: of all, scale, shape    second direction")
    for name, measure in measures().items():
        gram = torch.zeros(SCALES * SHAPES, SCALES * SHAPES)
        for x in pictures:
            values = measure(x)
            values = values - values.mean(0)
            gram += values @ values.T
        variances, directions = torch.linalg.eigh(gram)
        parts = []
        for place in (-1, -2):
            scale, shape = shares(directions[:, place])
            parts.append(f"{variances[place] / variances.sum():.2f}: {scale:.2f} {shape:.2f}")
        print(f"{name:24}{parts[0]:41}{parts[1]}")


if __name__ == "__main__":
    main()
