"""Estimate of the time of a training on this machine: a few real steps of every kind, timed at its settings."""

import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from trainer import config
from trainer.jobs.task import Job, Reporter, Task, cache_folder
from trainer.runs.folder import create
from trainer.system import files, processes

REPEATS = 5
WARM_UP = 2
BUDGET = 20.0
"""Seconds after which no further step of a kind is measured; each is measured at least once."""
PICTURES = 512


@dataclass(frozen=True)
class Estimate:
    """Times of a training in seconds: of a step of each kind, of a validation with its checkpoint, and in total.

    total: by the clock, under the load during the measurement; the other times likewise.
    alone: by the processor's time, for an otherwise idle machine.
    """

    total: float
    alone: float
    main: float
    warmup: float
    refinement: float
    validation: float
    threads: int


def target(settings: config.Config) -> Path:
    """Return the file of the estimate; the same for all settings that take the same time."""
    values = settings.model_dump(exclude={"name", "seed"})
    values["data"] = {name: values["data"][name] for name in ("size", "channels")}
    values["threads"] = processes.training_threads()
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "estimates" / f"{digest}.json"


def read(path: Path) -> Estimate | None:
    """Return a stored estimate; None if there is none or it is damaged."""
    try:
        return Estimate(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def job(settings: config.Config) -> Job:
    """Return the measurement of the time of a training with these settings."""
    path = target(settings)
    return Job(TASK, path, {"settings": settings.model_dump()}, lambda: read(path) is not None)


def launch(settings: config.Config) -> Job:
    """Start the measurement in a separate process, even if there is an estimate; return its job.

    Raises: UserError if the cache cannot be written.
    """
    wanted = job(settings)
    files.remove(wanted.target)
    wanted.start()
    return wanted


def measure(
    settings: config.Config, report: Callable[[str, int, int], None] = lambda *_: None, repeats: int = REPEATS
) -> Estimate:
    """Return the estimate, from `repeats` steps of every kind in the schedule; on noise, which takes as long as
    pictures.
    """
    import torch
    from tqdm import tqdm

    from trainer.bench.settings import synthetic
    from trainer.training.fit import Trainer

    optim = settings.optim
    with tempfile.TemporaryDirectory() as folder:
        noise = synthetic(_elsewhere(settings), max(PICTURES, 2 * optim.batch_size))
        trainer = Trainer(create(Path(folder) / "run", _elsewhere(settings)), noise)
        bar = tqdm(disable=True)
        places = {"main": optim.warmup_steps} | ({"warmup": 0} if optim.warmup_steps > 1 else {})
        places |= {"refinement": optim.max_steps - optim.refine_steps} if optim.refine_steps else {}
        times = {"warmup": Times(0, 0), "refinement": Times(0, 0)}
        for number, (kind, step) in enumerate(places.items()):
            report("measuring", number, len(places) + 1)
            times[kind] = _median(lambda step=step: _step_at(trainer, step, bar), repeats)
        report("measuring", len(places), len(places) + 1)
        trainer.counters.step = min(optim.warmup_steps + 1, optim.max_steps)
        times["validation"] = _timed(lambda: trainer._checkpoint(validate=True))
    threads = torch.get_num_threads()
    counts = {"warmup": min(optim.warmup_steps, optim.max_steps), "refinement": optim.refine_steps}
    counts["main"] = max(0, optim.max_steps - counts["warmup"] - counts["refinement"])
    counts["validation"] = optim.max_steps // optim.validate_every
    total = sum(times[kind].clock * count for kind, count in counts.items())
    alone = sum(times[kind].processor * count for kind, count in counts.items()) / threads
    clock = {kind: one.clock for kind, one in times.items()}
    return Estimate(total=total, alone=min(alone, total), threads=threads, **clock)


class Times(NamedTuple):
    """Seconds of one piece of work, by the clock and of the processor (all threads together)."""

    clock: float
    processor: float


def _elsewhere(settings: config.Config) -> config.Config:
    """Return settings of the same work without the data set: noise pictures, and no mixture placed on their codes."""
    values = settings.model_dump()
    values["data"] |= {"name": "mnist", "path": None, "crop": None}
    values["prior"] |= {"warm_start": False}
    return config.from_dict(values)


def _step_at(trainer, step: int, bar) -> None:
    trainer.counters.step = step
    trainer._one_step(bar)


def _timed(call: Callable[[], None]) -> Times:
    clock, processor = time.monotonic(), time.process_time()
    call()
    return Times(time.monotonic() - clock, time.process_time() - processor)


def _median(call: Callable[[], None], repeats: int) -> Times:
    """Return the medians over several calls, after a few that are not counted."""
    for _ in range(WARM_UP):
        call()
    taken: list[Times] = []
    while not taken or (len(taken) < repeats and sum(times.clock for times in taken) < BUDGET):
        taken.append(_timed(call))
    return Times(*(statistics.median(values) for values in zip(*taken, strict=True)))


def _work(job: Job, report: Reporter, settings: dict[str, Any]) -> None:
    """Raises: UserError if the settings are not valid."""
    estimate = measure(config.from_dict(settings, "These settings"), report)
    files.write_text(job.target, json.dumps(asdict(estimate)) + "\n")


TASK = Task(
    "estimate",
    "Timing",
    _work,
    dict.fromkeys(("starting", "measuring"), "Timing a few real steps of these settings"),
    threads=processes.training_threads,
)
