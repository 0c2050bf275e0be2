"""From code space to the plane and back: nearest-neighbour placement, PCA, and how far to trust a map. NumPy only.

A map is a set of codes (N, d) with coordinates (N, m). What was not there when the map was fitted is placed by the
distance-weighted mean over its nearest codes; the same mean, taken the other way, gives an empty place a code.
"""

import numpy as np

from trainer.batching import evenly

NEIGHBOURS = 6
TRUST_NEIGHBOURS = 15
TOGETHER = 0.06
"""Share of the map's longer side within which neighbours count as lying together."""
_CHUNK = 500
_FEWEST, _PAIRS = 50, 5 * 10**7
"""Rows that `even_rows` returns at least, and distances that it causes at most, where there are very many codes."""
_NUMBERS = 2**25
"""Distances held at once at most, where there are many codes: 256 MB."""


def nearest(points: np.ndarray, known: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of `known` (N, d) to each of `points` (M, d), nearest first.

    Returns: rows of `known`, int64 (M, k), and Euclidean distances, float64 (M, k); k is cut to N.
    """
    known = np.asarray(known, dtype=np.float64)
    points = np.asarray(points, dtype=np.float64)
    k = min(k, len(known))
    norms = (known**2).sum(1)
    rows, distances = np.empty((len(points), k), np.int64), np.empty((len(points), k))
    size = max(1, min(_CHUNK, _NUMBERS // len(known)))
    for start in range(0, len(points), size):
        chunk = points[start : start + size]
        squared = norms - 2 * chunk @ known.T  # the chunk's own norms change no order
        part = np.argpartition(squared, k - 1, axis=1)[:, :k]
        exact = np.linalg.norm(known[part] - chunk[:, None], axis=2)  # free of the rounding above
        order = np.argsort(exact, axis=1, kind="stable")
        rows[start : start + size] = np.take_along_axis(part, order, 1)
        distances[start : start + size] = np.take_along_axis(exact, order, 1)
    return rows, distances


def place(points: np.ndarray, known: np.ndarray, values: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """sum_i w_i v_i over the k nearest of `known`, w_i proportional to 1 / distance^2; a known point keeps its value.

    Args:
        points: (M, d), where to evaluate.
        known: (N, d).
        values: (N, m), of the known points.

    Returns: float64 (M, m).
    """
    rows, weights = _weights(points, known, k)
    return np.einsum("mk,mkv->mv", weights, np.asarray(values, dtype=np.float64)[rows])


def place_on_map(points: np.ndarray, known: np.ndarray, coordinates: np.ndarray, k: int = NEIGHBOURS) -> np.ndarray:
    """Coordinates of codes that were not there when the map was fitted: `place`, within one neighbourhood of the map.

    Where the nearest codes lie in different clusters of the map their mean would fall between all of these, where
    nothing is. So the mean is over those within TOGETHER of one of them, the one with the most weight around it.

    Args:
        points: (M, d).
        known: (N, d), the codes of the map.
        coordinates: (N, m), where the map has put them.

    Returns: float64 (M, m).
    """
    coordinates = np.asarray(coordinates, dtype=np.float64)
    reach = TOGETHER * float(np.ptp(coordinates, axis=0).max())
    rows, weights = _weights(points, known, k)
    places = coordinates[rows]  # (M, k, m)
    close = np.linalg.norm(places[:, :, None] - places[:, None], axis=3) <= reach  # (M, k, k)
    anchor = np.einsum("mij,mj->mi", close, weights).argmax(1)
    weights = weights * close[np.arange(len(rows)), anchor]
    return np.einsum("mk,mkv->mv", weights / weights.sum(1, keepdims=True), places)


def _weights(points: np.ndarray, known: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of `known` and their weights, (M, k) each."""
    rows, distances = nearest(points, known, k)
    floor = 1e-9 * max(float(np.ptp(known, axis=0).max()), 1e-9)
    weights = 1.0 / np.maximum(distances, floor) ** 2
    return rows, weights / weights.sum(1, keepdims=True)


def pca(codes: np.ndarray, dims: int, fitted_on: int | None = None) -> np.ndarray:
    """Return scores on the first principal axes, float64 (N, dims); deterministic, the largest loading of an axis is
    positive.

    Args:
        fitted_on: the first so many rows give mean and axes (None: all). With fewer than `dims` axes the rest is 0.
    """
    codes = np.asarray(codes, dtype=np.float64)
    basis = codes[:fitted_on]
    mean = basis.mean(0)
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(basis - mean, rowvar=False)))
    axes = vectors[:, ::-1][:, :dims]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    scores = (codes - mean) @ axes
    return np.pad(scores, ((0, 0), (0, dims - scores.shape[1])))


def trustworthiness(codes: np.ndarray, coordinates: np.ndarray, k: int = TRUST_NEIGHBOURS) -> float:
    """Return the share of map neighbours that are near in code space too, 1 for a map that invents none (Venna and
    Kaski, 2001).

    T = 1 - 2 / (N k (2N - 3k - 1)) sum_i sum_{j in U_i} (r(i, j) - k), U_i: the k nearest of i on the map, r(i, j):
    rank of j among the neighbours of i in code space, counted where it is above k. Equals scikit-learn's, in blocks,
    so that 10,000 codes need megabytes instead of gigabytes.

    Args:
        codes: (N, d), N > 3 k / 2.
        coordinates: (N, m).
    """
    codes, n = np.asarray(codes, dtype=np.float64), len(codes)
    if not n > 1.5 * k + 0.5:
        raise ValueError(f"{k} neighbours need more than {1.5 * k + 0.5:.0f} codes, not {n}")
    norms, penalty = (codes**2).sum(1), 0.0
    for start in range(0, n, _CHUNK):
        own = np.arange(start, min(start + _CHUNK, n))
        squared = norms - 2 * codes[own] @ codes.T + norms[own, None]
        squared[np.arange(len(own)), own] = -np.inf  # rank 0: a point is no neighbour of itself
        on_map = _without_self(coordinates, own, k)
        wanted = np.take_along_axis(squared, on_map, 1)
        squared.sort(axis=1)
        for row, sought in zip(squared, wanted, strict=True):
            penalty += np.maximum(np.searchsorted(row, sought) - k, 0).sum()
    return float(1 - penalty * 2 / (n * k * (2 * n - 3 * k - 1)))


def neighbour_distances(codes: np.ndarray, count: int) -> np.ndarray:
    """Return the distance to the nearest other code, of `count` codes spread evenly over all, float64, sorted."""
    rows = even_rows(len(codes), count)
    return np.sort(nearest(codes[rows], codes, 2)[1][:, -1])


def even_rows(n: int, count: int) -> np.ndarray:
    """Return at most `count` of n rows, evenly spread, int64; fewer of very many, as each is compared with all."""
    count = min(n, count, max(_FEWEST, _PAIRS // n))
    return evenly(n, count)


def share_beyond(sorted_values: np.ndarray, value: float) -> float:
    """Return the share of values that are at least `value`: 1 where it is smaller than all, 0 where it is larger."""
    return float(1 - np.searchsorted(sorted_values, value, side="left") / len(sorted_values))


def stratified_rows(labels: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """Return `n` rows in which every label has its share to within one picture; ascending, all rows where there are no
    more.

    Args:
        labels: (N,), any integers.
    """
    total = len(labels)
    if total <= n:
        return np.arange(total)
    order = np.random.default_rng(seed).permutation(total)
    _, inverse, counts = np.unique(np.asarray(labels)[order], return_inverse=True, return_counts=True)
    by_label = np.argsort(inverse, kind="stable")
    within = np.empty(total)  # place of each row in the queue of its label, 0 to 1
    ranks = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    within[by_label] = (ranks + 0.5) / counts[inverse[by_label]]
    return np.sort(order[np.argsort(within, kind="stable")[:n]])


def _without_self(coordinates: np.ndarray, own: np.ndarray, k: int) -> np.ndarray:
    """The k nearest other points of the rows `own`, (len(own), k)."""
    rows = nearest(coordinates[own], coordinates, k + 1)[0]
    others = rows != own[:, None]
    others[others.all(1), -1] = False  # among duplicates the point itself may not be in the list
    return rows[others].reshape(len(own), k)
