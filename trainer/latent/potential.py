"""The critic's potential over a plane of the latent space, with the codes projected onto it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.batching import batches

if TYPE_CHECKING:
    from trainer.models.gwae import GWAE

GRID = 33
"""Points along each side: 1,089 decoded pictures, about half a second on one core."""
_MARGIN = 0.12  # of the codes' extent, around them
_OUTLYING = 0.002  # share of the codes at each end that need not be on the plane


class Plane(NamedTuple):
    """A plane origin + a first + b second, in the latent space.

    Attributes:
        origin, first, second: (d,) each; the directions are orthonormal.
    """

    origin: np.ndarray
    first: np.ndarray
    second: np.ndarray

    def places(self, codes: np.ndarray) -> np.ndarray:
        """Return (n, 2) coordinates of codes (n, d), projected at a right angle."""
        return (codes - self.origin) @ np.stack([self.first, self.second], 1)

    def codes(self, places: np.ndarray) -> np.ndarray:
        """Return the codes (n, d) at places (n, 2)."""
        return self.origin + places @ np.stack([self.first, self.second])


class Potential(NamedTuple):
    """The critic's potential f(g(z), z) on a grid of a plane.

    Attributes:
        x, y: (GRID,) coordinates along both directions.
        values: (GRID, GRID), rows along y.
    """

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray


def of_axes(codes: np.ndarray, first: int, second: int) -> Plane:
    """Return the plane of two axes through the mean of codes (n, d)."""
    axes = np.eye(codes.shape[1])
    return Plane(codes.mean(0), axes[first], axes[second])


def of_points(codes: np.ndarray, first: np.ndarray, second: np.ndarray) -> Plane:
    """Return the plane through the mean of codes (n, d) and two points (d,), such as the means of two components.

    Its first direction leads to the first point. Points in line with the mean leave the second direction open: it is
    then that of the axis along which the codes vary most, as far as it is at a right angle.
    """
    origin = codes.mean(0)
    spare = np.eye(codes.shape[1])[np.argsort(-codes.std(0), kind="stable")]
    found: list[np.ndarray] = []
    for direction in (first - origin, second - origin, *spare):
        rest = direction - sum((direction @ known) * known for known in found)
        length = np.linalg.norm(rest)
        if length > 1e-6 * max(1.0, float(np.linalg.norm(direction))):
            found.append(rest / length)
        if len(found) == 2:
            break
    return Plane(origin, *found)


def over(model: GWAE, plane: Plane, codes: np.ndarray) -> Potential:
    """Return the potential f(g(z), z) over a plane, as far as the codes (n, d) reach on it."""
    import torch

    low, high = np.quantile(plane.places(codes), [_OUTLYING, 1 - _OUTLYING], axis=0)
    margin = _MARGIN * np.maximum(high - low, 1e-6)
    x, y = np.linspace(low - margin, high + margin, GRID).T
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    z = torch.from_numpy(plane.codes(grid).astype("float32"))
    return Potential(x, y, potentials(model, z).reshape(GRID, GRID))


def potentials(model: GWAE, z) -> np.ndarray:
    """Return f(g(z), z) of codes (n, d), (n,) float32: what L_D takes the mean of over prior samples."""
    import torch

    with torch.inference_mode():
        parts = [model.critic(model.decode(z[rows]), z[rows]).reshape(-1) for rows in batches(len(z))]
    return torch.cat(parts).cpu().numpy()
