"""Sliders while a training runs: python -m tests.benchmarks.training [--model NAME] [--rounds N]

Measures tests/benchmarks/slider.py's two waits in one browser session each, on the idle app and with a training started
as the Train page starts it (low priority, all cores but one, making room for who uses the app), and prints the ratio.
Target: at most 1.5 times.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.serving import arguments, model_folder, served
from tests.benchmarks.slider import measured, untrained
from tests.trainings import write_pictures
from trainer import config
from trainer.jobs import queue
from trainer.runs.folder import create
from trainer.runs.status import look

TARGET = 1.5
START_SECONDS = 300


def main() -> None:
    """Measure both, print a line per wait."""
    options = arguments(__doc__, "mnist-gmp")
    with (
        model_folder(options.model, "decoder.onnx", untrained) as (model, runs),
        served((), runs) as address,
        tempfile.TemporaryDirectory() as folder,
    ):
        sys.stderr.write("idle ...\n")
        idle = measured(address, model, options.rounds, options.chromium)
        training = _start(Path(runs) / f"benchmark-{os.getpid()}", Path(folder))
        sys.stderr.write("training ...\n")
        try:
            busy = measured(address, model, options.rounds, options.chromium)
            steps = look(training).step
        finally:
            queue.end_by_force(training)
            shutil.rmtree(training)
    print(f"Model {model}, {options.rounds} drags each; p95 in ms, idle and with a training ({steps} steps by the end)")
    for kind in idle:
        before, after = (float(np.percentile(values[kind], 95)) for values in (idle, busy))
        print(f"{kind:28}{before:8.0f}{after:8.0f}   ratio {after / before:.2f} (target at most {TARGET})")


def _start(training: Path, folder: Path) -> Path:
    """A GWAE at the recipe's size on generated pictures, until it has made its first steps."""
    source = write_pictures(folder / "pictures", train=500, test=20)
    recipe = config.RECIPES / "mnist-gmp.yaml"
    changes = ["data.name=folder", f"data.path={source}", "optim.warmup_steps=0", "prior.warm_start=false"]
    made = create(training, config.load(recipe, changes))
    queue.start(made.path)
    end = time.monotonic() + START_SECONDS
    while look(made.path).step < 10:
        if time.monotonic() > end:
            raise SystemExit("the training did not start")
        time.sleep(0.5)
    return made.path


if __name__ == "__main__":
    main()
