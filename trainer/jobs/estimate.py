"""How long a training will take on this machine: a few real steps of every kind it has, timed at its settings."""

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
from trainer.runs import folder as run
from trainer.system import files, processes

REPEATS = 5
WARM_UP = 2
BUDGET = 20.0
"""Seconds after which no further step is measured; every kind is measured once at least."""
PICTURES = 512


@dataclass(frozen=True)
class Estimate:
    """What a training costs: seconds per step by kind, seconds of a validation with its checkpoint, and the whole.

    total: by the clock, on the machine as busy as it was; the other times likewise.
    alone: by the processor's time, for a machine with nothing else to do.
    """

    total: float
    alone: float
    main: float
    warmup: float
    refinement: float
    validation: float
    threads: int


def target(settings: config.Config) -> Path:
    """File that holds or would hold the estimate; the same for all settings that cost the same."""
    values = settings.model_dump(exclude={"name", "seed"})
    values["data"] = {name: values["data"][name] for name in ("size", "channels")}
    values["threads"] = processes.training_threads()
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "estimates" / f"{digest}.json"


def read(path: Path) -> Estimate | None:
    """A stored estimate; None if there is none or it is damaged."""
    try:
        return Estimate(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def job(settings: config.Config) -> Job:
    """Return the measurement of what a training of these settings costs."""
    path = target(settings)
    return Job(TASK, path, {"settings": settings.model_dump()}, lambda: read(path) is not None)


def launch(settings: config.Config) -> Job:
    """Measure in a process of its own, also where there is an estimate already.

    Raises: UserError if the cache cannot be written.
    """
    wanted = job(settings)
    files.remove(wanted.target)
    wanted.start()
    return wanted


def measure(settings: config.Config, report: Callable[[str, int, int], None] = lambda *_: None) -> Estimate:
    """Time steps on pictures of noise, which cost what real ones do; one of every kind the schedule has."""
    import torch
    from tqdm import tqdm

    from trainer.bench.settings import synthetic
    from trainer.training.fit import Trainer

    optim = settings.optim
    with tempfile.TemporaryDirectory() as folder:
        noise = synthetic(_elsewhere(settings), max(PICTURES, 2 * optim.batch_size))
        trainer = Trainer(run.create(Path(folder) / "run", _elsewhere(settings)), noise)
        bar = tqdm(disable=True)
        places = {"main": optim.warmup_steps} | ({"warmup": 0} if optim.warmup_steps > 1 else {})
        places |= {"refinement": optim.max_steps - optim.refine_steps} if optim.refine_steps else {}
        found = {"warmup": Times(0, 0), "refinement": Times(0, 0)}
        for number, (kind, step) in enumerate(places.items()):
            report("measuring", number, len(places) + 1)
            found[kind] = _median(lambda step=step: _step_at(trainer, step, bar))
        report("measuring", len(places), len(places) + 1)
        trainer.counters.step = min(optim.warmup_steps + 1, optim.max_steps)
        found["validation"] = _timed(lambda: trainer._checkpoint(validate=True))
    threads = torch.get_num_threads()
    counts = {"warmup": min(optim.warmup_steps, optim.max_steps), "refinement": optim.refine_steps}
    counts["main"] = max(0, optim.max_steps - counts["warmup"] - counts["refinement"])
    counts["validation"] = optim.max_steps // optim.validate_every
    total = sum(found[kind].clock * count for kind, count in counts.items())
    alone = sum(found[kind].processor * count for kind, count in counts.items()) / threads
    clock = {kind: times.clock for kind, times in found.items()}
    return Estimate(total=total, alone=min(alone, total), threads=threads, **clock)


class Times(NamedTuple):
    """Seconds of one piece of work, by the clock and of the processor (all threads together)."""

    clock: float
    processor: float


def _elsewhere(settings: config.Config) -> config.Config:
    """The same work without the data set: pictures are noise, and a mixture is not placed on their codes."""
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


def _median(call: Callable[[], None]) -> Times:
    """Medians over calls, the first ones not counted."""
    for _ in range(WARM_UP):
        call()
    taken: list[Times] = []
    while not taken or (len(taken) < REPEATS and sum(times.clock for times in taken) < BUDGET):
        taken.append(_timed(call))
    return Times(*(statistics.median(values) for values in zip(*taken, strict=True)))


def _work(job: Job, report: Reporter, settings: dict[str, Any]) -> None:
    """Raises: UserError if the settings are not valid."""
    found = measure(config.from_dict(settings, "These settings"), report)
    files.write_text(job.target, json.dumps(asdict(found)) + "\n")


TASK = Task(
    "estimate",
    "Timing",
    _work,
    dict.fromkeys(("starting", "measuring"), "Timing a few real steps of these settings"),
    threads=processes.training_threads,
)
