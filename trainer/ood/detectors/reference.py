"""What ordinary pictures score on every detector: quantiles on held-out ones, and the two numbers detectors need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.system.arrays import Array


@dataclass(frozen=True)
class Reference:
    """Of n held-out pictures; see trainer.ood.detectors.base.Known for variance and entropy.

    quantiles: name -> ascending float64, at the levels of the calibration.
    background: (hash of the weights, variance) of the background model, where one was named.
    """

    n: int
    variance: float
    entropy: float
    quantiles: dict[str, Array]
    background: tuple[str, float] | None = None

    def record(self) -> dict[str, object]:
        """Return it as JSON values."""
        rows = {name: [float(f"{q:.9g}") for q in row] for name, row in self.quantiles.items()}
        made = {"n": self.n, "variance": self.variance, "entropy": self.entropy, "quantiles": rows}
        if self.background is not None:
            made |= dict(zip(("background", "background_variance"), self.background, strict=True))
        return made

    @property
    def is_sound(self) -> bool:
        """Whether its numbers can be what they are called."""
        rising = all((np.diff(row) >= 0).all() for row in self.quantiles.values())
        return rising and self.variance > 0 and self.n > 0 and (self.background is None or self.background[1] > 0)
