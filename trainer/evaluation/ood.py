"""Out-of-distribution detection of a trained model: calibration, scores of every pair at hand, and their measures.

Writes ood_calibration.json and ood_scores.parquet into the run folder (trainer/ood says what they hold). One Metric per
measure, score and pair, called e.g. "AUROC, combined, mnist/omniglot polarity-matched" (`metric_name`, `parse_name`).
"""

import logging
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
from trainer.ood.calibration import COMBINED, Calibration
from trainer.ood.outliers import inverted, outliers_of, own_folder, validation_pair
from trainer.ood.scores import raw_scores
from trainer.runs.folder import Metric

GROUP = "ood"
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
    baselines.
    """
    if metric.group != GROUP:
        return True
    measure_, score, _ = parse_name(metric.name)
    return (score == COMBINED and measure_ in ("AUROC", "FPR95")) or (score in BASELINES and measure_ == "AUROC")


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


def measure(context: Context) -> list[Metric]:
    """Calibrate on held-out pictures, score every pair whose pictures are on disk, store the scores, measure them.

    A pair whose outliers are not there is left out with a sentence on the log.
    """
    config, run = context.run.config, context.run
    train = data.load(config.data, "train", context.data_root, partial(context.progress, "reading training pictures"))
    trained, validation = split_validation(train, config.data.validation, config.seed)
    del train
    neighbours.store(run, context.model, trained, context.device)
    del trained
    calibration = _calibrate(context, validation)
    table = tables.rows(context.images, context.scores, calibration, tables.ORDINARY)
    metrics = _drawn(context, calibration, validation)
    parts = [table]
    for pair in protocols.pairs_of(config.data):
        if sentence := protocols.missing(pair, context.data_root):
            log.warning(sentence)
            continue
        images = outliers_of(pair, config.data, context.data_root)
        parts.append(_rows(context, images, calibration, pair.polarity))
        metrics += _measured(context, pair.name, table, parts[-1])
    if context.outliers is not None:
        images = own_folder(context.outliers, config.data)
        for sentence in images.skipped:
            log.warning(sentence)
        parts.append(_rows(context, images, calibration, protocols.OWN))
        metrics += _measured(context, protocols.own_pair(config.data, images.name).name, table, parts[-1])
    tables.write(pd.concat(parts, ignore_index=True), run)
    return metrics


def _calibrate(context: Context, validation: ImageSet) -> Calibration:
    """Measured, stored, and read back: the page and the scores must use the very same numbers."""
    if len(validation) > HELD_OUT:
        validation = validation.subset(np.linspace(0, len(validation) - 1, HELD_OUT).astype(int))
    raw = raw_scores(context.model, validation, context.device, context.progress)
    kind = context.run.config.model.kind
    calibration = calibrations.calibrate(raw, kind, checkpoint=context.run.hash, data=validation.name)
    calibrations.write(calibration, context.run.path)
    return calibrations.read(context.run)


def _rows(context: Context, images: ImageSet, calibration: Calibration, polarity: str) -> pd.DataFrame:
    raw = raw_scores(context.model, images, context.device, context.progress)
    return tables.rows(images, raw, calibration, tables.OUTLIER, polarity)


def _drawn(context: Context, calibration: Calibration, validation: ImageSet) -> list[Metric]:
    """Measures of the validation pairs, on which the scores were chosen and which are no results."""
    if len(validation) < 2:
        return []
    ordinary, drawn = validation_pair(validation, DRAWN_PICTURES, context.seed)
    raw = raw_scores(context.model, ordinary, context.device, context.progress)
    table = tables.rows(ordinary, raw, calibration, tables.ORDINARY)
    metrics = []
    for name, images in ((protocols.DRAWN, drawn), (protocols.DRAWN_REVERSED, inverted(drawn))):
        metrics += _measured(context, name, table, _rows(context, images, calibration, ""), split="validation")
    return metrics


def _measured(
    context: Context, pair: str, ordinary: pd.DataFrame, outliers: pd.DataFrame, **fields: str
) -> list[Metric]:
    """Every measure of every score of one pair, each with its interval; `fields` as in Context.metric."""
    metrics = []
    sizes = f"{len(ordinary):,} {ordinary['data'].iloc[0]} against {len(outliers):,} {outliers['data'].iloc[0]}"
    columns = tables.score_columns(ordinary)
    for done, column in enumerate(columns, start=1):
        context.progress(f"ranking {pair}", done, len(columns))
        score = column.removeprefix(tables.SCORE).removeprefix(tables.BASELINE)
        values = ranking.with_intervals(ordinary[column].to_numpy(), outliers[column].to_numpy(), seed=context.seed)
        for measure_, measured in values.items():
            metrics.append(
                context.metric(
                    GROUP,
                    metric_name(measure_, score, pair),
                    measured.value,
                    f"{sizes}; outliers positive, larger = more outlying; 95 % interval of {ranking.RESAMPLES} "
                    "bootstrap resamples of both",
                    n=len(ordinary) + len(outliers),
                    seed=context.seed,
                    interval=(measured.low, measured.high),
                    higher_is_better=measure_ != "FPR95",
                    **fields,
                )
            )
    return metrics
