"""The settings of a quick look: the picture size, width and steps with which a training has something to show in
minutes on this machine, chosen from a few real steps that are timed here.
"""

import bisect
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trainer import config
from trainer.data.registry import DATASETS
from trainer.jobs import estimate
from trainer.jobs.task import Job, Reporter, Task, cache_folder
from trainer.system import files, processes

RECIPE = "quick-look"
"""The recipe (trainer/configs) that is fitted to pictures and machine."""
SECONDS = 100.0
"""Of all steps and validations; the start, reading pictures and opening a page take the rest of three minutes."""
FEWEST = 1_000
"""Steps that a larger network has to manage in that time; with fewer, a smaller one looks better."""
CHOICES = ((32, 8), (32, 16), (32, 32), (64, 16), (64, 32))
"""Picture size and width of the networks, the fastest first."""
WARM_UP = 0.6
"""Share of the steps without critic, each a third of the time of one with it."""
SHIFT = 2
"""Pixels by which each picture is moved at random: a few hundred are otherwise soon known by heart."""
VALIDATIONS = 10
"""With each there is a new model to open, and a new row of pictures."""
REPEATS = 2
LEAST = 20
"""Steps, however slow the machine is."""


@dataclass(frozen=True)
class Plan:
    """What was chosen: picture size, width of the networks and steps; the time they take, in seconds."""

    size: int
    width: int
    steps: int
    seconds: float


def fitted(settings: config.Config, plan: Plan) -> config.Config:
    """Return the settings with what was chosen, and a schedule of as many steps."""
    values = settings.model_dump()
    values["data"] |= {"size": plan.size, "shift": SHIFT}
    values["model"]["width"] = plan.width
    warm_up = round(WARM_UP * plan.steps) if settings.model.kind == "gwae" else 0
    every = max(1, plan.steps // VALIDATIONS)
    values["optim"] |= {"max_steps": plan.steps, "warmup_steps": warm_up, "refine_steps": 0, "validate_every": every}
    return config.from_dict(values, "These settings")


def choices(settings: config.Config) -> list[tuple[int, int]]:
    """Return sizes and widths to choose from, the fastest first: no pictures are enlarged."""
    return [choice for choice in CHOICES if choice[0] <= DATASETS[settings.data.name].size]


def measure(settings: config.Config, report: Callable[[str, int, int], None] = lambda *_: None) -> Plan:
    """Return the largest choice that makes FEWEST steps in SECONDS on this machine, busy as it is; or the fastest."""
    open_to = choices(settings)

    @cache
    def seconds(choice: tuple[int, int]) -> float:
        """Return the time of FEWEST steps."""
        report("measuring", 0, 0)
        trial = fitted(settings, Plan(*choice, FEWEST, SECONDS))
        return max(estimate.measure(trial, repeats=REPEATS).total, 1e-3)

    too_slow = bisect.bisect_left(open_to, True, key=lambda choice: seconds(choice) > SECONDS)
    chosen = open_to[max(0, too_slow - 1)]
    steps = max(LEAST, int(FEWEST * SECONDS / seconds(chosen)))
    return Plan(*chosen, steps, steps * seconds(chosen) / FEWEST)


def target(settings: config.Config) -> Path:
    """Return the file of the plan; the same for all settings that take the same time."""
    values = fitted(settings, Plan(32, 8, FEWEST, SECONDS)).model_dump(exclude={"name", "seed"})
    values["data"] = [values["data"]["channels"], choices(settings)]
    values["threads"] = processes.training_threads()
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "quick-looks" / f"{digest}.json"


def read(path: Path) -> Plan | None:
    """Return a stored plan; None if there is none or it is damaged."""
    try:
        return Plan(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def job(settings: config.Config) -> Job:
    """Return the choice for these settings."""
    path = target(settings)
    return Job(TASK, path, {"settings": settings.model_dump()}, lambda: read(path) is not None)


def _work(job: Job, report: Reporter, settings: dict[str, Any]) -> None:
    """Raises: UserError if the settings are not valid."""
    plan = measure(config.from_dict(settings, "These settings"), report)
    files.write_text(job.target, json.dumps(asdict(plan)) + "\n")


TASK = Task(
    "quick-look",
    "Timing",
    _work,
    dict.fromkeys(("starting", "measuring"), "Timing a few real steps, to choose picture size, width and steps"),
    threads=processes.training_threads,
)
