"""`python -m trainer.bench.memory`: peak memory of a process that trains; settings and hardware are its JSON input."""

import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from trainer import config
from trainer.bench.settings import CPU, synthetic
from trainer.runs.folder import create
from trainer.system import ROOT
from trainer.training.fit import Trainer
from trainer.training.hardware import Hardware

LIMIT = 0.9
"""Target: GB (10^9 bytes) of a process that trains at the published setting."""
STEPS = 6


def peak_gb(settings: config.Config, hardware: Hardware = CPU) -> float:
    """Return the peak resident memory, in GB, of a fresh process that trains so (`_train_briefly`)."""
    child = subprocess.run(
        [sys.executable, "-m", "trainer.bench.memory"],
        input=json.dumps([settings.model_dump(), asdict(hardware)]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return json.loads(child.stdout.splitlines()[-1])


def _train_briefly(values: dict, hardware: dict) -> float:
    """Train some steps on 2,000 pictures in memory, with a validation and a checkpoint; peak memory in GB."""
    values["optim"] |= {"max_steps": STEPS, "warmup_steps": 0, "refine_steps": 0}
    settings = config.from_dict(values, "standard input")
    with tempfile.TemporaryDirectory() as folder:
        made = create(Path(folder) / "run", settings)
        Trainer(made, synthetic(settings), hardware=Hardware(**hardware)).fit(progress=False)
    return _peak()


def _peak() -> float:
    """Peak resident memory of this process in GB.

    Linux's ru_maxrss begins with that of the process that started this one; VmHWM does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9  # bytes there, KiB elsewhere


if __name__ == "__main__":
    print(json.dumps(_train_briefly(*json.load(sys.stdin))))
