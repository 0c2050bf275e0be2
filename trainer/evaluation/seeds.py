"""Several trainings of one recipe: mean and range of each number over seeds, which intervals over pictures do not hold.

Kept with the numbers of the first training, in a group of their own.
"""

from collections.abc import Sequence
from dataclasses import replace

from trainer.errors import UserError
from trainer.evaluation import card
from trainer.runs.folder import Metric, Run

GROUP = "seeds"
GROUPS = ("reconstruction", "clustering", "geometry")
"""Groups that are summarised; the others hold hundreds of numbers."""


def summarise(runs: Sequence[Run]) -> list[Metric]:
    """Return mean and range over the runs of every number that all have, and store them with the first run's.

    `low` and `high` of these metrics are the smallest and largest value of a run, no interval over pictures.

    Raises: UserError if fewer than two runs are given, they differ in more than seed and name, or a run lacks numbers
        of its weights.
    """
    _require_one_recipe(runs)
    measured = [{m.name: m for m in run.metrics if m.checkpoint == run.hash and m.group in GROUPS} for run in runs]
    found = [
        _over_seeds([metrics[name] for metrics in measured], [run.config.seed for run in runs])
        for name in measured[0]
        if all(name in metrics for metrics in measured)
    ]
    if not found:
        raise UserError(f"{runs[0].path}: the runs share no numbers; measure each with 'python -m trainer evaluate'.")
    runs[0].write_metrics(found)
    card.write_card(runs[0])
    return found


def _require_one_recipe(runs: Sequence[Run]) -> None:
    recipes = [run.config.model_copy(update={"seed": 0, "name": "run"}) for run in runs]
    if any(recipe != recipes[0] for recipe in recipes):
        raise UserError("The runs differ in more than their seed; give trainings of one recipe.")
    if len({run.config.seed for run in runs}) < max(2, len(runs)):
        raise UserError("Give at least two runs, each of another seed.")


def _over_seeds(metrics: Sequence[Metric], seeds: Sequence[int]) -> Metric:
    """Return the mean of one number over trainings."""
    values = [metric.value for metric in metrics]
    each = ", ".join(
        f"{value:.4g} (seed {seed}, {m.checkpoint})" for value, seed, m in zip(values, seeds, metrics, strict=True)
    )
    how = f"mean and range of {len(values)} trainings that differ in their seed: {each}; each: {metrics[0].estimator}"
    changed = {"value": sum(values) / len(values), "low": min(values), "high": max(values), "estimator": how}
    return replace(metrics[0], name=f"{metrics[0].name} over seeds", group=GROUP, **changed)
