"""What ordinary pictures score: quantiles on held-out ones, and what follows from them without any outlier.

Everything here comes from the validation pictures of the model's own data set, which no weight was trained on; no
reported out-of-distribution picture is ever looked at.

What makes a potential dependable
    The critic plays against a moving target; where neither data nor samples lie, nothing holds its potential, and its
    side changed within one training: AUROC of f(x, mu) on light-ground outliers 1.00, 0.01, 1.00, 0.00, ... from one
    checkpoint to the next (docs/results.md). Three remedies were compared:
    * two-sided deviation |f - median| / (1.4826 MAD), which does not depend on the side: above 0.9 at 22 of 23
      checkpoints for f(x, mu), but near 0.3 at some for f(g(mu), mu), and worse where the side is right;
    * refining the critic alone at the end (optim.refine_steps): its live weights go on wandering;
    * the average of its weights over that refinement (training/averaging.py): steady. At steps 17,000,
      17,500 and 18,000 every one-sided AUROC of a potential stayed within 0.07 on every pair, the drawn one included.
    So the averaged critic is what a trained model presents. The two-sided scores stay for models without a refinement.

The combined score, the default of every model
    sum over its parts of the surprise -log p, p the share of held-out pictures that score at least as high (Fisher's
    method). A sum of surprises, because parts that say nothing add only the noise of an ordinary picture, and units,
    scales and skewness of the parts fall out. Beyond the held-out 99 % quantile, where p runs out of pictures, -log p
    goes on as a straight line with the slope between the 90 % and 99 % quantiles (an exponential tail), so that far
    outliers keep their order.

    Parts, fixed for all pairs: how badly the picture comes back and how rare its code is, "relative error" and "prior"
    (negative log prior density of the code) where the prior has a density; "relative error" alone otherwise. A DAGMM's
    energy takes the place of the prior: with it 0.911 on the drawn outliers and 1.000 on the reversed ones, without it
    0.926 and 0.970. Chosen on the drawn outliers (trainer/data/strokes.py), none of the reported
    pairs, at steps 4,550, 5,000, 7,500, 10,050 and 17,500 of one GWAE training (AUROC there, rounded):
    * relative rather than plain reconstruction error, which grows with the ink and mistakes fine strokes for well-known
      ones: 0.94 to 0.95 against 0.88 to 0.90, alone;
    * with the prior, which sees codes in places that no digit has: 0.96, against 0.90 to 0.92 for the prior alone;
    * without the potentials: adding one, two-sided, took about 0.01 away, and alone they say little of light strokes
      over black (0.3 to 0.7). They remain as scores of their own;
    * no third part: plain error added took 0.01 away.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from trainer.errors import UserError
from trainer.ood import scores as registry
from trainer.ood.detectors.reference import Reference
from trainer.ood.scores import SCORES
from trainer.runs import layout, validation
from trainer.runs.folder import Run
from trainer.system import files
from trainer.system.arrays import Array

FORMAT = "ood-calibration/1"
COMBINED = "combined"
TWO_SIDED = ", two-sided"
LEVELS = np.r_[0.0, 1 / (1 + np.exp(-np.linspace(-8, 8, 401))), 1.0]
"""Levels of the stored quantiles, 403 of them, dense in both tails: 0.03 % to 99.97 %, and both ends."""


@dataclass(frozen=True)
class Calibration:
    """Quantiles of each score on n held-out pictures; `parts` make up the combined score.

    quantiles: name -> (len(LEVELS),) ascending float64, raw, two-sided and combined scores alike.
    centre: name -> (median, 1.4826 MAD) of the potentials.
    reference: the same of the detectors of the literature; None in folders evaluated before there were any.
    """

    checkpoint: str
    data: str
    n: int
    parts: tuple[str, ...]
    quantiles: dict[str, Array]
    centre: dict[str, tuple[float, float]]
    reference: Reference | None = None
    format: Literal["ood-calibration/1"] = FORMAT

    @property
    def names(self) -> tuple[str, ...]:
        """Every score of the model's own, the combined one first."""
        return tuple(self.quantiles)

    @property
    def detectors(self) -> tuple[str, ...]:
        """Every detector of the literature that is calibrated."""
        return tuple(self.reference.quantiles) if self.reference else ()

    def extend(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the combined score, the raw ones and the two-sided potentials, each (N,) float32, in the order of
        `names`.

        Args:
            raw: LatentModel.ood_scores of N pictures as arrays.
        """
        raw = {name: np.asarray(values, dtype=np.float64) for name, values in raw.items()}
        scores = {COMBINED: sum(surprise(raw[name], self.quantiles[name]) for name in self.parts)} | raw
        for name, (median, scale) in self.centre.items():
            scores[name + TWO_SIDED] = np.abs(raw[name] - median) / scale
        return {name: values.astype(np.float32) for name, values in scores.items()}

    def percentile(self, name: str, scores: np.ndarray) -> np.ndarray:
        """Return the share of held-out pictures that score lower, in percent, (N,) in [0, 100]."""
        return 100 * _share_below(np.asarray(scores, dtype=np.float64), self._row(name))

    def threshold(self, name: str, fpr: float) -> float:
        """Return the score that a share `fpr` in (0, 1) of the held-out pictures exceeds; larger ones are called
        outliers.

        Raises: UserError for a rate outside (0, 1).
        """
        if not 0 < fpr < 1:
            raise UserError(f"A false-positive rate of {fpr:g} is not possible; choose one between 0 and 1, as 0.05.")
        return float(np.interp(1 - fpr, LEVELS, self._row(name)))

    def _row(self, name: str) -> Array:
        return self.quantiles[name] if name in self.quantiles else self.reference.quantiles[name]


def calibrate(raw: Mapping[str, np.ndarray], kind: str, *, checkpoint: str = "", data: str = "") -> Calibration:
    """Measure held-out pictures, given their LatentModel.ood_scores and the kind of model.

    Raises: UserError if there are none or a score is not finite.
    """
    raw = {name: np.asarray(values, dtype=np.float64) for name, values in raw.items()}
    n = min(map(len, raw.values()))
    if n == 0 or not all(np.isfinite(values).all() for values in raw.values()):
        raise UserError("Held-out pictures have no finite scores to calibrate with; train the model again.")
    parts = tuple(name for name in registry.parts(kind) if name in raw)
    quantiles = {name: np.quantile(values, LEVELS) for name, values in raw.items()}
    centre = {name: _centre(values) for name, values in raw.items() if SCORES[name].is_two_sided}
    first = Calibration(checkpoint, data, n, parts, quantiles, centre)
    every = {name: np.quantile(values.astype(np.float64), LEVELS) for name, values in first.extend(raw).items()}
    return Calibration(checkpoint, data, n, parts, every, centre)


def surprise(scores: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Return -log p of scores (N,), p the share of held-out pictures at or above, with the exponential tail: rising, >=
    0.
    """
    q90, q99 = np.interp((0.90, 0.99), LEVELS, quantiles)
    spread = max(q99 - q90, 1e-9 * max(1.0, abs(q99)))  # held-out pictures may be few, or all the same
    inside = -np.log1p(-np.minimum(_share_below(scores, quantiles), 0.99))
    beyond = math.log(100) + math.log(10) * (scores - q99) / spread
    return np.where(scores > q99, beyond, inside)


def _share_below(scores: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    return np.interp(scores, quantiles, LEVELS, left=0.0, right=1.0)


def _centre(values: np.ndarray) -> tuple[float, float]:
    """Median and 1.4826 times the median absolute deviation, which is the standard deviation of a normal."""
    median = float(np.median(values))
    return median, max(1.4826 * float(np.median(np.abs(values - median))), 1e-9)


def write(calibration: Calibration, folder: Path) -> None:
    """Write ood_calibration.json. Raises: UserError if the folder cannot be written."""
    record = {
        "format": FORMAT,
        "checkpoint": calibration.checkpoint,
        "data": calibration.data,
        "split": "validation",
        "n": calibration.n,
        "default": COMBINED,
        "parts": list(calibration.parts),
        "centre": {name: list(pair) for name, pair in calibration.centre.items()},
        "levels": [float(f"{level:.6g}") for level in LEVELS],
        "quantiles": {name: [float(f"{q:.9g}") for q in row] for name, row in calibration.quantiles.items()},
    }
    if calibration.reference is not None:
        record["detectors"] = calibration.reference.record()
    files.write_text(folder / layout.OOD_CALIBRATION, json.dumps(record) + "\n")


def parsed(record: validation.CalibrationSchema) -> Calibration:
    """Return a calibration whose parts belong together. Raises: WrongError."""
    quantiles = {name: np.array(row, dtype=np.float64) for name, row in record.quantiles.items()}
    sound = record.format == FORMAT and {COMBINED, *record.parts, *record.centre} <= set(quantiles)
    sound = sound and all(row.shape == LEVELS.shape and (np.diff(row) >= 0).all() for row in quantiles.values())
    if not sound or any(scale <= 0 for _, scale in record.centre.values()):
        raise validation.WrongError("its quantiles do not belong together")
    centre = {name: (median, scale) for name, (median, scale) in record.centre.items()}
    found = Calibration(record.checkpoint, record.data, record.n, tuple(record.parts), quantiles, centre)
    return found if record.detectors is None else replace(found, reference=_reference(record.detectors))


def _reference(record: validation.ReferenceSchema) -> Reference:
    rows = {name: np.array(row, dtype=np.float64) for name, row in record.quantiles.items()}
    background = record.background and (record.background, record.background_variance)
    found = Reference(record.n, record.variance, record.entropy, rows, background)
    if not found.is_sound or any(row.shape != LEVELS.shape for row in rows.values()):
        raise validation.WrongError("the quantiles of its detectors do not belong together")
    return found


def read(run: Run) -> Calibration:
    """Return the calibration of this very checkpoint, as stored.

    Raises: UserError if there is none, it is damaged, or it belongs to other weights.
    """
    path = run.path / layout.OOD_CALIBRATION
    again = f"make it with 'python -m trainer evaluate {run.path} --only ood'"
    with files.reading(path, "what ordinary pictures score is not measured yet", again):
        calibration = parsed(validation.read_json(path, validation.CalibrationSchema))
    if calibration.checkpoint != run.hash:
        raise UserError(f"{path}: it belongs to other weights than model.safetensors; {again}.")
    return calibration
