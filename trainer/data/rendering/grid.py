"""The six factors of 3D Shapes, their values, and the order of the 480,000 combinations.

The order is the one of 3dshapes.h5: row-major over `SIZES`, the last factor (orientation) changing fastest. Source:
Burgess and Kim, *3D Shapes Dataset*, 2018, https://github.com/google-deepmind/3dshapes-dataset.
"""

import math

import numpy as np
import torch

FACTORS = ("floor hue", "wall hue", "object hue", "scale", "shape", "orientation")
SIZES = (10, 10, 10, 8, 4, 15)
COUNT = math.prod(SIZES)
SHAPES = ("cube", "cylinder", "sphere", "capsule")
"""What the values 0 to 3 of the factor "shape" mean."""

_HUES = np.arange(10) / 10
GRID: tuple[np.ndarray, ...] = (
    _HUES,
    _HUES,
    _HUES,
    np.linspace(0.75, 1.25, 8),
    np.arange(4.0),
    np.linspace(-30.0, 30.0, 15),  # degrees
)
"""The values of each factor, float64, ascending: GRID[f][i] is the value of index i of factor f."""


def index_of(factors: torch.Tensor) -> torch.Tensor:
    """Return the place of each combination in the file: int64 (N,) from factor indices (N, 6).

    Raises: ValueError if an index is outside its factor's range.
    """
    factors = torch.as_tensor(factors, dtype=torch.int64)
    if factors.ndim != 2 or factors.shape[1] != len(SIZES):
        raise ValueError(f"factor indices are (N, {len(SIZES)}), not {tuple(factors.shape)}")
    if len(factors) and bool(((factors < 0) | (factors >= torch.tensor(SIZES))).any()):
        raise ValueError(f"factor indices run from 0 to {[size - 1 for size in SIZES]}")
    place = torch.zeros(len(factors), dtype=torch.int64)
    for column, size in enumerate(SIZES):
        place = place * size + factors[:, column]
    return place


def factors_of(index: torch.Tensor) -> torch.Tensor:
    """Return factor indices, int64 (N, 6), of places 0 to 479,999 in the file; the inverse of `index_of`.

    Raises: ValueError if a place is outside the file.
    """
    rest = torch.as_tensor(index, dtype=torch.int64).reshape(-1).clone()
    if len(rest) and not 0 <= int(rest.min()) <= int(rest.max()) < COUNT:
        raise ValueError(f"places run from 0 to {COUNT - 1}")
    columns = []
    for size in reversed(SIZES):
        columns.append(rest % size)
        rest = rest // size
    return torch.stack(columns[::-1], dim=1)


def values_of(factors: torch.Tensor) -> torch.Tensor:
    """Return factor values, float64 (N, 6), of factor indices (N, 6): hues in turns, scale, shape 0 to 3, degrees."""
    factors = torch.as_tensor(factors, dtype=torch.int64)
    index_of(factors)  # refuses what is outside the grid
    return torch.stack([torch.from_numpy(GRID[f])[factors[:, f]] for f in range(len(SIZES))], dim=1)
