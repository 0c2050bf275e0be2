"""Pictures a second and memory of every model and size, and what threads, bfloat16 and torch.compile change.

Pictures a second are those of the main steps: the batch over the time of a step, critic steps included. The variants
of a model take turns, step by step, and medians by the clock count, so that a busy machine slows all of them alike.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tqdm import tqdm

from trainer import config
from trainer.bench import memory
from trainer.bench.settings import CPU, by_model_and_size, synthetic
from trainer.runs.folder import create
from trainer.training.fit import Trainer
from trainer.training.hardware import Hardware

COMPILED = "gwae, np"
"""Of this model alone torch.compile is measured: it takes a minute before the first step."""


@dataclass(frozen=True)
class Variant:
    """A way to train the same thing."""

    name: str
    hardware: Hardware
    threads: int


def variants(compiled: bool) -> list[Variant]:
    """Return the variants, the plain one first: one thread, float32."""
    cores = os.cpu_count() or 1
    variants = [Variant("1 thread", CPU, 1)]
    variants += [Variant(f"{cores} threads", CPU, cores)] if cores > 1 else []
    variants += [Variant("bf16-mixed", replace(CPU, precision="bf16-mixed"), 1)]
    return variants + ([Variant("compile", replace(CPU, compile=True), 1)] if compiled else [])


def measure(repeats: int, report: Callable[[str], None] = lambda text: print(text, file=sys.stderr)) -> list[dict]:
    """Return a row for every model and size: milliseconds of a step by variant, pictures a second, peak memory."""
    rows = []
    for (model, size), settings in by_model_and_size().items():
        report(f"{model}, {size} ...")
        steps = step_ms(settings, variants(compiled=model == COMPILED), repeats)
        plain = next(iter(steps.values()))
        rate = 1e3 * settings.optim.batch_size / plain
        rows.append(
            {"model": model, "size": size, "images_per_s": rate, "step_ms": steps, "peak_gb": memory.peak_gb(settings)}
        )
    return rows


def step_ms(settings: config.Config, wanted: list[Variant], repeats: int) -> dict[str, float]:
    """Return the median milliseconds of a main step with its critic steps, by the variant's name."""
    times: dict[str, list[float]] = {variant.name: [] for variant in wanted}
    before = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        calls = {variant.name: _step(Path(folder), settings, variant) for variant in wanted}
        try:
            for repeat in range(repeats + 2):
                for variant in wanted:
                    torch.set_num_threads(variant.threads)
                    started = time.perf_counter()
                    calls[variant.name]()
                    if repeat >= 2:  # the first ones find their kernels, or compile
                        times[variant.name].append(1e3 * (time.perf_counter() - started))
        finally:
            torch.set_num_threads(before)
    return {name: statistics.median(values) for name, values in times.items()}


def _step(folder: Path, settings: config.Config, variant: Variant) -> Callable[[], None]:
    made = create(folder / variant.name.replace(" ", "-"), settings)
    trainer = Trainer(made, synthetic(settings), hardware=variant.hardware)
    bar = tqdm(disable=True)
    return lambda: trainer._one_step(bar)


def table(rows: list[dict]) -> str:
    """Return the results of `measure` as text; every variant as how many times as fast as the first."""
    names = list(dict.fromkeys(name for row in rows for name in row["step_ms"]))
    plain, *others = names
    head = f"{'model':<12}{'size':<10}{'step, ' + plain:>16}{'images/s':>10}{'peak':>10}"
    lines = [head + "".join(f"{name:>14}" for name in others)]
    for row in rows:
        step = row["step_ms"][plain]
        text = f"{row['model']:<12}{row['size']:<10}{step:13.1f} ms{row['images_per_s']:10.0f}{row['peak_gb']:7.2f} GB"
        speeds = [f"{step / row['step_ms'][name]:.2f} x" if name in row["step_ms"] else "" for name in others]
        lines.append(text + "".join(f"{speed:>14}" for speed in speeds))
    return "\n".join(lines)
