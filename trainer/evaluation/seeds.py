"""Several trainings of one recipe: mean and range of each number over seeds, which intervals over pictures do not hold.

`seeds` keeps them with the numbers of the first training, in a group of their own; a study (trainer/study/table.py)
makes a table of them.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainer.errors import UserError
from trainer.evaluation import card, ood
from trainer.evaluation.disentanglement import record
from trainer.evaluation.disentanglement.protocol import PROTOCOLS
from trainer.runs.folder import Metric, Run

GROUP = "seeds"
DIFFERENCES = "differences"
GROUPS = ("reconstruction", "clustering", "geometry", "disentanglement")
"""Groups that the command `seeds` summarises; the others hold hundreds of numbers."""
RESAMPLES = 10_000


def summarise(runs: Sequence[Run]) -> list[Metric]:
    """Return mean and range over the runs of every number that all have, and store them with the first run's.

    `low` and `high` of these metrics are the smallest and largest value of a run, no interval over pictures.

    Raises: UserError if fewer than two runs are given, they differ in more than seed and name, or a run lacks numbers
        of its weights.
    """
    _require_one_recipe(runs)
    found = [over_seeds(numbers) for numbers in shared([measured(run) for run in runs]).values()]
    if not found:
        raise UserError(f"{runs[0].path}: the runs share no numbers; measure each with 'python -m trainer evaluate'.")
    runs[0].write_metrics(found)
    card.write_card(runs[0])
    return found


def measured(run: Run, groups: Sequence[str] = GROUPS) -> dict[str, Metric]:
    """Return the headline numbers of a run's weights in these groups, by name; `seed` is that of the training.

    Disentanglement has, beside the scores, the importance of each factor's best axis, from the stored record.
    """
    stored = [*run.metrics, *_of_factors(run)]
    own = [metric for metric in stored if metric.checkpoint == run.hash and metric.group in groups]
    return {metric.name: replace(metric, seed=run.config.seed) for metric in own if ood.is_headline(metric)}


def _of_factors(run: Run) -> list[Metric]:
    found = []
    for protocol in PROTOCOLS:
        with contextlib.suppress(UserError):  # not measured so
            found += record.by_factor(record.read(run, protocol))
    return found


def shared(trainings: Sequence[dict[str, Metric]]) -> dict[str, list[Metric]]:
    """Return the numbers that all trainings have and that one protocol gave, by name: one per training."""
    names = [name for name in trainings[0] if all(name in numbers for numbers in trainings)]
    numbers = {name: [training[name] for training in trainings] for name in names}
    return {name: each for name, each in numbers.items() if len({_protocol(metric) for metric in each}) == 1}


def _protocol(metric: Metric) -> tuple:
    return metric.data, metric.split, metric.n, metric.unit


def _require_one_recipe(runs: Sequence[Run]) -> None:
    if any(run.recipe != runs[0].recipe for run in runs):
        raise UserError("The runs differ in more than their seed; give trainings of one recipe.")
    if len({run.config.seed for run in runs}) < max(2, len(runs)):
        raise UserError("Give at least two runs, each of another seed.")


def over_seeds(metrics: Sequence[Metric]) -> Metric:
    """Return mean and range of one number over trainings, each a metric whose seed is that of its training."""
    values = [metric.value for metric in metrics]
    how = f"mean and range of {len(values)} trainings that differ in their seed: {_each(metrics)}"
    changed = {"value": sum(values) / len(values), "low": min(values), "high": max(values)}
    return _summary(metrics, f"{metrics[0].name} over seeds", GROUP, how, changed)


def difference(metrics: Sequence[Metric], control: Sequence[Metric], name: str) -> Metric:
    """Return the mean over seeds of one number minus the control's of the same seed.

    The 95 % interval is that of the percentile bootstrap over seeds: draws with replacement from the differences. With
    three seeds it is no wider than their range, so it says how much the trainings differ, not more.

    Args:
        metrics, control: one per training, in the same order of seeds.
        name: of the control.
    """
    found = np.array([own.value - other.value for own, other in zip(metrics, control, strict=True)])
    draws = np.random.default_rng(0).integers(len(found), size=(RESAMPLES, len(found)))
    low, high = (float(end) for end in np.quantile(found[draws].mean(axis=1), (0.025, 0.975)))
    pairs = ", ".join(f"{value:.4g} (seed {metric.seed})" for value, metric in zip(found, metrics, strict=True))
    how = f"mean over {len(found)} seeds of the difference from {name} with the same seed: {pairs}; "
    how += f"95 % percentile bootstrap over seeds, {RESAMPLES:,} resamples"
    ends = {"low": low, "high": high} if len(found) > 1 else {"low": None, "high": None}
    changed = {"value": float(found.mean()), **ends}
    return _summary(metrics, f"{metrics[0].name} minus {name}", DIFFERENCES, how, changed)


def _each(metrics: Sequence[Metric]) -> str:
    return ", ".join(f"{metric.value:.4g} (seed {metric.seed}, {metric.checkpoint})" for metric in metrics)


def _summary(metrics: Sequence[Metric], name: str, group: str, how: str, changed: dict) -> Metric:
    """Return the first metric, renamed and changed; a text of any length stays within what a record may hold."""
    estimator = f"{how}; each: {metrics[0].estimator}"
    return replace(metrics[0], name=name[:200], group=group, seed=None, estimator=estimator[:2000], **changed)
