"""`python -m tests.parallel_worker FOLDER`: trainings of every kind, each step shared by two processes."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.trainings import FEW, pictures, settings
from trainer import config
from trainer.runs.folder import Run, create
from trainer.training import hardware
from trainer.training.distributed import Share
from trainer.training.fit import Trainer

TWO = hardware.Hardware(accelerator="cpu", devices=2)
SHORT = {"max_steps": 12, "validate_every": 6}
MIXTURE = {"kind": "gmp", "components": 3}


def kinds() -> dict[str, config.Config]:
    """By name, small trainings that between them have every term, prior, phase and optimiser."""
    phases = SHORT | {"warmup_steps": 4, "refine_steps": 3}
    return {
        "np": settings(optim=SHORT),
        "fnp": settings(prior={"kind": "fnp"}, objective={"lambda_p": 0.5}, optim=SHORT | {"name": "rmsprop"}),
        "gmp": settings(prior=MIXTURE | {"warm_start": True}, objective={"lambda_p": 0.5}, optim=phases),
        "vae": settings(model={"kind": "vae"}, prior={"kind": "normal"}, optim=SHORT),
        "wae-mmd": settings(model={"kind": "wae-mmd"}, prior={"kind": "normal"}, optim=SHORT),
        "dagmm": settings(model={"kind": "dagmm"}, prior=MIXTURE, optim=SHORT),
    }


def main() -> None:
    """Train each in FOLDER/<name>; "cut" is "np" with a gathered batch that passes no gradients on."""
    folder = Path(sys.argv[1])
    fabric = hardware.launch(TWO)
    with hardware.leaving(fabric):
        for name, wanted in kinds().items():
            _train(folder / name, wanted, fabric)
        gathered = Share.whole
        Share.whole = lambda self, rows: gathered(self, rows.detach())
        _train(folder / "cut", kinds()["np"], fabric)


def _train(folder: Path, wanted: config.Config, fabric: hardware.Fabric) -> None:
    made = Share(fabric).first(lambda: create(folder, wanted)) or Run(folder)
    Trainer(made, pictures(FEW), hardware=TWO, fabric=fabric).fit(progress=False)


if __name__ == "__main__":
    main()
