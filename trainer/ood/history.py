"""AUROC of every score over the course of a training: how far to trust a score, seen at each of its checkpoints.

ood_history.csv of the run folder, one row per checkpoint, pair and score:

    step, pair, score, auroc, ordinary, outliers     the last two: how many pictures of each
    pair    "drawn outliers", "reversed drawn outliers", and the named pairs whose outliers were on disk when
            the training began
    score   as in ood_calibration.json, calibrated at that checkpoint

Ordinary pictures are held-out ones, never test pictures, and few of each kind are scored, so the numbers are rougher
than those of `evaluate`. Nothing here feeds back into the training: no random number is drawn, no weight changes.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.config import Config
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.models.base import LatentModel, evaluation
from trainer.ood import calibration, pairs, ranking
from trainer.ood.outliers import inverted, outliers_of, validation_pair
from trainer.ood.scores import raw_scores
from trainer.runs import layout
from trainer.system import files

PICTURES = 300
"""Of each kind: a standard error of about 0.02 around an AUROC of 0.9, for less than a second per checkpoint."""


class Row(NamedTuple):
    """One line of ood_history.csv."""

    step: int
    pair: str
    score: str
    auroc: float
    ordinary: int
    outliers: int


class History:
    """Scores a model under training on a few pictures; `record` after each validation.

    Data that are absent or damaged only leave their pair out: a training does not fail for them.

    Args:
        folder: the run folder.
        validation: the training's held-out pictures.
        data_root: folder of the pairs' outliers; None: only the drawn ones.
        step: where the training stands; rows after it are dropped.
    """

    def __init__(self, folder: Path, settings: Config, validation: ImageSet, data_root: Path | None, step: int = 0):
        self.path, self.kind = folder / layout.OOD_HISTORY, settings.model.kind
        self._settings, self._validation, self._root = settings.data, validation, data_root
        self._sets: dict[str, ImageSet] | None = None  # loaded when first needed
        self.rows = [row for row in read(folder) if row.step <= step]

    def record(self, model: LatentModel, step: int) -> None:
        """Score the pictures with the model as it is, append the rows and write the file.

        Raises: UserError if the file cannot be written.
        """
        if self._sets is None:
            if len(self._validation) < 4:  # one ordinary picture, one material, and two to calibrate with
                return
            self._sets = self._load()
        with evaluation(model):
            raw = {name: raw_scores(model, images, model.device) for name, images in self._sets.items()}
        if not all(np.isfinite(values).all() for scores in raw.values() for values in scores.values()):
            return  # the loss reports it
        self.rows = [row for row in self.rows if row.step != step] + self._rows(raw, step)
        rounded = [row._replace(auroc=round(row.auroc, 6))._asdict() for row in self.rows]
        files.write_csv(self.path, Row._fields, rounded)

    def _rows(self, raw: dict[str, dict[str, np.ndarray]], step: int) -> list[Row]:
        calibrated = calibration.calibrate(raw.pop("calibration"), self.kind)
        scores = {name: calibrated.extend(values) for name, values in raw.items()}
        ordinary = scores.pop("ordinary")
        return [
            Row(step, pair, name, ranking.auroc(ordinary[name], values), len(ordinary[name]), len(values))
            for pair, by_name in scores.items()
            for name, values in by_name.items()
        ]

    def _load(self) -> dict[str, ImageSet]:
        """At most PICTURES of each: calibration and ordinary pictures apart, drawn outliers, then the pairs at hand."""
        ordinary, drawn = validation_pair(self._validation, PICTURES)
        material = self._validation.subset(np.arange(0, len(self._validation), 2))
        sets = {"calibration": _thinned(material), "ordinary": ordinary, pairs.DRAWN: drawn}
        sets[pairs.DRAWN_REVERSED] = inverted(drawn)
        for pair in pairs.pairs_of(self._settings) if self._root is not None else ():
            if pairs.missing(pair, self._root) is None:
                try:  # Omniglot's test part: a fifth of the files to decode
                    sets[pair.name] = _thinned(outliers_of(pair, self._settings, self._root, "test"))
                except UserError:
                    continue
        self._validation = ordinary  # the pictures above are all that is needed from here on
        return sets


def read(folder: Path) -> list[Row]:
    """Return the rows of ood_history.csv, in their order; none where there is no such file or it is damaged."""
    try:
        with (folder / layout.OOD_HISTORY).open(encoding="utf-8", newline="") as handle:
            return [
                Row(int(r["step"]), r["pair"], r["score"], float(r["auroc"]), int(r["ordinary"]), int(r["outliers"]))
                for r in csv.DictReader(handle)
            ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _thinned(images: ImageSet) -> ImageSet:
    """At most PICTURES, evenly spread: files come sorted by class."""
    count = min(PICTURES, len(images))
    return images.subset(np.linspace(0, len(images) - 1, count).astype(int))
