"""What ordinary pictures score on every detector: quantiles on held-out ones, and the two numbers detectors need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.system.arrays import Array


@dataclass(frozen=True)
class Reference:
    """Of n held-out pictures; see trainer.ood.detectors.base.Known for variance and entropy.

    quantiles: name -> ascending float64, at the levels of the calibration.
    """

    n: int
    variance: float
    entropy: float
    quantiles: dict[str, Array]

    def record(self) -> dict[str, object]:
        """Return it as JSON values."""
        rows = {name: [float(f"{q:.9g}") for q in row] for name, row in self.quantiles.items()}
        return {"n": self.n, "variance": self.variance, "entropy": self.entropy, "quantiles": rows}

    @property
    def is_sound(self) -> bool:
        """Whether its numbers can be what they are called."""
        rising = all((np.diff(row) >= 0).all() for row in self.quantiles.values())
        return rising and self.variance > 0 and self.n > 0
