"""Drawn outliers: random pen strokes, and pictures turned, mirrored or spliced into what the data set does not hold.

They make the validation pair of the out-of-distribution scores: choices between detectors are made on these pictures,
which need no further data set and are none of the reported ones (trainer/ood/pairs.py).
"""

from itertools import pairwise

import numpy as np
import torch
from PIL import Image, ImageDraw

from trainer.data.digits import SIDE, fit_digits
from trainer.data.imageset import ImageSet

_OVERSAMPLING = 4  # drawn four times as large and averaged, which gives pen strokes the grey rims of MNIST's
_MARGIN = 4  # MNIST's digits fill a 20x20 box in the middle of 28x28
_CURVE = np.linspace(0, 1, 24)[:, None]
KINDS = ("rotated", "mirrored", "spliced")


def random_strokes(n: int, seed: int) -> np.ndarray:
    """Return n pictures of 1 to 4 random strokes, light on black, uint8 (n, 28, 28), the same for the same seed.

    Each stroke is a straight line, an arc-like quadratic or an S-like cubic Bezier curve with random control points
    in the 20x20 box; the pen is 1.6 to 3.6 pixels wide (MNIST's strokes: about 2 to 3.5) and has round ends; the
    centre of mass is moved to the centre, as MNIST's makers did.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_drawing(rng) for _ in range(n)]) if n else np.zeros((0, SIDE, SIDE), np.uint8)


def _drawing(rng: np.random.Generator) -> np.ndarray:
    """One picture, uint8 (28, 28)."""
    side = SIDE * _OVERSAMPLING
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    width = rng.uniform(1.6, 3.6) * _OVERSAMPLING
    for _ in range(rng.integers(1, 5)):
        _stroke(pen, _bezier(rng.uniform(_MARGIN, SIDE - _MARGIN, (rng.integers(2, 5), 2))) * _OVERSAMPLING, width)
    pixels = np.asarray(canvas.reduce(_OVERSAMPLING), dtype=np.float64)
    rows, columns = np.indices(pixels.shape)
    centre = [round(SIDE / 2 - 0.5 - float((axis * pixels).sum() / pixels.sum())) for axis in (rows, columns)]
    return np.roll(pixels, centre, axis=(0, 1)).astype(np.uint8)


def _bezier(control: np.ndarray) -> np.ndarray:
    """24 points of the Bezier curve of 2 to 4 control points (k, 2), by de Casteljau's scheme."""
    points = [np.broadcast_to(point, (len(_CURVE), 2)) for point in control]
    while len(points) > 1:
        points = [(1 - _CURVE) * a + _CURVE * b for a, b in pairwise(points)]
    return points[0]


def _stroke(pen: ImageDraw.ImageDraw, points: np.ndarray, width: float) -> None:
    path = [(float(x), float(y)) for x, y in points]
    pen.line(path, fill=255, width=round(width), joint="curve")
    for x, y in (path[0], path[-1]):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)


def transformed(images: ImageSet, n: int, seed: int) -> tuple[torch.Tensor, list[str]]:
    """Return n pictures (n, C, H, W) made from those of `images`, in turn of each of KINDS, and the kind of each.

    * rotated by a quarter turn to the left;
    * mirrored left to right (a picture that is its own mirror image stays what it was: a few of MNIST's 0, 1 and 8 do,
      so no detector reaches an AUROC of 1 here);
    * spliced: the upper half of one picture and the lower half of another, of another class where there are classes.
    """
    rng = np.random.default_rng(seed)
    picked = rng.permutation(len(images))[np.arange(n) % len(images)]
    pixels = images.images[torch.from_numpy(picked)].clone()
    kinds = [KINDS[index % len(KINDS)] for index in range(n)]
    for index, kind in enumerate(kinds):
        if kind == "rotated":
            pixels[index] = pixels[index].rot90(1, (1, 2))
        elif kind == "mirrored":
            pixels[index] = pixels[index].flip(2)
        else:
            half = pixels.shape[2] // 2
            pixels[index, :, half:] = images.images[_partner(images, int(picked[index]), rng), :, half:]
    return pixels, kinds


def _partner(images: ImageSet, index: int, rng: np.random.Generator) -> int:
    """Another picture, of another class if a few tries find one."""
    partner = index
    for _ in range(20):
        partner = int(rng.integers(len(images)))
        if partner != index and (images.labels is None or images.labels[partner] != images.labels[index]):
            break
    return partner


def validation_outliers(images: ImageSet, n: int, seed: int = 0) -> ImageSet:
    """Return n drawn outliers for a data set: half strokes and half transformed pictures where it is grey, else the
    latter.

    Args:
        images: held-out pictures of the data set itself, the material of the transformations.
    """
    _, channels, size, _ = images.images.shape
    strokes = n // 2 if channels == 1 else 0
    drawn = fit_digits(torch.from_numpy(random_strokes(strokes, seed)), size).expand(-1, channels, -1, -1)
    changed, kinds = transformed(images, n - strokes, seed)
    names = ("strokes", *KINDS)
    every = ["strokes"] * strokes + kinds
    return ImageSet(
        images=torch.cat([drawn, changed]).contiguous(),
        labels=torch.tensor([names.index(kind) for kind in every]),
        label_names=names,
        ids=tuple(f"drawn-{kind}-{index:05d}" for index, kind in enumerate(every)),
        name="drawn outliers",
        split="validation",
    )
