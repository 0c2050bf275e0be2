"""Scores of whole data sets: the rows of ood_scores.parquet, from which the page draws everything without any picture.

    id          stable name of the picture, e.g. "omniglot-Greek-character07-0123_04"
    data        "MNIST", "Omniglot", ...
    role        "ordinary" (test pictures of the model's own data set) or "outlier"
    polarity    "" for ordinary pictures; "as published" or "polarity-matched" for outliers
    label_name  class, "" without one
    checkpoint  hash of the weights that were scored, the same in every row
    score_<name>     float32, every score of the calibration, "score_combined" first; larger is more outlying
    baseline_<name>  float32, every baseline (trainer/ood/baselines.py)
    detector_<name>  float32, every detector of the literature (trainer/ood/detectors); NaN where a picture was not
                     scored, since they are slow; absent in folders evaluated before there were any

No picture is stored. Which rows make up a pair, `pair_rows` says, and which pictures of them a column has, `known`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trainer.errors import UserError
from trainer.ood.baselines import baseline_scores
from trainer.ood.calibration import Calibration
from trainer.ood.pairs import Pair
from trainer.runs import layout, validation
from trainer.runs.folder import Run, rounded, write_parquet
from trainer.system import files

if TYPE_CHECKING:
    from trainer.data.imageset import ImageSet

SCORE, BASELINE, DETECTOR = "score_", "baseline_", "detector_"
ORDINARY, OUTLIER = "ordinary", "outlier"


def rows(
    images: ImageSet,
    raw: dict[str, np.ndarray],
    calibration: Calibration,
    role: str,
    polarity: str = "",
    detected: dict[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Return the table of one data set, given its raw scores; scores to 16 significant bits, a quarter of the file
    less.

    Args:
        detected: scores of the detectors (trainer.ood.detectors.registry.of_set).
    """
    names = np.array([*images.label_names, ""], dtype=object)
    labels = np.full(len(images), -1) if images.labels is None else images.labels.numpy()
    table: dict[str, object] = {
        "id": np.array(images.ids, dtype=object),
        "data": images.name,
        "role": role,
        "polarity": polarity,
        "label_name": names[labels],
        "checkpoint": calibration.checkpoint,
    }
    table |= {SCORE + name: rounded(values) for name, values in calibration.extend(raw).items()}
    table |= {BASELINE + name: values for name, values in baseline_scores(images.images.numpy()).items()}
    table |= {DETECTOR + name: rounded(values) for name, values in (detected or {}).items()}
    return pd.DataFrame(table)


REQUIRED = ("id", "data", "role", "polarity", "label_name", "checkpoint")


def pair_rows(table: pd.DataFrame, pair: Pair, title: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (ordinary, outliers) of a pair; `title` is what the outliers' data set is called. Either may be empty."""
    outliers = table[(table["role"] == OUTLIER) & (table["data"] == title) & (table["polarity"] == pair.polarity)]
    return table[table["role"] == ORDINARY], outliers


def score_columns(table: pd.DataFrame) -> list[str]:
    """Return columns that hold a score, a baseline or a detector, in the order of the file."""
    return [name for name in table.columns if name.startswith((SCORE, BASELINE, DETECTOR))]


def plain(column: str) -> str:
    """Return the name of a score without what tells its kind in the file."""
    return column.removeprefix(SCORE).removeprefix(BASELINE).removeprefix(DETECTOR)


def known(rows: pd.DataFrame, column: str) -> np.ndarray:
    """Return the scores of a column, (n,), of a detector those of the pictures it has scored."""
    values = rows[column].to_numpy()
    return values[~np.isnan(values)] if column.startswith(DETECTOR) else values


def write(table: pd.DataFrame, run: Run) -> None:
    """Replace ood_scores.parquet atomically. Raises: UserError if the folder cannot be written."""
    files.write_atomic(run.path / layout.OOD_SCORES, lambda path: write_parquet(table, path))


def read(run: Run) -> pd.DataFrame:
    """Return ood_scores.parquet of this very checkpoint.

    Raises: UserError if there is none, it is damaged, or it belongs to other weights.
    """
    path = run.path / layout.OOD_SCORES
    again = f"make it with 'python -m trainer evaluate {run.path} --only ood'"
    with files.reading(path, "no scores are stored yet", again):
        table, _ = validation.read_table(path, REQUIRED)
    if set(table["checkpoint"]) != {run.hash}:
        raise UserError(f"{path}: it belongs to other weights than model.safetensors; {again}.")
    return table
