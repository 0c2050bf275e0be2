"""DCI-ES: explicitness and size beside DCI (Eastwood et al., ICLR 2023)."""

from dataclasses import dataclass

import numpy as np

from trainer.batching import Progress, silent
from trainer.system.arrays import Array
from trainer.system.processes import cores

DEPTHS = (1, 2, 3, 4, 8, 10, 12, 14, 16, 18, 20, 32)
"""Capacities of the probe: largest depths of a random forest, those of the published configuration."""
TREES = 100


@dataclass(frozen=True, eq=False)
class DCIES:
    """Result of `dci_es`; T capacities, F factors.

    Attributes:
        losses: test error of factor f at the t-th of DEPTHS, or the least before it, (T, F), in [0, 1].
        guessing: test error of the most frequent value, (F,).
        per_factor: explicitness of each factor, (F,), at most 1.
        explicitness: their mean.
        size: F / d, number of factors over number of axes.
    """

    losses: Array
    guessing: Array
    per_factor: Array
    explicitness: float
    size: float


def dci_es(
    train_codes: np.ndarray,
    train_factors: np.ndarray,
    test_codes: np.ndarray,
    test_factors: np.ndarray,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> DCIES:
    """Return how simple a probe reads the factors off the code: the area below the curve of loss against capacity.

    Probes are random forests of 100 classification trees, their capacity is the largest depth (1 to 32), their loss the
    test error. Explicitness is 1 where the shallowest forest is as good as the best one, 0 where the loss falls from
    that of guessing to 0 along a straight line; see `explicitness`. It says nothing about how good the best one is:
    codes of noise have 1. Read it beside informativeness.

    Args:
        train_codes, test_codes: (N, d) and (M, d).
        train_factors, test_factors: (N, F) and (M, F), integers.
        seed: of the trees.
        progress: called after each of the T * F forests; an exception raised in it ends the work.
    """
    factors = np.asarray(test_factors).shape[1]
    losses = np.zeros((len(DEPTHS), factors))
    for factor in range(factors):
        train = np.asarray(train_codes, np.float32), np.asarray(train_factors)[:, factor]
        test = np.asarray(test_codes, np.float32), np.asarray(test_factors)[:, factor]
        for place, depth in enumerate(DEPTHS):
            progress("DCI-ES probes", factor * len(DEPTHS) + place, losses.size)
            losses[place:, factor], reached = _error(train, test, depth, seed)
            if reached < depth:  # the limit bound no tree: deeper forests are the same one
                break
    progress("DCI-ES probes", losses.size, losses.size)
    guessing = np.array([_guessing(a, b) for a, b in zip(train_factors.T, test_factors.T, strict=True)])
    losses = np.minimum.accumulate(losses, axis=0)
    per_factor = explicitness(losses, guessing)
    size = factors / np.asarray(train_codes).shape[1]
    return DCIES(losses, guessing, per_factor, float(per_factor.mean()), size)


def explicitness(losses: np.ndarray, guessing: np.ndarray) -> np.ndarray:
    """Return E_f = 1 - A_f / Z_f, (F,), of falling losses (T, F) at DEPTHS.

    A is the area between the curve and its lowest value, Z = guessing * (largest - smallest depth) / 2; 1 if guessing
    is never wrong. Published as computed by its authors, who take a lowest possible loss of 0 in Z.
    """
    areas = np.trapezoid(losses - losses.min(axis=0), np.array(DEPTHS), axis=0)
    triangle = guessing * (DEPTHS[-1] - DEPTHS[0]) / 2
    return 1 - np.divide(areas, triangle, out=np.zeros_like(areas), where=triangle > 0)


def _error(train: tuple, test: tuple, depth: int, seed: int) -> tuple[float, int]:
    """Return the test error of a forest, and the depth of its deepest tree."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(TREES, max_depth=depth, random_state=seed, n_jobs=cores()).fit(*train)
    return 1 - float(forest.score(*test)), max(tree.get_depth() for tree in forest.estimators_)


def _guessing(train: np.ndarray, test: np.ndarray) -> float:
    values, counts = np.unique(train, return_counts=True)
    return float((test != values[counts.argmax()]).mean())
