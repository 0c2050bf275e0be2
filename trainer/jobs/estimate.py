"""How long a training will take on this machine: a few real steps of every kind it has, timed at its settings.

`python -m trainer.jobs.estimate --settings <JSON of a Config> --out FILE` is what the app starts (see `launch`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from trainer import config
from trainer.errors import UserError
from trainer.jobs.task import Job, JobState, Reporter, cache_folder, lock
from trainer.system import ROOT, files, processes

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


def state(path: Path) -> JobState:
    """How far the estimate in `path` is."""
    return JobState("ready") if read(path) else _job(path).state()


def launch(settings: config.Config) -> Path:
    """Measure in a process of its own; returns the file that will hold the result.

    Raises: UserError if the cache cannot be written.
    """
    path = target(settings)
    job = _job(path)
    files.make_folder(path.parent)
    path.unlink(missing_ok=True)
    job.say(stage="starting")
    with open(job.log, "w", encoding="utf-8") as log:
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "trainer.jobs.estimate",
                "--settings",
                settings.model_dump_json(),
                "--out",
                str(path),
            ],
            cwd=ROOT,
            env=processes.training_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return path


def measure(settings: config.Config, report: Callable[[str, int, int], None] = lambda *_: None) -> Estimate:
    """Time steps on pictures of noise, which cost what real ones do; one of every kind the schedule has."""
    import torch
    from tqdm import tqdm

    from trainer.bench.settings import synthetic
    from trainer.runs import folder as run
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


def _job(path: Path) -> Job:
    return Job(path, status_suffix=".status")


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the result or why there is none."""
    parser = argparse.ArgumentParser(prog="python -m trainer.jobs.estimate", description=__doc__)
    parser.add_argument("--settings", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    job = _job(options.out)
    processes.lower_priority()
    with lock(job.lock, wait=False) as own:
        if not own:
            return 0
        try:
            settings = config.from_dict(json.loads(options.settings), "--settings")
            found = measure(settings, Reporter(job))
            files.write_text(options.out, json.dumps(asdict(found)) + "\n")
        except UserError as error:
            job.say(error=str(error))
            return 2
        except BaseException as error:
            job.say(error=f"The measurement failed ({error!r}); {job.log} tells more.")
            raise
        job.status.unlink(missing_ok=True)
    job.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
