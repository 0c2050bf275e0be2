"""Out-of-distribution files for the small run folders of tests/fixtures.py: real scores, or planted ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tests.fixtures import blob_pictures
from trainer.data.imageset import ImageSet
from trainer.evaluation.ood import metric_name
from trainer.ood import calibration, neighbours, pairs, ranking, tables
from trainer.ood.detectors import registry
from trainer.ood.outliers import inverted
from trainer.ood.scores import raw_scores
from trainer.runs import layout
from trainer.runs.folder import Metric, Run

OUTLIERS = 30
PUBLISHED, MATCHED, FASHION = pairs.PAIRS[:3]


def stripes(n: int = OUTLIERS, size: int = 32) -> np.ndarray:
    """Pictures unlike blobs: dark stripes on white, (n, 1, size, size) uint8."""
    at = np.arange(size)
    widths = 2 + np.arange(n) % 5
    rows = np.where((at[None] // widths[:, None]) % 2, 255, 20).astype(np.uint8)
    return np.repeat(rows[:, None, :, None], size, axis=3)


def outlier_ids(n: int = OUTLIERS) -> tuple[str, ...]:
    return tuple(f"omniglot-Greek-character{i // 5 + 1:02d}-{i // 5 + 1:04d}_{i % 5 + 1:02d}" for i in range(n))


def image_set(images: np.ndarray, ids: tuple[str, ...], name: str) -> ImageSet:
    return ImageSet(torch.from_numpy(images), None, (), ids, name, "test")


def add_scores(run: Run, stored: bool = True, detectors: bool = False) -> Run:
    """Calibrate, score blobs and stripes in both polarities (no Fashion-MNIST), and leave a history.

    Args:
        stored: whether metrics.json gets the measures.
        detectors: whether the detectors of the literature are there too, as after an evaluation of today.
    """
    model, kind = run.load_model(), run.config.model.kind
    held_out = image_set(blob_pictures(200, seed=1)[0], tuple(f"mnist-train-{i:05d}" for i in range(200)), "MNIST")
    found = calibration.calibrate(raw_scores(model, held_out), kind, checkpoint=run.hash, data="MNIST")
    neighbours.store(run, model, held_out)
    if detectors:
        reference = registry.measure(model, held_out, neighbours.read(run), calibration.LEVELS)
        found = replace(found, reference=reference)
    calibration.write(found, run.path)
    found = calibration.read(run)

    def scored(images: ImageSet, role: str, polarity: str = ""):
        detected = None
        if detectors:
            known = registry.known_of(neighbours.read(run), found.reference.variance, found.reference.entropy)
            detected = registry.of_set(model, images, known)
        return tables.rows(images, raw_scores(model, images), found, role, polarity, detected)

    n = len(run.codes)
    ordinary = image_set(blob_pictures(n)[0], tuple(run.codes["id"]), "MNIST")
    parts = [scored(ordinary, tables.ORDINARY)]
    metrics = []
    for pair in (PUBLISHED, MATCHED):
        images = image_set(stripes(), outlier_ids(), "Omniglot")
        images = inverted(images) if pair is MATCHED else images
        parts.append(scored(images, tables.OUTLIER, pair.polarity))
        metrics += measured(run, pair.name, parts[0], parts[-1])
    write_table(run, parts)
    if stored:
        run.write_metrics(metrics)
    write_history(run.path)
    return run


def plant(run: Run, ordinary: np.ndarray, outliers: np.ndarray, score: str = "combined") -> None:
    """Replace one score of the stored table, and drop the measures that belonged to the old one."""
    table = tables.read(run)
    column = tables.SCORE + score
    for rows, values in (
        (table["role"] == tables.ORDINARY, ordinary),
        (table["polarity"] == MATCHED.polarity, outliers),
    ):
        table.loc[rows, column] = np.asarray(values, np.float32)
    tables.write(table, run)
    (run.path / "metrics.json").unlink(missing_ok=True)


def measured(run: Run, pair: str, ordinary, outliers) -> list[Metric]:
    shared = {"data": "MNIST", "split": "test", "n": len(ordinary) + len(outliers), "checkpoint": run.hash}
    found = []
    for column in tables.score_columns(ordinary):
        score, both = tables.plain(column), (tables.known(ordinary, column), tables.known(outliers, column))
        values = ranking.with_intervals(*both, resamples=50)
        for name, (value, low, high) in ((name, (m.value, m.low, m.high)) for name, m in values.items()):
            how = "50 bootstrap resamples"
            metric = Metric(
                metric_name(name, score, pair), value, "ood", seed=0, estimator=how, low=low, high=high, **shared
            )
            found.append(metric)
    return found


def write_table(run: Run, parts: list) -> None:
    import pandas as pd

    tables.write(pd.concat(parts, ignore_index=True), run)


def write_history(folder: Path) -> None:
    """The combined score steady, the potential changing sides twice."""
    lines = ["step,pair,score,auroc,ordinary,outliers"]
    for step, (steady, flipping) in enumerate(zip((0.9, 0.91, 0.92, 0.93), (0.8, 0.2, 0.3, 0.7), strict=True), start=1):
        for score, auroc in (("combined", steady), ("potential f(x, mu)", flipping)):
            lines.append(f'{100 * step},{pairs.DRAWN},"{score}",{auroc},300,300')
    (folder / layout.OOD_HISTORY).write_text("\n".join(lines) + "\n", encoding="utf-8")
