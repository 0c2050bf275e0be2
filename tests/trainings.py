"""Small trainings for the tests: pictures, configurations of tiny networks, and comparisons of run folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.fixtures import blob_pictures
from trainer import config
from trainer.data.imageset import ImageSet
from trainer.runs.folder import Run, create
from trainer.training.fit import Ended, Trainer
from trainer.training.hardware import Hardware

CPU = Hardware(accelerator="cpu")
TINY = {
    "model": {"kind": "gwae", "z_dim": 4, "width": 4, "critic_width": 2},
    "prior": {"kind": "np"},
    "optim": {"batch_size": 8, "critic_steps": 2, "max_steps": 14, "validate_every": 6, "keep": "last"},
}
"""A training of about 20 ms a step; every mechanism of the large ones takes part."""


FEW = 32
"""Pictures of most trainings: three are held out, one too few for the history of outlier scores, which takes time."""


def pictures(n: int = 64, size: int = 32, channels: int = 1) -> ImageSet:
    """Soft blobs as an ImageSet, without labels."""
    images, _ = blob_pictures(n, size, channels)
    return ImageSet(torch.from_numpy(images), None, (), tuple(f"blob-{i:03d}" for i in range(n)), "Blobs", "train")


def write_pictures(folder: Path, train: int = 18, test: int = 2) -> Path:
    """The same blobs as PNG files in train/ and test/."""
    images, _ = blob_pictures(train + test)
    for index, image in enumerate(images):
        path = folder / ("train" if index < train else "test") / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(image[0])).save(path)
    return folder


def settings(**sections: object) -> config.Config:
    """TINY with changes: settings(prior={"kind": "gmp"}, seed=1)."""
    values: dict = {name: dict(section) for name, section in TINY.items()} | {"name": "tiny"}
    for name, change in sections.items():
        values[name] = values.get(name, {}) | change if isinstance(change, dict) else change
    return config.from_dict(values)


def train(folder: Path, wanted: config.Config, images: ImageSet | None = None, **options: object) -> Ended:
    """Train in `folder`, from its checkpoint if it has one."""
    made = Run(folder) if folder.exists() else create(folder, wanted)
    trainer = Trainer(made, images or pictures(FEW), hardware=CPU)
    return trainer.fit(progress=False, **options)


def state(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of the checkpoint: weights, moments, random states, sums."""
    return load_file(folder / "training" / "checkpoint.safetensors")


def history(folder: Path) -> list[dict[str, str]]:
    """Rows of history.csv as text, without the seconds."""
    header, *rows = [line.split(",") for line in (folder / "history.csv").read_text(encoding="utf-8").splitlines()]
    return [{name: text for name, text in zip(header, row, strict=True) if text and name != "seconds"} for row in rows]


def assert_same_training(a: Path, b: Path) -> None:
    """Bit for bit the same presented weights, weights, moments, random states, pending sums, and histories."""
    assert (a / "model.safetensors").read_bytes() == (b / "model.safetensors").read_bytes()
    first, second = state(a), state(b)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert history(a) == history(b)
    for name in ("pair_history.safetensors", "picture_history.safetensors", "decoder.onnx", "encoder.onnx"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    scores = [path / "ood_history.csv" for path in (a, b)]
    assert [path.exists() for path in scores] in ([True, True], [False, False])
    if scores[0].exists():
        assert scores[0].read_bytes() == scores[1].read_bytes()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
