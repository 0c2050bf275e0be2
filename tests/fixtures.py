"""Small run folders of the real form, made in well under a second: untrained (or briefly fitted) weights, real codes.

`make_run` builds the configured model, writes it with trainer's own functions and encodes synthetic blob pictures with
it, so that everything the pages read is consistent: codes belong to the weights, the sprite to the codes.
"""

from __future__ import annotations

import gzip
import io
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from unittest import mock

import numpy as np
import pandas as pd
import torch

from trainer import config
from trainer.data import DATASETS, rendering
from trainer.data.digits import read_digits
from trainer.evaluation.disentanglement import dci, dci_es
from trainer.evaluation.disentanglement import protocol as protocols
from trainer.evaluation.disentanglement import record as records
from trainer.evaluation.disentanglement.codes import FactorCodes
from trainer.models import build, save_weights
from trainer.runs import layout, sprite
from trainer.runs.folder import Metric, Run, create
from trainer.system import ROOT

BUNDLED = ROOT / "pretrained" / "data"
DIGITS = tuple(str(digit) for digit in range(10))
T = TypeVar("T")


def blob_pictures(n: int, size: int = 32, channels: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Soft blobs whose place and width depend on the label; (n, C, size, size) uint8 and (n,) int64 labels 0..9."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.int64) % 10
    angle = labels * 0.6283 + generator.normal(0, 0.1, n)
    centre = size / 2 + size / 4 * np.stack([np.cos(angle), np.sin(angle)], 1) + generator.normal(0, 0.5, (n, 2))
    width = size * (0.06 + 0.008 * labels)
    grid = np.arange(size)
    squared = (grid[None, :, None] - centre[:, 1, None, None]) ** 2 + (grid[None, None] - centre[:, 0, None, None]) ** 2
    bright = 255 * np.exp(-squared / (2 * width[:, None, None] ** 2))
    return np.repeat(bright[:, None], channels, axis=1).astype(np.uint8), labels


def write_digit_files(
    root: Path, pixels: np.ndarray, labels: np.ndarray, compressed: bool = False, split: str = "t10k"
) -> None:
    """The two files of a split of MNIST in torchvision's layout below `root`.

    Args:
        pixels: uint8 (N, 28, 28).
        labels: (N,) 0 to 9.
        split: "t10k" or "train", as the files are called.
    """
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in ((f"{split}-images-idx3-ubyte", pixels), (f"{split}-labels-idx1-ubyte", labels)):
        header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        content = header + values.astype(np.uint8).tobytes()
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


def write_real_digits(root: Path, train: int = 9_000) -> Path:
    """A data root of real MNIST: of the bundled 10,000 test digits the first are for training, the others for testing.

    Not the published split, so no number measured on it is MNIST's; but every picture is.
    """
    pixels, labels = (part.numpy() for part in read_digits("mnist", "MNIST", "test", BUNDLED))
    write_digit_files(root, pixels[:train], labels[:train], split="train")
    write_digit_files(root, pixels[train:], labels[train:])
    return root


def shape_pictures(n: int, size: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rendered 3D Shapes at random places of the grid: (n, 3, size, size) uint8, and (n,) places, ascending."""
    places = np.sort(np.random.default_rng(seed).choice(rendering.COUNT, n, replace=False))
    return rendering.render_indices(rendering.factors_of(torch.from_numpy(places)), size).numpy(), places


def make_run(
    folder: Path,
    kind: str = "gwae",
    prior: str = "gmp",
    trained: bool = False,
    *,
    size: int = 32,
    channels: int = 1,
    z_dim: int = 8,
    pictures: int = 120,
    data: str = "mnist",
) -> Run:
    """Write a complete run folder and return it.

    Args:
        folder: the run folder itself; its name becomes the model's.
        trained: fit 30 steps of plain reconstruction first, so that pictures vary with the code.
        data: "shapes3d-rendered" for three channels and known factors, else blobs that pass for digits.
    """
    shapes = data == "shapes3d-rendered"
    settings = config.from_dict(
        {
            "name": folder.name,
            "data": {"name": data, "size": size, "channels": 3 if shapes else channels},
            "model": {"kind": kind, "z_dim": z_dim, "width": 8, "critic_width": 4},
            "prior": {"kind": "normal" if kind == "vae" else prior},
        }
    )
    made = create(folder, settings)
    images, known = shape_pictures(pictures, size) if shapes else blob_pictures(pictures, size, channels)
    batch = torch.from_numpy(images).float() / 255
    model = build(settings)
    if trained:
        _fit_briefly(model, batch[:40])
    model.eval().requires_grad_(False)
    save_weights(model, made.weights_path)
    made.write_codes(_codes(model, batch, _shape_columns(known) if shapes else _digit_columns(known)))
    sprite.write_sprite(images, folder / "sprite.png")
    made.write_metrics(example_metrics(made.hash))
    (folder / "card.md").write_text(f"# {folder.name}\n\nA small model for tests.\n", encoding="utf-8")
    return made


def private_run(folder: Path) -> Run:
    """A run on pictures that may not be passed on, as the bundled models of faces: no sprite, and no data anywhere."""
    made = make_run(folder, data="celeba", channels=3)
    (folder / "sprite.png").unlink()
    return made


def example_metrics(checkpoint: str) -> list[Metric]:
    """Invented numbers with full protocols: tests look at how they are shown, never at what they say."""
    shared = {"data": "MNIST", "split": "test", "n": 120, "checkpoint": checkpoint}
    how = "posterior mean, mean over images"
    return [
        Metric("PSNR", 18.25, "reconstruction", seed=None, estimator=how, unit="dB", **shared),
        Metric("SSIM", 0.8125, "reconstruction", seed=None, estimator=how, **shared),
        Metric("cluster accuracy", 0.75, "clustering", seed=0, estimator="Hungarian", low=0.7, high=0.8, **shared),
    ]


def _fit_briefly(model: torch.nn.Module, batch: torch.Tensor, steps: int = 30) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        (model.decode(model.encode(batch)[0]) - batch).square().sum((1, 2, 3)).mean().backward()
        optimizer.step()


def add_disentanglement(made: Run, protocol: str = "full", other: str = "") -> records.Record:
    """Measure a model of rendered shapes on the pictures behind its codes, and store the record.

    Small sizes and three boosting stages: the form of a real record, and too little for its numbers to mean much.
    """
    codes = made.codes
    z = codes[[f"z{axis}" for axis in range(made.config.model.z_dim)]].to_numpy("float32")
    columns = [f"factor_{name.replace(' ', '_')}" for name in rendering.FACTORS]
    source = FactorCodes.of_codes(z, codes[columns].to_numpy(), rendering.FACTORS)
    sizes = protocols.Protocol(protocol, 100, 60, 150, 150, 30, 20)
    title = DATASETS[other or made.config.data.name].title
    with mock.patch.object(dci, "STAGES", 3), mock.patch.multiple(dci_es, DEPTHS=(1, 3), TREES=3, cores=lambda: 1):
        found = protocols.measure(source, sizes, checkpoint=made.hash, data=title, split="test")
    records.write(found, made.path / layout.disentanglement(protocol, other))
    return found


def _digit_columns(labels: np.ndarray) -> dict[str, object]:
    ids = [f"mnist-test-{index:05d}" for index in range(len(labels))]
    return {"id": ids, "label": labels, "label_name": [DIGITS[label] for label in labels]}


def _shape_columns(places: np.ndarray) -> dict[str, object]:
    ids = [f"shapes3d-rendered-{place:06d}" for place in places]
    columns: dict[str, object] = {"id": ids, "label": np.full(len(places), -1), "label_name": [""] * len(places)}
    factors = rendering.factors_of(torch.from_numpy(places)).numpy()
    return columns | {f"factor_{n.replace(' ', '_')}": factors[:, i] for i, n in enumerate(rendering.FACTORS)}


def _codes(model: torch.nn.Module, batch: torch.Tensor, first: dict[str, object]) -> pd.DataFrame:
    """codes.parquet in the form trainer/evaluation/evaluate.py writes it; `first` names and labels the pictures."""
    mu, log_var = model.encode(batch)
    error = (model.decode(mu) - batch).square().mean((1, 2, 3))
    columns = first | {"sprite_index": np.arange(len(batch), dtype=np.int64)}
    columns |= {f"z{axis}": mu[:, axis].numpy() for axis in range(model.z_dim)}
    columns |= {f"log_var{axis}": log_var[:, axis].numpy() for axis in range(model.z_dim)}
    columns |= {f"score_{name}": score.numpy() for name, score in model.ood_scores(batch).items()}
    if model.prior.kind == "gmp":
        columns["component"] = model.prior.responsibilities(mu).argmax(1).numpy()
    columns["psnr"] = (-10 * torch.log10(error)).numpy()
    return pd.DataFrame(columns)


def wait_for(condition: Callable[[], T], seconds: float = 240) -> T:
    """What the condition returns as soon as that is true; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
    return found


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files, by their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return buffer.getvalue()
