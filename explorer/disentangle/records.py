"""Records, rendered pictures and codes as the Disentangle page uses them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from explorer.shared import axis_names, cache, catalog, pixels
from trainer.data import DATASETS

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.shared.latent import Space
    from trainer.evaluation.disentanglement.record import Record

USUAL = (3, 6, 0, 4, 1, 7)
"""Where nothing else is said: three hues that are easily told apart, a cylinder of middle size, seen straight on."""
WEIGHTS_KEPT = 480  # one scene each, 20 kB at 32x32: every shape, scale and orientation of the grid


class Kind(NamedTuple):
    """What a record was measured by and on; `other` is empty for the model's own data set."""

    protocol: str
    other: str = ""

    @property
    def text(self) -> str:
        """As the URL has it."""
        return ",".join(filter(None, self))


def has_factors(entry: catalog.Entry) -> bool:
    """Whether the factors of a model's pictures are known."""
    from trainer.evaluation.disentanglement import group

    return entry.run.config.data.name in group.SAME_FACTORS


def kinds(entry: catalog.Entry) -> list[Kind]:
    """Every measurement that there could be of a model, its own data set and the full protocol first."""
    from trainer.evaluation.disentanglement import group

    return [
        Kind(protocol, other) for other in ("", *group.others(entry.run.config)) for protocol in axis_names.PROTOCOLS
    ]


def records(entry: catalog.Entry) -> dict[Kind, Record]:
    """The measurements that there are."""
    found = {kind: axis_names.record(entry, *kind) for kind in kinds(entry)}
    return {kind: record for kind, record in found.items() if record is not None}


def data_title(entry: catalog.Entry, kind: Kind) -> str:
    """Name of the data set that a kind of record is about."""
    return DATASETS[kind.other or entry.run.config.data.name].title


# ---------------------------------------------------------------- factors


@dataclass(frozen=True)
class Factor:
    """One factor of the grid: its name and the value at each of its places, in words and as a colour (or None)."""

    name: str
    values: tuple[str, ...]
    colours: tuple[str, ...] | None


@functools.cache
def factors() -> tuple[Factor, ...]:
    """The six factors of 3D Shapes as people read them."""
    from trainer.data.rendering import FACTORS, GRID, SHAPES

    def words(name: str, value: float) -> str:
        if name == "shape":
            return SHAPES[int(value)]
        return {"orientation": f"{value:+.0f}°", "scale": f"{value:.2f}"}.get(name, f"{360 * value:.0f}°")

    return tuple(
        Factor(
            name,
            tuple(words(name, float(value)).replace("-", "−").replace("+0°", "0°") for value in grid),
            tuple(f"hsl({360 * value:.0f} 100% 50%)" for value in grid) if "hue" in name else None,
        )
        for name, grid in zip(FACTORS, GRID, strict=True)
    )


def combination(wanted: Sequence[int]) -> tuple[int, ...]:
    """Six places on the grid, whatever a link says: the wanted ones, as far as they exist, else USUAL."""
    sizes = [len(factor.values) for factor in factors()]
    if len(wanted) != len(sizes):
        return USUAL
    return tuple(min(place, size - 1) for place, size in zip(wanted, sizes, strict=True))


def sweep(base: Sequence[int], factor: int) -> list[tuple[int, ...]]:
    """All values of one factor, the others as in `base`."""
    return [(*base[:factor], place, *base[factor + 1 :]) for place in range(len(factors()[factor].values))]


def described(base: Sequence[int]) -> str:
    """A combination in words: "floor hue 180°, ..."."""
    return ", ".join(f"{f.name} {f.values[place]}" for f, place in zip(factors(), base, strict=True))


# ---------------------------------------------------------------- pictures and codes


def rendered(entry: catalog.Entry, combinations: Sequence[Sequence[int]]) -> np.ndarray:
    """Pictures of combinations of factors at the model's size, uint8 (N, C, H, W)."""
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
    """Casting the rays of a scene takes most of the time, and hues change nothing about them."""
    import torch

    from trainer.data.rendering import drawing

    return drawing.weights_of(torch.tensor([scene], dtype=torch.float64), size)[0]


def encoded(entry: catalog.Entry, pictures: np.ndarray) -> Tensor:
    """Posterior means (N, d) of uint8 pictures (N, C, H, W)."""
    model = cache.model(entry)
    import torch

    with torch.inference_mode():
        return model.encode(pixels.to_float(pictures))[0].clone()


def decoded(entry: catalog.Entry, codes: Tensor) -> np.ndarray:
    """g(z) of codes (N, d), uint8 (N, C, H, W)."""
    return pixels.decoded(cache.model(entry), codes)


def movement(codes: Tensor, found: Space) -> Tensor:
    """How the movement along a path is shared among the axes: (N, d) codes -> (d,), sums to 1 (or is 0 throughout).

    Each axis' variance along the path, in units of its variance over the model's known codes; axes without a visible
    effect on the picture count as still, because a unit that is next to nothing would make noise look like movement.
    """
    import torch

    usual = found.codes.var(0).clamp_min(1e-12)
    moved = torch.where(found.table.live, codes.var(0, correction=0) / usual, 0.0)
    return moved / moved.sum().clamp_min(1e-12)
