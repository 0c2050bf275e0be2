"""A training step of the published setting (64x64x3) by how it is computed: python -m tests.benchmarks.step [STEPS]

    as it was     default, with torch's LeakyReLU, whose second derivative of zeros travels through every layer
    default       fresh pictures for each critic step, float32: the same numbers, bit by bit
    shared        optim.critic_batches=shared
    forward       shared, --precision bf16-forward
    mixed         shared, --precision bf16-mixed

All take turns, step by step, on one thread. The process's own time counts, which other processes disturb least; the
clock's is shown beside it. Medians, and the ratio to the first.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import torch
from torch import nn
from tqdm import tqdm

from trainer import config
from trainer.bench import memory
from trainer.bench.settings import CPU, PUBLISHED, synthetic
from trainer.models.leaky import LeakyReLU
from trainer.runs.folder import create
from trainer.training.fit import Trainer

VARIANTS = {
    "as it was": ("fresh", "32-true"),
    "default": ("fresh", "32-true"),
    "shared": ("shared", "32-true"),
    "forward": ("shared", "bf16-forward"),
    "mixed": ("shared", "bf16-mixed"),
}
TARGET, TARGET_GB = 0.80, 0.65


def main(steps: int = 15) -> None:
    """Measure all and print a line each, then the peak memory of the variants that the target is about."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        times = in_turns({name: _step(Path(folder), name) for name in VARIANTS}, steps)
    base = statistics.median(own for own, _ in times["as it was"])
    print(f"Step at the published setting, one thread, {steps} rounds; at most {TARGET} of the first")
    for name, taken in times.items():
        own, clock = (statistics.median(values) for values in zip(*taken, strict=True))
        print(f"{name:12}{own:8.3f} s of the processor{clock:8.3f} s by the clock   ratio {own / base:.3f}")
    for name in ("forward", "mixed"):
        batches, precision = VARIANTS[name]
        peak = memory.peak_gb(_settings(batches), replace(CPU, precision=precision))
        print(f"peak memory, {name}: {peak:.3f} GB (at most {TARGET_GB})")


def in_turns(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return seconds of the processor and by the clock of each call, by round; the first round is not counted."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            own, clock = time.process_time(), time.perf_counter()
            call()
            if number:
                times[name].append((time.process_time() - own, time.perf_counter() - clock))
    return times


def _settings(batches: str) -> config.Config:
    return config.from_dict(PUBLISHED | {"optim": PUBLISHED["optim"] | {"critic_batches": batches}})


def _step(folder: Path, name: str) -> Callable[[], None]:
    batches, precision = VARIANTS[name]
    settings = _settings(batches)
    run = create(folder / name.replace(" ", "-"), settings)
    trainer = Trainer(run, synthetic(settings), hardware=replace(CPU, precision=precision))
    bar = tqdm(disable=True)

    def call() -> None:
        with _torchs_own() if name == "as it was" else contextlib.nullcontext():
            trainer._one_step(bar)

    return call


@contextlib.contextmanager
def _torchs_own() -> Iterator[None]:
    with mock.patch.object(LeakyReLU, "forward", nn.LeakyReLU.forward):
        yield


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
