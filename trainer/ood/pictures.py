"""Outlier scores, percentiles and verdicts of a user's pictures, for the page and the command line.

`score_pictures` makes the table, `as_text` the numbers as they are shown, `to_csv` and `to_json` the files. The page,
the command line and the download all use them, so they agree to the last digit.
"""

import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch

from trainer.models.base import LatentModel
from trainer.ood import calibration as calibrations
from trainer.ood import neighbours, preparation, why
from trainer.ood.calibration import COMBINED
from trainer.ood.detectors import registry
from trainer.ood.detectors.base import Background
from trainer.ood.detectors.reference import Reference
from trainer.runs.folder import Run
from trainer.system import files

FPR = 0.05
BATCH = 50
"""Every pass has this many pictures, the last one filled up: a picture's numbers then do not depend on its company."""
SHIFTS = ((0, 1), (0, -1), (1, 0), (-1, 0))
PERCENTILE = " percentile"
OUTLIER, ORDINARY = "outlier", "ordinary"


def score_pictures(
    run: Run,
    arrays: np.ndarray,
    names: Sequence[str],
    fpr: float = FPR,
    *,
    model: LatentModel | None = None,
    known: pd.DataFrame | None = None,
    progress: Callable[[int, int], None] | None = None,
    detectors: bool = False,
    versions: Sequence[str] | None = None,
    background: Background | None = None,
) -> pd.DataFrame:
    """Score pictures as a model sees them; one row each, in the order given. Columns:

        picture                name
        verdict                "outlier" where the combined score exceeds `threshold`, else "ordinary"
        read as                the version of the picture that is scored (trainer/ood/preparation.py)
        why                    what the parts of the combined score say, a sentence (trainer/ood/why.py)
        <score>                float32, every score of ood_calibration.json, "combined" first, then those of the
                               detectors of the literature, where they are asked for and calibrated
        <score> percentile     float64, share of held-out pictures that score lower, in percent
        threshold              of the combined score: a share `fpr` of the held-out pictures exceeds it
        same when shifted      of the 4 pictures moved by one pixel, how many have the same verdict
        verdict inverted       verdict of the picture with v replaced by 255 - v
        nearest                ids of the 3 training pictures with the nearest codes (trainer/ood/neighbours.py);
                               "" where the run has none stored

    Args:
        arrays: uint8 (n, C, H, W) of the model's size (trainer/ood/inputs.py or the page's uploads).
        fpr: the share of ordinary pictures that may be called outliers, in (0, 1).
        model, known: the run's model and training codes, where they are loaded already.
        progress: called with (done, total) passes.
        versions: of the pictures, as `prepared` returns them; None: all as they are.
        detectors: whether to score with the detectors of the literature too: ten milliseconds a picture more.
        background: model of the likelihood ratio, the one that was calibrated.

    Raises: UserError if the run is not calibrated for its checkpoint, or fpr is out of range.
    """
    calibration = calibrations.read(run)
    threshold = calibration.threshold(COMBINED, fpr)
    model = run.load_model() if model is None else model
    arrays = np.asarray(arrays, dtype=np.uint8).reshape(-1, *model.image_shape)
    n = len(arrays)
    variants = np.concatenate([arrays, *(shifted(arrays, *step) for step in SHIFTS), 255 - arrays])
    raw, mu = _passes(model, variants, progress)
    every = calibration.extend(raw)
    verdicts = (every[COMBINED] > threshold).reshape(len(SHIFTS) + 2, n)
    labels = np.where(verdicts, OUTLIER, ORDINARY)
    table: dict[str, object] = {"picture": list(names), "verdict": labels[0]}
    table["read as"] = [preparation.AS_IT_IS] * n if versions is None else list(versions)
    known = neighbours.read(run) if known is None else known
    own = {name: values[:n] for name, values in every.items() if name in calibration.quantiles}
    if detectors and calibration.reference is not None:
        own |= _detected(model, arrays, known, calibration.reference, background)
    table["why"] = why.sentences(calibration, own)
    table |= own
    table |= {name + PERCENTILE: calibration.percentile(name, values) for name, values in own.items()}
    table["threshold"] = np.full(n, threshold)
    table["same when shifted"] = (verdicts[1:-1] == verdicts[0]).sum(0)
    table["verdict inverted"] = labels[-1]
    table["nearest"] = [";".join(ids) for ids in neighbours.nearest(known, mu[:n])]
    return pd.DataFrame(table)


def prepared(
    run: Run,
    model: LatentModel,
    arrays: np.ndarray,
    details: np.ndarray | None,
    wanted: preparation.Like | None,
) -> preparation.Prepared:
    """Return pictures in the version that passes most easily for one of the model's own (preparation.prepare).

    The choice does not depend on the rate of false alarms: at 5 % a picture passes.

    Raises: UserError if the run is not calibrated for its checkpoint.
    """
    calibration = calibrations.read(run)
    threshold = calibration.threshold(COMBINED, FPR)
    judge = lambda some: calibration.extend(_passes(model, some, None)[0])[COMBINED] - threshold  # noqa: E731
    return preparation.prepare(judge, arrays, details, wanted)


def _detected(
    model: LatentModel, arrays: np.ndarray, codes: pd.DataFrame, reference: Reference, background: Background | None
) -> dict:
    """Scores by the calibrated detectors, each (n,) float32."""
    known = registry.known_of(codes, reference.variance, reference.entropy, background)
    made = registry.scores(model, torch.from_numpy(np.ascontiguousarray(arrays)), known)
    return {name: values for name, values in made.items() if name in reference.quantiles}


def shifted(arrays: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return pictures (n, C, H, W) moved by `down` and `right` pixels (negative: up, left); the border is repeated."""
    height, width = arrays.shape[-2:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return arrays[..., rows, :][..., columns]


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is shown: scores and threshold to six significant digits, percentiles to two decimals."""
    text = table.copy()
    for name in table.columns:
        digits = ".2f" if name.endswith(PERCENTILE) else ".6g" if table[name].dtype.kind == "f" else ""
        text[name] = [format(value, digits) for value in table[name]]
    return text


def to_csv(table: pd.DataFrame) -> str:
    """Return CSV of `as_text`, with a header, lines ended by a newline."""
    return as_text(table).map(files.spreadsheet).to_csv(index=False, lineterminator="\n")


def to_json(table: pd.DataFrame, **about: object) -> str:
    """Return JSON: `about`, then a list of pictures with the numbers of `as_text`, scores by name with value and
    percentile.
    """
    text = as_text(table)
    scores = [name for name in text.columns if name + PERCENTILE in text.columns]
    pictures = [
        {
            "picture": row["picture"],
            "verdict": row["verdict"],
            "read as": row["read as"],
            "why": row["why"],
            "threshold": float(row["threshold"]),
            "same when shifted": int(row["same when shifted"]),
            "verdict inverted": row["verdict inverted"],
            "nearest": [id_ for id_ in row["nearest"].split(";") if id_],
            "scores": {
                name: {"value": float(row[name]), "percentile": float(row[name + PERCENTILE])} for name in scores
            },
        }
        for row in text.to_dict("records")
    ]
    return json.dumps({**about, "pictures": pictures}, indent=1, allow_nan=False) + "\n"


def _passes(
    model: LatentModel, arrays: np.ndarray, progress: Callable[[int, int], None] | None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Raw scores, each (n,), and codes (n, z_dim), in passes of BATCH pictures."""
    scores: dict[str, list[np.ndarray]] = {}
    codes: list[np.ndarray] = []
    starts = range(0, max(1, len(arrays)), BATCH)  # once at least: the names of the scores come from a pass
    for done, start in enumerate(starts, start=1):
        part = arrays[start : start + BATCH]
        filled = np.concatenate([part, np.zeros((BATCH - len(part), *part.shape[1:]), np.uint8)])
        with torch.inference_mode():
            x = torch.from_numpy(filled).float() / 255
            mu, _ = model.encode(x)
            batch = model.scores_from(x, mu, model.decode(mu))
        for name, values in batch.items():
            scores.setdefault(name, []).append(values.float().numpy()[: len(part)])
        codes.append(mu.numpy()[: len(part)])
        if progress is not None:
            progress(done, len(starts))
    return {name: np.concatenate(values) for name, values in scores.items()}, np.concatenate(codes)
