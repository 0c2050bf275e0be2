"""Out-of-distribution detection of a trained model: calibration, scores of every pair at hand, and their measures.

Writes ood_calibration.json and ood_scores.parquet into the run folder (trainer/ood says what they hold). One Metric per
measure, score and pair, called e.g. "AUROC, combined, mnist/omniglot polarity-matched" (`metric_name`, `parse_name`).
The detectors of the literature are measured beside the model's own scores, on a sample of each data set: about a minute
of one core for a model with three pairs at 32x32.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from trainer import data
from trainer.data.imageset import ImageSet, split_validation
from trainer.evaluation.context import Context
from trainer.ood import calibration as calibrations
from trainer.ood import neighbours, ranking, tables
from trainer.ood import pairs as protocols
from trainer.ood.baselines import BASELINES, better_sign
from trainer.ood.calibration import COMBINED, LEVELS, Calibration
from trainer.ood.detectors import ratio, registry
from trainer.ood.detectors.base import Background, Known
from trainer.ood.outliers import inverted, outliers_of, own_folder, validation_pair
from trainer.ood.scores import raw_scores
from trainer.runs.folder import Metric, Run

GROUP = "ood"
LIKELIHOOD = "likelihood"
"""The detector that every other score has to be compared with."""
DRAWN_PICTURES = 2_000
HELD_OUT = 10_000
"""Held-out pictures at most that calibrate: the 99.97 % quantile, the last that is stored, then rests on three."""
log = logging.getLogger(__name__)


def metric_name(measure: str, score: str, pair: str) -> str:
    """Return the name of a Metric of this group; `parse_name` is its inverse."""
    return f"{measure}, {score}, {pair}"


def parse_name(name: str) -> tuple[str, str, str]:
    """Return (measure, score, pair) of a Metric's name."""
    measure, rest = name.split(", ", 1)
    score, pair = rest.rsplit(", ", 1)
    return measure, score, pair


def pairs_measured(metrics: list[Metric]) -> list[str]:
    """Return names of the reported pairs that were measured, in their order; the validation pairs are none of them."""
    names = dict.fromkeys(parse_name(metric.name)[2] for metric in metrics if metric.group == GROUP)
    return [pair for pair in names if pair not in protocols.VALIDATION]


def is_headline(metric: Metric) -> bool:
    """Return whether a card shows the number: of this group AUROC and FPR95 of the combined score, AUROC of the
    baselines and of plain likelihood.
    """
    if metric.group != GROUP:
        return True
    measure_, score, _ = parse_name(metric.name)
    bars = (*BASELINES, LIKELIHOOD)
    return (score == COMBINED and measure_ in ("AUROC", "FPR95")) or (score in bars and measure_ == "AUROC")


def beats_baselines(metrics: list[Metric], score: str, pair: str) -> bool | None:
    """Return whether a score's AUROC exceeds that of every baseline under the better of its signs; None if not
    measured.

    The bar is max(AUROC, 1 - AUROC): a baseline may choose its sign, a model may not.
    """
    values = {metric.name: metric.value for metric in metrics if metric.group == GROUP}
    own = values.get(metric_name("AUROC", score, pair))
    bars = [values.get(metric_name("AUROC", baseline, pair)) for baseline in BASELINES]
    if own is None or None in bars:
        return None
    return own > max(map(better_sign, bars))


def below_likelihood(metrics: list[Metric], score: str) -> list[str] | None:
    """Return the reported pairs on which a score is worse than plain likelihood; None where no pair has both.

    Worse: the 95 % interval of its AUROC lies below the likelihood's AUROC.
    """
    own = {metric.name: metric for metric in metrics if metric.group == GROUP}
    worse, compared = [], 0
    for pair in pairs_measured(metrics):
        found, bar = (own.get(metric_name("AUROC", name, pair)) for name in (score, LIKELIHOOD))
        if found is not None and bar is not None:
            compared += 1
            if (found.value if found.high is None else found.high) < bar.value:
                worse.append(pair)
    return worse if compared else None


def measure(context: Context) -> list[Metric]:
    """Calibrate on held-out pictures, score every pair whose pictures are on disk, store the scores, measure them.

    A pair whose outliers are not there is left out with a sentence on the log.
    """
    config, run = context.run.config, context.run
    background = context.background and ratio.background_of(Run(context.background), config)
    train = data.load(config.data, "train", context.data_root, partial(context.progress, "reading training pictures"))
    trained, validation = split_validation(train, config.data.validation, config.seed)
    del train
    neighbours.store(run, context.model, trained, context.device)
    del trained
    calibration = _calibrate(context, validation, background)
    reference = calibration.reference
    background = reference.background and replace(background, variance=reference.background[1])
    known = registry.known_of(neighbours.read(run), reference.variance, reference.entropy, background)
    rows = partial(_rows, context, calibration, known)
    table = rows(context.images, tables.ORDINARY, raw=context.scores)
    metrics = _drawn(context, rows, validation)
    parts = [table]
    for pair in protocols.pairs_of(config.data):
        if sentence := protocols.missing(pair, context.data_root):
            log.warning(sentence)
            continue
        images = outliers_of(pair, config.data, context.data_root)
        parts.append(rows(images, tables.OUTLIER, pair.polarity))
        metrics += _measured(context, pair.name, table, parts[-1])
    if context.outliers is not None:
        images = own_folder(context.outliers, config.data)
        for sentence in images.skipped:
            log.warning(sentence)
        parts.append(rows(images, tables.OUTLIER, protocols.OWN))
        metrics += _measured(context, protocols.own_pair(config.data, images.name).name, table, parts[-1])
    tables.write(pd.concat(parts, ignore_index=True), run)
    return metrics


def _calibrate(context: Context, validation: ImageSet, background: Background | None) -> Calibration:
    """Measured, stored, and read back: the page and the scores must use the very same numbers."""
    if len(validation) > HELD_OUT:
        validation = validation.subset(np.linspace(0, len(validation) - 1, HELD_OUT).astype(int))
    raw = raw_scores(context.model, validation, context.device, context.progress)
    kind = context.run.config.model.kind
    calibration = calibrations.calibrate(raw, kind, checkpoint=context.run.hash, data=validation.name)
    codes, progress = neighbours.read(context.run), partial(context.progress, "detectors, held-out pictures")
    reference = registry.measure(context.model, validation, codes, LEVELS, progress, background)
    calibrations.write(replace(calibration, reference=reference), context.run.path)
    return calibrations.read(context.run)


def _rows(
    context: Context,
    calibration: Calibration,
    known: Known,
    images: ImageSet,
    role: str,
    polarity: str = "",
    raw: dict[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Every score of a data set; `raw` where the model's own are there already."""
    raw = raw_scores(context.model, images, context.device, context.progress) if raw is None else raw
    progress = partial(context.progress, f"detectors, {images.name}")
    detected = registry.of_set(context.model, images, known, progress)
    return tables.rows(images, raw, calibration, role, polarity, detected)


def _drawn(context: Context, rows: Callable[..., pd.DataFrame], validation: ImageSet) -> list[Metric]:
    """Measures of the validation pairs, on which the scores were chosen and which are no results."""
    if len(validation) < 2:
        return []
    ordinary, drawn = validation_pair(validation, DRAWN_PICTURES, context.seed)
    table = rows(ordinary, tables.ORDINARY)
    metrics = []
    for name, images in ((protocols.DRAWN, drawn), (protocols.DRAWN_REVERSED, inverted(drawn))):
        outliers = rows(images, tables.OUTLIER)
        metrics += _measured(context, name, table, outliers, split="validation")
    return metrics


def _measured(
    context: Context, pair: str, ordinary: pd.DataFrame, outliers: pd.DataFrame, **fields: str
) -> list[Metric]:
    """Every measure of every score of one pair, each with its interval; `fields` as in Context.metric."""
    metrics = []
    columns = tables.score_columns(ordinary)
    for done, column in enumerate(columns, start=1):
        context.progress(f"ranking {pair}", done, len(columns))
        score, both = tables.plain(column), (tables.known(ordinary, column), tables.known(outliers, column))
        sizes = (f"{len(some):,} {rows['data'].iloc[0]}" for some, rows in zip(both, (ordinary, outliers), strict=True))
        estimator = f"{' against '.join(sizes)}; outliers positive, larger = more outlying; 95 % interval of "
        estimator += f"{ranking.RESAMPLES} bootstrap resamples of both"
        if column.startswith(tables.DETECTOR):
            estimator += f"; {registry.BY_NAME[score].formula} ({registry.BY_NAME[score].source})"
        for measure_, measured in ranking.with_intervals(*both, seed=context.seed).items():
            about = {"n": sum(map(len, both)), "seed": context.seed, "interval": (measured.low, measured.high)}
            about |= {"higher_is_better": measure_ != "FPR95"} | fields
            name = metric_name(measure_, score, pair)
            metrics.append(context.metric(GROUP, name, measured.value, estimator, **about))
    return metrics
