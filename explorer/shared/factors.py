"""The factors of 3D Shapes: labels, sweeps, rendered pictures, and their codes and reconstructions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.shared import cache, catalog, pixels

if TYPE_CHECKING:
    from torch import Tensor

USUAL = (3, 6, 0, 4, 1, 7)
"""The default combination: three distinct hues, a cylinder of medium size, seen straight on."""
WEIGHTS_KEPT = 480  # one scene each, 20 kB at 32x32: every shape, scale and orientation of the grid


def has_factors(entry: catalog.Entry) -> bool:
    """Return whether the factors of a model's pictures are known."""
    from trainer.evaluation.disentanglement import group

    return entry.run.config.data.name in group.SAME_FACTORS


@dataclass(frozen=True)
class Factor:
    """One factor of the grid: its name, and its values as labels and as colours (or None)."""

    name: str
    values: tuple[str, ...]
    colours: tuple[str, ...] | None


@functools.cache
def factors() -> tuple[Factor, ...]:
    """Return the six factors of 3D Shapes with their labels."""
    from trainer.data.rendering import FACTORS, GRID, SHAPES

    def label(name: str, value: float) -> str:
        if name == "shape":
            return SHAPES[int(value)]
        return {"orientation": f"{value:+.0f}°", "scale": f"{value:.2f}"}.get(name, f"{360 * value:.0f}°")

    return tuple(
        Factor(
            name,
            tuple(label(name, float(value)).replace("-", "−").replace("+0°", "0°") for value in grid),
            tuple(f"hsl({360 * value:.0f} 100% 50%)" for value in grid) if "hue" in name else None,
        )
        for name, grid in zip(FACTORS, GRID, strict=True)
    )


def combination(wanted: Sequence[int]) -> tuple[int, ...]:
    """Return six places on the grid: the wanted ones, moved onto it, else USUAL."""
    sizes = [len(factor.values) for factor in factors()]
    if len(wanted) != len(sizes):
        return USUAL
    return tuple(min(place, size - 1) for place, size in zip(wanted, sizes, strict=True))


def sweep(base: Sequence[int], factor: int) -> list[tuple[int, ...]]:
    """Return the combinations with all values of one factor, the others as in `base`."""
    return [(*base[:factor], place, *base[factor + 1 :]) for place in range(len(factors()[factor].values))]


def described(base: Sequence[int]) -> str:
    """Return the text of a combination: "floor hue 180°, ..."."""
    return ", ".join(f"{f.name} {f.values[place]}" for f, place in zip(factors(), base, strict=True))


# ---------------------------------------------------------------- pictures and codes


def rendered(entry: catalog.Entry, combinations: Sequence[Sequence[int]]) -> np.ndarray:
    """Return rendered pictures of combinations of factors at the model's size, uint8 (N, C, H, W)."""
    import torch

    from trainer.data.rendering import drawing, values_of
    from trainer.data.rows import Rows

    channels, size, _ = entry.image_shape
    values = values_of(torch.tensor(combinations))
    weights = torch.stack([_weights(tuple(value), size) for value in values[:, 3:].tolist()])
    out = torch.empty(len(values), 3, size, size, dtype=torch.uint8)
    drawing.colour(weights, drawing.palette(values[:, :3]), out)
    return Rows(out.numpy(), np.arange(len(out)), channels)[:].numpy()


@functools.lru_cache(maxsize=WEIGHTS_KEPT)
def _weights(scene: tuple[float, float, float], size: int) -> Tensor:
    """Return the rays of a scene, which take most of the time and do not depend on hues."""
    import torch

    from trainer.data.rendering import drawing

    return drawing.weights_of(torch.tensor([scene], dtype=torch.float64), size)[0]


def encoded(entry: catalog.Entry, pictures: np.ndarray) -> Tensor:
    """Return the posterior means (N, d) of pictures, uint8 (N, C, H, W)."""
    model = cache.model(entry)
    import torch

    with torch.inference_mode():
        return model.encode(pixels.to_float(pictures))[0].clone()


def decoded(entry: catalog.Entry, codes: Tensor) -> np.ndarray:
    """Return the pictures g(z) of codes (N, d), uint8 (N, C, H, W)."""
    return pixels.decoded(cache.model(entry), codes)
