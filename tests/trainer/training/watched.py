"""Kinds of trainings, how to stop one, and the status that it writes."""

from __future__ import annotations

import json
from pathlib import Path

from trainer.training.fit import Trainer

VAE = {"model": {"kind": "vae"}, "prior": {"kind": "normal"}}
WARM = {
    "prior": {"kind": "gmp", "components": 3, "warm_start": True},
    "objective": {"lambda_p": 0.06},
    "optim": {"warmup_steps": 4, "decay": True},
}
NEIGHBOURS = WARM | {"prior": WARM["prior"] | {"placement": "neighbours"}}
KINDS = {
    "np": {"prior": {"kind": "np"}},
    "fnp": {"prior": {"kind": "fnp"}},
    "gmp": {"prior": {"kind": "gmp", "components": 3}},
    "normal": {"prior": {"kind": "normal"}},
    "gmp, warm start": WARM,
    "gmp, neighbours": NEIGHBOURS,
    "rmsprop": {"prior": {"kind": "np"}, "optim": {"name": "rmsprop"}},
    "best": {"prior": {"kind": "np"}, "optim": {"keep": "best"}},
    "vae": VAE,
    "contours": {"prior": {"kind": "fnp"}, "objective": {"lambda_c": 50.0}, "optim": {"warmup_steps": 4}},
    "augmented": {"data": {"mirror": True, "shift": 2, "mutation": 0.2}},
    "dagmm": {"model": {"kind": "dagmm"}, "prior": {"kind": "gmp", "components": 2}},
}


def ask_to_stop(trainer: Trainer) -> None:
    (trainer.run.path / "training" / "stop").touch()


def status(folder: Path) -> dict:
    return json.loads((folder / "training" / "status.json").read_text(encoding="utf-8"))
