"""Outlines of a cloud of points in the plane that hold a stated share of it. NumPy and SciPy only.

An outline is a highest-density region: density is estimated from one half of the points, and its level is the quantile
of that density over the other half, so a fresh point of the same cloud lies inside with the stated probability
whatever the cloud's shape (split conformal prediction). A Gaussian seen through a map is not an ellipse; this is
what becomes of it.
"""

import math
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

SIGMA_SHARES = {1: 1 - math.exp(-0.5), 2: 1 - math.exp(-2.0)}
"""Share of a plane Gaussian within 1 and 2 standard deviations, 39.3 % and 86.5 %: what the outlines are named for."""
CELLS = 96
_MARGIN = 3.5  # bandwidths around the cloud: the density there is nil, so every outline closes


def outlines(points: np.ndarray, shares: list[float], cells: int = CELLS) -> list[list[np.ndarray]]:
    """Closed outlines that hold the given shares of a cloud.

    Args:
        points: (M, 2), M >= 20, in random order: the even rows give the density, the odd ones its levels.
        shares: each in (0, 1).
        cells: of the density's grid along the longer side.

    Returns: per share its closed paths, each (P, 2) with the first point repeated at the end; inside is where an odd
        number of them surrounds a point.
    """
    points = np.asarray(points, dtype=np.float64)
    fitted, held_out = points[::2], points[1::2]
    bandwidth = _bandwidth(fitted)
    low, step = _grid(points, bandwidth, cells)
    field = _density(fitted, low, step, bandwidth, points)
    density = map_coordinates(field, ((held_out - low) / step).T, order=1, mode="constant")
    levels = [max(float(np.quantile(density, 1 - share)), 1e-12) for share in shares]
    return [[low + step * path for path in level_paths(field, level)] for level in levels]


def level_paths(field: np.ndarray, level: float) -> list[np.ndarray]:
    """Closed paths along which a field crosses a level, by marching squares with linear interpolation.

    Args:
        field: (H, W), at or below `level` all around its border.

    Returns: paths (P, 2) in (first, second) index of the field.
    """
    links = _links(field > level, field, level)
    paths = []
    while links:
        start = next(iter(links))
        path, here = [start], start
        while links.get(here):
            there = links[here].pop()
            links[there].remove(here)
            for edge in (here, there):
                if not links.get(edge, True):
                    del links[edge]
            path.append(there)
            here = there
        paths.append(np.array([_crossing(field, level, edge) for edge in path]))
    return paths


def inside(points: np.ndarray, paths: list[np.ndarray]) -> np.ndarray:
    """Return which points are inside an outline (even-odd rule over all its paths), bool (M,)."""
    x, y = np.asarray(points, dtype=np.float64).T
    odd = np.zeros(len(x), dtype=bool)
    for path in paths:
        for (x0, y0), (x1, y1) in pairwise(path):
            if y0 != y1:
                odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def _bandwidth(points: np.ndarray) -> np.ndarray:
    """Silverman's rule per axis, on the smaller of standard deviation and scaled quartile distance, (2,)."""
    quartiles = np.quantile(points, [0.25, 0.75], axis=0)
    spread = np.minimum(points.std(0), (quartiles[1] - quartiles[0]) / 1.349)
    spread = np.where(spread > 0, spread, points.std(0))
    floor = 1e-3 * max(float(np.ptp(points, axis=0).max()), 1e-6)
    return np.maximum(0.9 * spread * len(points) ** (-1 / 6), floor)


def _grid(points: np.ndarray, bandwidth: np.ndarray, cells: int) -> tuple[np.ndarray, float]:
    """Lower corner and step of a square grid that covers the cloud and its margin."""
    low, high = points.min(0) - _MARGIN * bandwidth, points.max(0) + _MARGIN * bandwidth
    return low, float((high - low).max()) / cells


def _density(
    points: np.ndarray, low: np.ndarray, step: float, bandwidth: np.ndarray, everything: np.ndarray
) -> np.ndarray:
    """Smoothed histogram on the grid's nodes, its border 0."""
    size = np.ceil((everything.max(0) + _MARGIN * bandwidth - low) / step).astype(int) + 2
    nodes = np.rint((points - low) / step).astype(int)
    counts = np.zeros(size)
    np.add.at(counts, tuple(nodes.T), 1.0)
    field = gaussian_filter(counts, np.maximum(bandwidth / step, 0.7), mode="constant")
    field[[0, -1]], field[:, [0, -1]] = 0.0, 0.0
    return field


def _links(above: np.ndarray, field: np.ndarray, level: float) -> dict:
    """Grid edges that the level crosses, each with the two it is joined to: (axis, row, column) -> list of edges."""
    links: dict = {}
    corners = above[:-1, :-1].astype(int) + above[:-1, 1:] + above[1:, :-1] + above[1:, 1:]
    for r, c in zip(*np.nonzero((corners > 0) & (corners < 4)), strict=True):
        r, c = int(r), int(c)
        top, bottom, left, right = (1, r, c), (1, r + 1, c), (0, r, c), (0, r, c + 1)
        crossed = [edge for edge in (top, right, bottom, left) if _differs(above, edge)]
        if len(crossed) == 2:
            pairs = [tuple(crossed)]
        else:  # a saddle: the centre decides which corners are joined
            joined = (field[r : r + 2, c : c + 2].mean() > level) == above[r, c]
            pairs = [(top, right), (bottom, left)] if joined else [(top, left), (bottom, right)]
        for one, other in pairs:
            links.setdefault(one, []).append(other)
            links.setdefault(other, []).append(one)
    return links


def _differs(above: np.ndarray, edge: tuple[int, int, int]) -> bool:
    axis, r, c = edge
    return bool(above[r, c] != (above[r, c + 1] if axis else above[r + 1, c]))


def _crossing(field: np.ndarray, level: float, edge: tuple[int, int, int]) -> tuple[float, float]:
    axis, r, c = edge
    a, b = field[r, c], field[r, c + 1] if axis else field[r + 1, c]
    t = float((level - a) / (b - a))
    return (r, c + t) if axis else (r + t, c)
