"""MIG: the mutual information gap (Chen et al., NeurIPS 2018)."""

from dataclasses import dataclass

import numpy as np

from trainer.system.arrays import Array

BINS = 20


@dataclass(frozen=True, eq=False)
class MIG:
    """Result of `mig`; d axes, F factors.

    Attributes:
        information: I(axis; factor) / H(factor), (d, F), in [0, 1].
        gaps: the largest minus the second largest of each column, (F,).
        score: mean gap, in [0, 1].
    """

    information: Array
    gaps: Array
    score: float


def mig(codes: np.ndarray, factors: np.ndarray, *, bins: int = BINS) -> MIG:
    """Return mean_f (I(z_a; f) - I(z_b; f)) / H(f), with a and b the two axes with the most information on factor f.

    Axes are cut into `bins` equal bins between their extremes, and I and H are those of the counts (plug-in, biased
    upwards by about (bins - 1) (values - 1) / 2N nats). The gap is one between axes, never between factors.

    Args:
        codes: (N, d).
        factors: (N, F), integers; a factor that never varies has no information and a gap of 0.
    """
    binned = [_binned(axis, bins) for axis in np.asarray(codes, np.float64).T]
    information = np.array([[_share(axis, factor, bins) for factor in np.asarray(factors).T] for axis in binned])
    gaps = column_gaps(information)
    return MIG(information, gaps, float(gaps.mean()))


def column_gaps(table: np.ndarray) -> np.ndarray:
    """Return largest minus second largest value of each column of (d, F), (F,); of a single axis the second is 0."""
    ordered = np.sort(np.concatenate([np.zeros_like(table[:1]), table]), axis=0)
    return ordered[-1] - ordered[-2]


def _binned(axis: np.ndarray, bins: int) -> np.ndarray:
    """Bin of each value, 0..bins-1; the edges are numpy.histogram's."""
    return np.digitize(axis, np.histogram_bin_edges(axis, bins)[1:-1])


def _share(binned: np.ndarray, factor: np.ndarray, bins: int) -> float:
    """I(binned; factor) / H(factor) = (H(binned) + H(factor) - H(both)) / H(factor)."""
    values, place = np.unique(factor, return_inverse=True)
    joint = np.bincount(binned * len(values) + place, minlength=bins * len(values)).reshape(bins, len(values))
    of_factor = _entropy(joint.sum(0))
    if of_factor == 0:
        return 0.0
    return float(np.clip((_entropy(joint.sum(1)) + of_factor - _entropy(joint)) / of_factor, 0.0, 1.0))


def _entropy(counts: np.ndarray) -> float:
    """Entropy of the distribution of counts in nats."""
    from scipy.special import entr  # 0.1 s that the first page need not wait for

    return float(entr(counts / counts.sum()).sum())
