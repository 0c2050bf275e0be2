"""What a group of metrics is given, and how one number becomes a Metric with its protocol."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from trainer.batching import Progress, silent
from trainer.data.imageset import ImageSet
from trainer.models.base import LatentModel
from trainer.runs.folder import Metric, Run


@dataclass(frozen=True)
class Context:
    """One trained model and its encoded test set; every metric group reads from it and changes nothing.

    Attributes:
        run: the folder, for its configuration and hash.
        model: the model in evaluation mode, on `device`.
        images: the whole test set, uint8.
        mu: posterior means, (N, z_dim), on the CPU.
        log_var: posterior log variances, (N, z_dim), on the CPU.
        labels: (N,) or None.
        psnr: PSNR of each reconstruction from its posterior mean in dB, (N,).
        scores: LatentModel.ood_scores of the test pictures by name, each (N,) float32.
        component: most responsible mixture component of each code, (N,), or None without a mixture.
        seed: seeds every random choice of the evaluation.
        data_root: where further data sets are (None: the default of trainer.data).
        outliers: a folder or zip of the user's own pictures, one more out-of-distribution pair.
        background: run folder of a background model, for likelihood ratios.
        device: where `model` lives.
        fast: whether measures that take minutes may take a small sample, and say so.
        networks: feature networks of the group generation by name; () for the default.
        progress: called with the progress.
    """

    run: Run
    model: LatentModel
    images: ImageSet
    mu: Tensor
    log_var: Tensor
    labels: Tensor | None
    psnr: Tensor
    component: Tensor | None
    scores: dict[str, np.ndarray]
    seed: int = 0
    data_root: Path | None = None
    outliers: Path | None = None
    background: Path | None = None
    device: str = "cpu"
    fast: bool = False
    networks: tuple[str, ...] = ()
    progress: Progress = silent

    def metric(
        self,
        group: str,
        name: str,
        value: float,
        estimator: str,
        *,
        interval: tuple[float, float] | None = None,
        **fields: Any,
    ) -> Metric:
        """Return the number with its protocol.

        Args:
            interval: (low, high) at 95 %.
            fields: further fields of Metric; `data`, `split` and `n` are by default those of the test set.
        """
        low, high = (None, None) if interval is None else (float(interval[0]), float(interval[1]))
        about = {"data": self.images.name, "split": self.images.split, "n": len(self.images), "seed": None} | fields
        about |= {"estimator": estimator, "checkpoint": self.run.hash, "low": low, "high": high}
        return Metric(name=name, value=float(value), group=group, **about)


def mean_interval(values: np.ndarray) -> tuple[float, float] | None:
    """Return the normal 95 % interval of the mean, mean -+ 1.96 s / sqrt(n); None for fewer than two values."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return None
    half = 1.959964 * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half
