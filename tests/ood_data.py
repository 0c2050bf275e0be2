"""A small data root for tests of outliers: MNIST with bars for digits, and an Omniglot tree of rings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def write_idx(path: Path, values: np.ndarray) -> None:
    """The file format of MNIST: magic (type uint8, dimensions), sizes as big-endian int32, bytes."""
    head = np.array([0x0800 + values.ndim, *values.shape], dtype=">i4")
    path.write_bytes(head.tobytes() + values.astype(np.uint8).tobytes())


def bars(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """n pictures (n, 28, 28) of a bright horizontal bar at a height that is the label, with some noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    pixels = rng.integers(0, 30, (n, 28, 28))
    for row, label in enumerate(labels):
        pixels[row, 2 * label + 4 : 2 * label + 7, 6:22] += 200
    return pixels.astype(np.uint8), labels


def write_root(root: Path, train: int = 200, test: int = 40, characters: int = 10) -> Path:
    """MNIST with `train` and `test` pictures, and Omniglot with 2 drawings of each of `characters` characters."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for seed, (prefix, n) in enumerate((("train", train), ("t10k", test))):
        pixels, labels = bars(n, seed)
        write_idx(raw / f"{prefix}-images-idx3-ubyte", pixels)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels)
    for character in range(1, characters + 1):
        folder = root / "omniglot-py" / "images_background" / "Greek" / f"character{character:02d}"
        folder.mkdir(parents=True)
        for drawer in (1, 2):
            picture = Image.new("L", (105, 105), 255)
            size = 15 + 3 * character
            ImageDraw.Draw(picture).ellipse((52 - size, 30, 52 + size, 75 + drawer), outline=0, width=4)
            picture.convert("1").save(folder / f"{character:04d}_{drawer:02d}.png")
    return root
