"""How well two lists of pair distances agree, and what can be seen of the distances alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def between(points: Tensor) -> np.ndarray:
    """Return the Euclidean distances of all pairs of points (n, ...), flattened, condensed (n (n - 1) / 2,) float64."""
    from scipy.spatial.distance import pdist  # here: a page that shows no distances opens without scipy

    return pdist(points.detach().flatten(1).double().cpu().numpy())


def correlations(d_z: np.ndarray, d_x: np.ndarray) -> dict[str, float]:
    """Return Spearman and Pearson correlation of two lists of pair distances, both (P,).

    A constant list has no correlation and gives 0, which is what a collapsed decoder deserves.
    """
    if np.ptp(d_z) == 0 or np.ptp(d_x) == 0:
        return {"Spearman": 0.0, "Pearson": 0.0}
    return {"Spearman": _pearson(_ranks(d_z), _ranks(d_x)), "Pearson": _pearson(d_z, d_x)}


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values share their mean; pandas takes 60 MB of every training, scipy.stats a second."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1].clip(-1, 1))


def best_scale(d_z: np.ndarray, d_x: np.ndarray) -> float:
    """Return the c that minimises mean |c d_z - d_x|: the median of d_x / d_z weighted by d_z; 0 without distances."""
    apart = d_z > 0
    ratio, weight = d_x[apart] / d_z[apart], d_z[apart]
    order = np.argsort(ratio)
    cumulative = np.cumsum(weight[order])
    return float(ratio[order][np.searchsorted(cumulative, cumulative[-1] / 2)]) if len(order) else 0.0


def slope(codes: Tensor, d_z: np.ndarray, d_x: np.ndarray, coefficient: float | None = None) -> float:
    """Return that of the line d_X = slope d_Z: C / s with a learned C, else the best scale.

    s is the mean over axes of the standard deviation of codes (n, z_dim), as in the training's L_GW.
    """
    if coefficient is None:
        return best_scale(d_z, d_x)
    spread = float(codes.std(dim=0, correction=min(1, len(codes) - 1)).mean())
    return coefficient / max(spread, 1e-6)


def distortion(d_z: np.ndarray, d_x: np.ndarray) -> float:
    """Return min over c of mean |c d_z - d_x| / mean d_x: 0 for a similarity, at most 1 (c = 0).

    The scale is the best one, so models with and without a learned distance coefficient are measured alike.
    """
    return float(np.abs(best_scale(d_z, d_x) * d_z - d_x).mean() / max(d_x.mean(), 1e-12))


def places(d: np.ndarray) -> np.ndarray:
    """Return points in the plane whose distances are nearest to d, (P,) -> (n, 2), in units of the mean distance.

    Classical scaling (Torgerson, Psychometrika 1952), which for Euclidean distances gives the principal components. The
    sign of each axis is that of its largest coordinate.
    """
    from scipy.spatial.distance import squareform

    squared = squareform(d / max(float(d.mean()), 1e-12)) ** 2
    centred = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    found = np.zeros((len(squared), 2))
    for column, place in enumerate(range(len(values) - 1, max(len(values) - 3, -1), -1)):
        axis = vectors[:, place] * np.sqrt(max(values[place], 0.0))
        found[:, column] = axis * (np.sign(axis[np.abs(axis).argmax()]) or 1.0)
    return found
