"""Nearest codes: score |z - z_(k)|, the distance of the code to the k-th nearest training code.

z = mu(x) as it is, not normalised to unit length as the features of a classifier: a code's length means something
here, the prior looks at it. k = 10 of 1,000 training codes. Source: Sun et al., ICML 2022.
"""

from __future__ import annotations

import numpy as np

from trainer.latent import neighbours
from trainer.ood.detectors.base import Detector, needs_codes

K = 10


def distances(codes: np.ndarray, known: np.ndarray, k: int = K) -> np.ndarray:
    """Return the distance of codes (n, d) to the k-th nearest of the known codes (m, d), (n,); the last of fewer."""
    return neighbours.nearest(codes, known, k)[1][:, -1]


DETECTOR = Detector(
    "nearest codes",
    f"|mu(x) - z_({K})|, the {K}th nearest training code",
    "Sun et al., ICML 2022",
    lambda batch: distances(batch.codes, batch.known.codes),
    needs_codes,
)
