"""Mahalanobis distance of the code: score 1/2 min_c (mu(x) - m_c)^T S^-1 (mu(x) - m_c).

m_c is the mean code of the training pictures of class c, one class where there are no labels, and S the covariance
within classes. Source: Lee et al., NeurIPS 2018, on the codes as the features.
"""

from __future__ import annotations

import numpy as np

from trainer.ood.detectors.base import Detector, needs_codes
from trainer.ood.detectors.batch import Batch

_RIDGE = 1e-6  # of the mean variance: an axis that no training picture uses has none


def distances(codes: np.ndarray, known: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return half the squared distance of codes (n, d) to the nearest class of the known codes (m, d), (n,)."""
    known = known.astype(np.float64)
    _, places = np.unique(classes, return_inverse=True)
    centres = np.stack([known[places == place].mean(0) for place in range(places.max() + 1)])
    within = known - centres[places]
    covariance = within.T @ within / len(known)
    covariance += _RIDGE * max(np.trace(covariance) / len(covariance), _RIDGE) * np.eye(len(covariance))
    apart = codes[:, None] - centres
    solved = np.linalg.solve(covariance, apart.reshape(-1, known.shape[1]).T).T.reshape(apart.shape)
    return 0.5 * (apart * solved).sum(2).min(1)


def _score(batch: Batch) -> np.ndarray:
    return distances(batch.codes, batch.known.codes, batch.known.classes)


DETECTOR = Detector("Mahalanobis", "1/2 min_c |mu(x) - m_c|^2 in S^-1", "Lee et al., NeurIPS 2018", _score, needs_codes)
