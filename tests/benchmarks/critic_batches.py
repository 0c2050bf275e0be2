"""A training step with shared critic batches against fresh ones: python -m tests.benchmarks.critic_batches [STEPS]

Both trainings take turns, step by step, at the published setting (64x64x3) and on one thread; medians of the process's
own time count, which other processes disturb least.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from tqdm import tqdm

from trainer import config
from trainer.bench.settings import CPU, PUBLISHED, synthetic
from trainer.runs.folder import create
from trainer.training.fit import Trainer


def main(steps: int = 15) -> None:
    """Measure both and print their medians and the ratio."""
    torch.set_num_threads(1)
    bar, times = tqdm(disable=True), {"fresh": [], "shared": []}
    with tempfile.TemporaryDirectory() as folder:
        made = {name: _trainer(Path(folder) / name, name) for name in times}
        for step in range(steps + 1):
            for name, trainer in made.items():
                started = time.process_time()
                trainer._one_step(bar)
                if step:  # the first one finds its kernels
                    times[name].append(time.process_time() - started)
    fresh, shared = (statistics.median(values) for values in times.values())
    print(f"step, published setting: fresh {fresh:.3f} s, shared {shared:.3f} s, ratio {shared / fresh:.3f}")


def _trainer(folder: Path, batches: str) -> Trainer:
    optim = PUBLISHED["optim"] | {"critic_batches": batches}
    settings = config.from_dict(PUBLISHED | {"optim": optim})
    return Trainer(create(folder, settings), synthetic(settings), hardware=CPU)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
