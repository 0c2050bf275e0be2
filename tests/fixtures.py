"""Small run folders of the real form, made in well under a second: untrained (or briefly fitted) weights, real codes.

`make_run` builds the configured model, writes it with trainer's own functions and encodes synthetic blob pictures with
it, so that everything the pages read is consistent: codes belong to the weights, the sprite to the codes.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from trainer import config, run, sprite
from trainer.models import build, save_weights

DIGITS = tuple(str(digit) for digit in range(10))


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


def write_digit_files(root: Path, pixels: np.ndarray, labels: np.ndarray, compressed: bool = False) -> None:
    """MNIST's two test files in torchvision's layout below `root`.

    Args:
        pixels: uint8 (N, 28, 28).
        labels: (N,) 0 to 9.
    """
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in (("t10k-images-idx3-ubyte", pixels), ("t10k-labels-idx1-ubyte", labels)):
        header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        content = header + values.astype(np.uint8).tobytes()
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


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
) -> run.Run:
    """Write a complete run folder and return it.

    Args:
        folder: the run folder itself; its name becomes the model's.
        trained: fit 30 steps of plain reconstruction first, so that pictures vary with the code.
    """
    settings = config.from_dict(
        {
            "name": folder.name,
            "data": {"name": "mnist", "size": size, "channels": channels},
            "model": {"kind": kind, "z_dim": z_dim, "width": 8, "critic_width": 4},
            "prior": {"kind": "normal" if kind == "vae" else prior},
        }
    )
    made = run.create(folder, settings)
    images, labels = blob_pictures(pictures, size, channels)
    batch = torch.from_numpy(images).float() / 255
    model = build(settings)
    if trained:
        _fit_briefly(model, batch[:40])
    model.eval().requires_grad_(False)
    save_weights(model, made.weights_path)
    made.write_codes(_codes(model, batch, labels))
    sprite.write_sprite(images, folder / "sprite.png")
    made.write_metrics(example_metrics(made.hash))
    (folder / "card.md").write_text(f"# {folder.name}\n\nA small model for tests.\n", encoding="utf-8")
    return made


def example_metrics(checkpoint: str) -> list[run.Metric]:
    """Invented numbers with full protocols: tests look at how they are shown, never at what they say."""
    shared = {"data": "MNIST", "split": "test", "n": 120, "checkpoint": checkpoint}
    how = "posterior mean, mean over images"
    return [
        run.Metric("PSNR", 18.25, "reconstruction", seed=None, estimator=how, unit="dB", **shared),
        run.Metric("SSIM", 0.8125, "reconstruction", seed=None, estimator=how, **shared),
        run.Metric("cluster accuracy", 0.75, "clustering", seed=0, estimator="Hungarian", low=0.7, high=0.8, **shared),
    ]


def _fit_briefly(model: torch.nn.Module, batch: torch.Tensor, steps: int = 30) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        (model.decode(model.encode(batch)[0]) - batch).square().sum((1, 2, 3)).mean().backward()
        optimizer.step()


def _codes(model: torch.nn.Module, batch: torch.Tensor, labels: np.ndarray) -> pd.DataFrame:
    """codes.parquet in the form trainer/evaluate.py writes it."""
    mu, log_var = model.encode(batch)
    error = (model.decode(mu) - batch).square().mean((1, 2, 3))
    columns: dict[str, object] = {
        "id": [f"mnist-test-{index:05d}" for index in range(len(batch))],
        "label": labels,
        "label_name": [DIGITS[label] for label in labels],
        "sprite_index": np.arange(len(batch), dtype=np.int64),
    }
    columns |= {f"z{axis}": mu[:, axis].numpy() for axis in range(model.z_dim)}
    columns |= {f"log_var{axis}": log_var[:, axis].numpy() for axis in range(model.z_dim)}
    columns |= {f"score_{name}": score.numpy() for name, score in model.ood_scores(batch).items()}
    if model.prior.kind == "gmp":
        columns["component"] = model.prior.responsibilities(mu).argmax(1).numpy()
    columns["psnr"] = (-10 * torch.log10(error)).numpy()
    return pd.DataFrame(columns)
