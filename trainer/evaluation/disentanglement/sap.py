"""SAP: the separated attribute predictability score (Kumar, Sattigeri and Balakrishnan, ICLR 2018)."""

from dataclasses import dataclass

import numpy as np

from trainer.batching import Progress, silent
from trainer.evaluation.disentanglement.mig import column_gaps
from trainer.system.arrays import Array

REGULARISATION = 0.01


@dataclass(frozen=True, eq=False)
class SAP:
    """Result of `sap`; d axes, F factors.

    Attributes:
        accuracy: test accuracy of factor f predicted from axis j alone, (d, F), in [0, 1].
        gaps: the largest minus the second largest of each column, (F,).
        score: mean gap, in [0, 1].
    """

    accuracy: Array
    gaps: Array
    score: float


def sap(
    train_codes: np.ndarray,
    train_factors: np.ndarray,
    test_codes: np.ndarray,
    test_factors: np.ndarray,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> SAP:
    """Return mean_f (A_af - A_bf), with A_jf the test accuracy of a linear SVM (C = 0.01, balanced classes) on axis j
    alone.

    a and b are the two axes that predict factor f best: the gap is one between axes, never between factors. A linear
    SVM on one axis can tell at most the outermost few of many values apart, so scores are low by construction.

    Args:
        train_codes, test_codes: (N, d) and (M, d).
        train_factors, test_factors: (N, F) and (M, F), integers.
        progress: called after each of the d * F fits; an exception raised in it ends the work.
    """
    accuracy = np.zeros((train_codes.shape[1], train_factors.shape[1]))
    for done, (axis, factor) in enumerate(np.ndindex(accuracy.shape)):
        progress("SAP", done, accuracy.size)
        accuracy[axis, factor] = _accuracy(
            (train_codes[:, [axis]], train_factors[:, factor]), (test_codes[:, [axis]], test_factors[:, factor]), seed
        )
    progress("SAP", accuracy.size, accuracy.size)
    gaps = column_gaps(accuracy)
    return SAP(accuracy, gaps, float(gaps.mean()))


def _accuracy(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], seed: int) -> float:
    """Test accuracy of one SVM; a factor that takes one value in training is always predicted to be that."""
    from sklearn.svm import LinearSVC

    if len(np.unique(train[1])) < 2:
        return float((test[1] == train[1][0]).mean())
    model = LinearSVC(C=REGULARISATION, class_weight="balanced", random_state=seed)
    return float(model.fit(*train).score(*test))
