"""What the bundled recipes take on a CPU or a graphics card: steps a second, memory, and the time of a whole training.

Each kind of step that a recipe has (warm-up, main, refinement) is timed at its place in the schedule, on pictures of
noise; validations and checkpoints are not in the time.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tqdm import tqdm

from trainer import config
from trainer.bench import memory
from trainer.bench.settings import PUBLISHED, synthetic
from trainer.runs.folder import create
from trainer.training.fit import Trainer
from trainer.training.hardware import Hardware

WARM_UP = 3
"""Steps of each kind that are not counted: they find kernels, or compile."""


def measure(
    accelerator: str,
    repeats: int,
    wanted: dict[str, config.Config] | None = None,
    report: Callable[[str], None] = lambda text: print(text, file=sys.stderr),
) -> list[dict]:
    """Return a row for each recipe: milliseconds of a step by kind, main steps a second, peak memory, hours.

    Raises: UserError if there is no such accelerator.
    """
    rows = []
    for name, settings in (wanted or bundled()).items():
        report(f"{name} ...")
        rows.append({"recipe": name} | of_recipe(settings, Hardware(accelerator=accelerator), repeats))
    return rows


def bundled() -> dict[str, config.Config]:
    """Return the published setting and the bundled recipes, on other pictures of the same form."""
    named = {"published, 64x64x3": config.from_dict(PUBLISHED)}
    named |= {path.stem: config.load(path) for path in sorted(config.RECIPES.glob("*.yaml"))}
    return {name: _elsewhere(settings) for name, settings in named.items()}


def _elsewhere(settings: config.Config) -> config.Config:
    """The same work without the data set: no prior is placed on or fitted to codes of noise."""
    values = settings.model_dump()
    values["data"] |= {"name": "mnist", "path": None, "crop": None}
    values["prior"] |= {"warm_start": False, "fit_steps": 0}
    return config.from_dict(values)


def kinds(optim: config.OptimConfig) -> dict[str, tuple[int, int]]:
    """Return by kind of step where the first one is, and how many there are."""
    warm = min(optim.warmup_steps, optim.max_steps)
    counts = {"warm-up": (0, warm), "main": (warm, optim.max_steps - warm - optim.refine_steps)}
    counts["refinement"] = (optim.max_steps - optim.refine_steps, optim.refine_steps)
    return {kind: place for kind, place in counts.items() if place[1] > 0}


def of_recipe(settings: config.Config, hardware: Hardware, repeats: int) -> dict:
    """Return the row of one recipe."""
    on_card = hardware.accelerator == "cuda"
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(create(Path(folder) / "run", settings), synthetic(settings), hardware=hardware)
        if on_card:
            torch.cuda.reset_peak_memory_stats()
        places = kinds(settings.optim)
        step_ms = {kind: 1e3 * _seconds(trainer, begin, repeats, on_card) for kind, (begin, _) in places.items()}
    peak = torch.cuda.max_memory_allocated() / 1e9 if on_card else memory.peak_gb(settings, hardware)
    hours = sum(step_ms[kind] * count for kind, (_, count) in places.items()) / 3.6e6
    rate = 1e3 / step_ms.get("main", next(iter(step_ms.values())))
    return {"step_ms": step_ms, "steps_per_s": rate, "peak_gb": peak, "hours": hours}


def _seconds(trainer: Trainer, begin: int, repeats: int, on_card: bool) -> float:
    """Median seconds of a step; a card is waited for, as it works while the processor goes on."""
    bar, taken = tqdm(disable=True), []
    for number in range(WARM_UP + repeats):
        trainer.counters.step = begin
        started = time.perf_counter()
        trainer._one_step(bar)
        if on_card:
            torch.cuda.synchronize()
        if number >= WARM_UP:
            taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def table(rows: list[dict]) -> str:
    """Return the rows of `measure` as text."""
    lines = [f"{'recipe':<22}{'main step':>13}{'steps/s':>9}{'peak':>10}{'training':>12}"]
    for row in rows:
        step = row["step_ms"].get("main", next(iter(row["step_ms"].values())))
        lines.append(
            f"{row['recipe']:<22}{step:10.1f} ms{row['steps_per_s']:9.1f}{row['peak_gb']:7.2f} GB{row['hours']:10.2f} h"
        )
    return "\n".join(lines)
