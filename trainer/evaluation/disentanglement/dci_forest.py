"""DCI as the published GWAE code measures it (Nakagawa et al., ICLR 2023), for comparison with that paper alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.batching import Progress, silent
from trainer.evaluation.disentanglement.dci import DCI, scores
from trainer.system.arrays import Array

TREES = 10
DEPTHS = (2, 4, 8, 12)
FOLDS = 5
CATEGORICAL = ("shape",)
"""Factors whose values have no order; each value becomes a target of its own."""


@dataclass(frozen=True, eq=False)
class ForestDCI:
    """Result of `dci_forest`: depth of the trees, mean squared error of each target, (G,), and the scores.

    The scores are over G targets instead of factors; their `accuracy` is max(0, 1 - 6 MSE).
    """

    depth: int
    errors: Array
    scores: DCI


def dci_forest(
    train_codes: np.ndarray,
    train_factors: np.ndarray,
    test_codes: np.ndarray,
    test_factors: np.ndarray,
    names: Sequence[str],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> ForestDCI:
    """Predict each target from all axes with a random forest of 10 regression trees.

    Targets are the factors in [0, 1], the shape one-hot: nine for 3D Shapes. The largest depth (2, 4, 8 or 12) is the
    one with the least mean squared error over all targets in a five-fold cross-validation of the training codes.
    Disentanglement and completeness are the entropies of the impurity importances, as in `dci`; informativeness is
    max(0, 1 - 6 MSE) on the test codes: 1/6 is the MSE of two independent uniform numbers.

    Args:
        train_codes, test_codes: (N, d) and (M, d); published: two thirds and one third.
        train_factors, test_factors: (N, F) and (M, F), integers.
        names: of the F factors.
        seed: of the trees.
        progress: called after each forest; an exception raised in it ends the work.
    """
    train = targets(train_factors, np.concatenate([train_factors, test_factors]), names)
    test = targets(test_factors, np.concatenate([train_factors, test_factors]), names)
    total, done = train.shape[1] * (len(DEPTHS) + 1), 0
    mean_errors = []
    for depth in DEPTHS:
        errors = []
        for target in train.T:
            progress("GWAE DCI forests", done, total)
            errors.append(_validated(train_codes, target, depth, seed))
            done += 1
        mean_errors.append(np.mean(errors))
    best = DEPTHS[int(np.argmin(mean_errors))]
    importance, errors = np.zeros((np.asarray(train_codes).shape[1], train.shape[1])), np.zeros(train.shape[1])
    for place, target in enumerate(train.T):
        progress("GWAE DCI forests", done + place, total)
        forest = _forest(best, seed).fit(train_codes, target)
        importance[:, place] = forest.feature_importances_
        errors[place] = ((forest.predict(test_codes) - test[:, place]) ** 2).mean()
    progress("GWAE DCI forests", total, total)
    return ForestDCI(best, errors, scores(importance, np.maximum(0, 1 - 6 * errors)))


def targets(factors: np.ndarray, known: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return what is predicted, (N, G) in [0, 1]: ordered factors scaled by the largest of `known`, others one-hot."""
    columns = []
    for factor, every, name in zip(np.asarray(factors).T, np.asarray(known).T, names, strict=True):
        low, high = every.min(), every.max()
        if name in CATEGORICAL:
            columns += [(factor == value).astype(float) for value in np.unique(every)]
        else:
            columns.append((factor - low) / max(1, high - low))
    return np.stack(columns, axis=1)


def _validated(codes: np.ndarray, target: np.ndarray, depth: int, seed: int) -> float:
    """Return the mean squared error of a cross-validation."""
    from sklearn.model_selection import cross_val_score

    return -float(
        cross_val_score(_forest(depth, seed), codes, target, scoring="neg_mean_squared_error", cv=FOLDS).mean()
    )


def _forest(depth: int, seed: int):
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(TREES, max_depth=depth, random_state=seed)
