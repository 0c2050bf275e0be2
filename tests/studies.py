"""Tiny studies for the tests: their files, and run folders with known numbers."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.fixtures import make_run
from tests.trainings import settings, write_pictures
from trainer.runs.folder import Metric
from trainer.study import plan

STEPS = 600
"""Steps of the tiny trainings: long enough to be killed midway."""


def write_study(folder: Path, **changes: object) -> Path:
    """A recipe on blobs and a study of two variants and two seeds beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    source = write_pictures(folder / "pictures", train=20, test=12)
    optim = {"max_steps": STEPS, "validate_every": 60}
    recipe = settings(data={"name": "folder", "path": str(source)}, optim=optim)
    (folder / "tiny.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    asked: dict = {
        "name": "tiny",
        "recipe": "tiny.yaml",
        "control": "vae",
        "seeds": [0, 1],
        "variants": {"full": None, "vae": {"set": ["model.kind=vae", "prior.kind=normal"], "about": "no critic"}},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(asked | changes), encoding="utf-8")
    return path


VALUES = {"full": (20.0, 22.0, 27.0), "vae": (19.0, 20.0, 21.0)}
"""PSNR of the seeds 0, 1, 2: differences of 1, 2 and 6."""


def make_study(place: Path, folder: Path) -> tuple[plan.Plan, Path, Path]:
    """A study whose runs are in `folder`, with known numbers, its file in `place`."""
    path = write_study(place, seeds=[0, 1, 2], numbers=["PSNR", "absent"])
    wanted = plan.load(path)
    for each in plan.trainings(wanted, path):
        made = make_run(folder / each.name, pictures=40)
        (made.path / "config.yaml").write_text(each.settings.to_yaml(), encoding="utf-8")
        about = {"data": "Blobs", "split": "test", "n": 40, "seed": None, "checkpoint": made.hash}
        value = VALUES[each.variant][each.seed]
        made.write_metrics([Metric("PSNR", value, "reconstruction", unit="dB", estimator="as ever", **about)])
        made.write_metrics([Metric("other", value, "geometry", estimator="as ever", **about)])  # not asked for
    return wanted, path, folder
