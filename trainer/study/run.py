"""Train and measure all variants of a study, some at a time, each in a process of its own (trainer/jobs/study.py).

Everything lies in the folder of the study: a run folder per training, and the table. What is there is not done again,
so the same command continues after any interruption; processes that outlived it are waited for.
"""

import math
import os
import time
from pathlib import Path

from trainer.batching import Progress, silent
from trainer.errors import UserError
from trainer.evaluation.evaluate import GROUPS
from trainer.jobs import queue
from trainer.jobs import study as studies
from trainer.jobs.task import Job
from trainer.runs import layout
from trainer.runs.folder import Run, create
from trainer.runs.status import look
from trainer.study import table
from trainer.study.plan import Plan, Training, trainings
from trainer.system import files, locks, processes

LOOK_SECONDS = 0.5
STOP_SECONDS = 60.0
_READING = ("new", "starting", "loading")
_GPUS = "CUDA_VISIBLE_DEVICES"


def run(
    plan: Plan,
    path: Path,
    folder: Path,
    data_root: Path | None = None,
    jobs: int | None = None,
    progress: Progress = silent,
) -> table.Table:
    """Train and measure what is missing, write the table and return it.

    Args:
        path: of the study file, beside which recipes are looked for.
        folder: of the study.
        jobs: processes at a time; default one per GPU, else one.
        progress: called with what is being done and the numbers of finished and all trainings.

    Raises: UserError if another study writes this folder, a run in it is another one's, a configuration is not valid,
        or trainings failed; those that did not are in the table.
    """
    for unknown in set(plan.groups) - set(GROUPS):
        raise UserError(f"{path}: groups: '{unknown}' is none of {', '.join(GROUPS)}.")
    wanted = trainings(plan, path, data_root)
    files.make_folder(folder)
    with locks.exclusive(folder / "study.lock", f"{folder}: another study is running here; wait, or choose --out."):
        for each in wanted:
            _prepare(folder, each)
        failed = _work_off([_job(plan, folder, each, data_root) for each in wanted], jobs, progress)
        if len(failed) == len(wanted):
            raise UserError(f"{folder}: no training succeeded; the first: {failed[0]}")
        made = table.write(plan, path, folder)
    if failed:
        raise UserError(f"{folder}: {len(failed)} of {len(wanted)} trainings failed, the first: {failed[0]}")
    return made


def _job(plan: Plan, folder: Path, each: Training, data_root: Path | None) -> Job:
    precision = plan.precision_of(each.variant)
    return studies.job(folder / each.name, plan.groups, plan.fast, plan.measured, data_root, precision)


def _prepare(folder: Path, each: Training) -> None:
    """Create the run folder of a training. Raises: UserError if it holds another training."""
    place = folder / each.name
    if not (place / layout.CONFIG).is_file():
        create(place, each.settings)
    elif Run(place).config != each.settings:
        raise UserError(f"{place}: holds a training with other settings; choose another --out, or delete it.")


class _Slot:
    """One of the processes at a time: starts a job, or waits for one that outlived an earlier call."""

    def __init__(self, job: Job, environment: dict[str, str]):
        self.job = job
        if not job.state().is_running:
            files.remove(job.target.parent / layout.STOP)  # of an earlier call
        self.process = job.start(environment)

    @property
    def is_running(self) -> bool:
        """Whether its process works; one that dies at its start is noticed at once."""
        return self.job.state().is_running if self.process is None else self.process.poll() is None

    @property
    def is_reading(self) -> bool:
        """Whether it may be downloading or rendering pictures, which one process does for all."""
        return look(self.job.target.parent).phase in _READING

    @property
    def is_due(self) -> bool:
        """Whether its job has to be started now: an earlier call's process ended before its work was done."""
        return self.process is None and self.job.state().status != "ready"


def _work_off(jobs: list[Job], count: int | None, progress: Progress) -> list[str]:
    """Do each job once, `count` at a time; return why some failed. Ctrl-C stops the running ones with a checkpoint."""
    gpus = _gpus()
    count = max(1, min(count or len(gpus) or 1, len(jobs)))
    due = [job for job in jobs if job.state().status != "ready"]
    waiting = sorted(due, key=lambda job: not job.state().is_running)  # those that outlived an earlier call come first
    slots: dict[int, _Slot] = {}
    try:
        while waiting or slots:
            for number in range(count):
                if number in slots and not slots[number].is_running:
                    ended = slots.pop(number)
                    waiting[:0] = [ended.job] if ended.is_due else []
                if number not in slots and waiting and not any(slot.is_reading for slot in slots.values()):
                    slots[number] = _Slot(waiting.pop(0), _environment(number, count, gpus))
            running = [slot.job for slot in slots.values()]
            progress(_doing(running), len(jobs) - len(waiting) - len(running), len(jobs))
            time.sleep(LOOK_SECONDS)
    except BaseException:
        _stop([slot.job for slot in slots.values()])
        raise
    states = {job.target.parent.name: job.state() for job in jobs}
    return [f"{name}: {state.error or 'it was stopped.'}" for name, state in states.items() if state.status != "ready"]


def _doing(running: list[Job]) -> str:
    """Return what runs, in a few words."""
    parts = []
    for job in running:
        state, training = job.state(), look(job.target.parent)
        at = f"step {training.step:,}" if state.stage == "training" else state.stage
        parts.append(f"{job.target.parent.name} {at}")
    return ", ".join(parts)


def _stop(running: list[Job]) -> None:
    """Ask jobs to end, trainings with a checkpoint, and wait a while for it."""
    for job in running:
        job.stop()
        queue.stop(job.target.parent)
    end = time.monotonic() + STOP_SECONDS
    while any(job.state().is_running for job in running) and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)


def _gpus() -> list[str]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    named = [name for name in os.environ.get(_GPUS, "").split(",") if name]
    count = torch.cuda.device_count()
    return (named or [str(number) for number in range(count)])[:count]


def _environment(slot: int, count: int, gpus: list[str]) -> dict[str, str]:
    """Return the variables of the process in a slot: its share of the cores, and its GPU."""
    threads = str(max(1, math.floor(processes.training_threads() / count)))
    own = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads)}
    return own | ({_GPUS: gpus[slot % len(gpus)]} if gpus else {})
