"""How well a score ranks outliers above ordinary pictures: AUROC, AUPR both ways, FPR95, bootstrap intervals.

Outliers are the positive class and a larger score is more outlying. All four follow scikit-learn: ties count half in
AUROC, AUPR is the average precision, and FPR95 is the false-positive rate at the highest threshold whose true-positive
rate is at least 95 %. Whole resamples are computed at once, from counts along the sorted scores.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainer.errors import UserError

MEASURES = ("AUROC", "AUPR out", "AUPR in", "FPR95")
"""AUPR out: outliers positive; AUPR in: ordinary pictures positive, by the negative score."""
RESAMPLES = 500
TARGET_TPR = 0.95
_CHUNK = 50  # resamples at a time: 50 x 15,000 counts are 3 MB


@dataclass(frozen=True)
class Measured:
    """One measure of one score: its value and the 95 % bootstrap interval (percentiles)."""

    value: float
    low: float
    high: float


def check(ordinary: np.ndarray, outliers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both samples of scores as float64 vectors.

    Raises: UserError if one of them is empty (a ranking needs two classes) or holds what is not finite.
    """
    ordinary, outliers = (np.asarray(values, dtype=np.float64).ravel() for values in (ordinary, outliers))
    for what, values in (("in-distribution", ordinary), ("out-of-distribution", outliers)):
        if len(values) == 0:
            raise UserError(f"There are no {what} pictures, and a ROC curve needs both kinds; add some.")
        if not np.isfinite(values).all():
            raise UserError(f"Some {what} pictures have a score that is not finite; train the model again.")
    return ordinary, outliers


def measures(ordinary: np.ndarray, outliers: np.ndarray) -> dict[str, float]:
    """Return MEASURES of scores (n,) and (m,), each in [0, 1]. Raises: UserError as `check`."""
    sorted_ = _Sorted(*check(ordinary, outliers))
    ones = np.ones((1, len(sorted_.order)), dtype=np.int32)
    return {name: float(values[0]) for name, values in sorted_.measures(ones).items()}


def auroc(ordinary: np.ndarray, outliers: np.ndarray) -> float:
    """Return P(outlier's score > ordinary one's) + P(equal) / 2."""
    return measures(ordinary, outliers)["AUROC"]


def resampled(
    ordinary: np.ndarray, outliers: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return MEASURES of bootstrap resamples, each (resamples,): both classes are drawn anew, with their own sizes.

    The draws depend on the sizes and the seed alone. So scores of the same pictures see the same resamples, and the
    differences of two detectors' arrays are a paired bootstrap.
    """
    ordinary, outliers = check(ordinary, outliers)
    sorted_ = _Sorted(ordinary, outliers)
    parts = [
        sorted_.measures(counts[:, sorted_.order])
        for counts in _bootstrap_counts(len(ordinary), len(outliers), resamples, seed)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in MEASURES}


def with_intervals(
    ordinary: np.ndarray, outliers: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Measured]:
    """Return MEASURES with their 95 % intervals. Raises: UserError as `check`."""
    values, draws = measures(ordinary, outliers), resampled(ordinary, outliers, resamples, seed)
    return {name: Measured(values[name], *map(float, np.quantile(draws[name], (0.025, 0.975)))) for name in MEASURES}


def difference(
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    measure: str = "AUROC",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Measured:
    """Return the measure of `first` minus that of `second`, (ordinary, outliers) of the same pictures each; paired
    bootstrap.
    """
    draws = resampled(*first, resamples, seed)[measure] - resampled(*second, resamples, seed)[measure]
    value = measures(*first)[measure] - measures(*second)[measure]
    return Measured(value, *map(float, np.quantile(draws, (0.025, 0.975))))


def roc_curve(ordinary: np.ndarray, outliers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (false-positive rate, true-positive rate, threshold), each (points,), from (0, 0) at an infinite
    threshold.

    A picture is flagged where its score is at or above the threshold. Points on a straight line between their
    neighbours are left out. Raises: UserError as `check`.
    """
    sorted_ = _Sorted(*check(ordinary, outliers))
    tp, fp = sorted_.curve(np.ones((1, len(sorted_.order)), dtype=np.int32))
    tp, fp = np.r_[0, tp[0]], np.r_[0, fp[0]]
    thresholds = np.r_[np.inf, sorted_.thresholds]
    bend = np.diff(tp[:-1]) * np.diff(fp[1:]) != np.diff(fp[:-1]) * np.diff(tp[1:])
    keep = np.r_[True, bend, True]
    return fp[keep] / fp[-1], tp[keep] / tp[-1], thresholds[keep]


class _Sorted:
    """Scores of both classes from the highest down, in groups of equal ones."""

    def __init__(self, ordinary: np.ndarray, outliers: np.ndarray):
        scores = np.concatenate([ordinary, outliers])
        self.order = np.argsort(-scores, kind="stable")
        self.is_outlier = self.order >= len(ordinary)
        descending = scores[self.order]
        self.ends = np.flatnonzero(np.r_[descending[1:] != descending[:-1], True])  # last of each group
        self.thresholds = descending[self.ends]

    def curve(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Flagged outliers and ordinary pictures down to each group, (B, groups), by counts (B, n) in sorted order."""
        tp = np.cumsum(counts * self.is_outlier, axis=1, dtype=np.int32)[:, self.ends]
        every = np.cumsum(counts, axis=1, dtype=np.int32)[:, self.ends]
        return tp, every - tp

    def measures(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """MEASURES, each (B,), from how often each picture counts, (B, n) in sorted order."""
        tp, fp = (values.astype(np.float64) for values in self.curve(counts))
        n_out, n_in = tp[:, -1:], fp[:, -1:]
        tp_step, fp_step = np.diff(tp, axis=1, prepend=0), np.diff(fp, axis=1, prepend=0)
        flagged = np.maximum(tp + fp, 1)
        in_kept = n_in - fp + fp_step  # ordinary pictures at or below the group
        kept = np.maximum(in_kept + n_out - tp + tp_step, 1)
        reached = np.argmax(tp / n_out >= TARGET_TPR, axis=1)
        return {
            "AUROC": (fp_step * (tp - tp_step / 2)).sum(1) / (n_out * n_in)[:, 0],
            "AUPR out": (tp_step * tp / flagged).sum(1) / n_out[:, 0],
            "AUPR in": (fp_step * in_kept / kept).sum(1) / n_in[:, 0],
            "FPR95": fp[np.arange(len(fp)), reached] / n_in[:, 0],
        }


def _bootstrap_counts(n: int, m: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of n + m pictures is drawn, (at most _CHUNK, n + m), the two classes apart."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        parts = []
        for total in (n, m):
            drawn = rng.integers(total, size=(size, total)) + total * np.arange(size)[:, None]
            parts.append(np.bincount(drawn.ravel(), minlength=size * total).reshape(size, total))
        yield np.concatenate(parts, axis=1).astype(np.int32)
