"""Pictures as people take them of what they wrote: digits of MNIST's test set and letters, in ink on lit paper."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from trainer.config import DataConfig
from trainer.data import load
from trainer.system import ROOT

TURNED = {6: Image.Transpose.ROTATE_90, 3: Image.Transpose.ROTATE_180, 8: Image.Transpose.ROTATE_270}
"""What a camera stores for each EXIF orientation of an upright picture."""


def digits(n: int, seed: int = 0) -> np.ndarray:
    """Return some of the bundled test digits, uint8 (n, 32, 32), light on black."""
    images = load(DataConfig(name="mnist", size=32, channels=1), "test", ROOT / "pretrained" / "data")
    rows = np.random.default_rng(seed).permutation(len(images))[:n]
    return images.images[rows, 0].numpy()


def written(digit: np.ndarray, side: int = 300, margin: float = 0.2, thinner: int = 0) -> np.ndarray:
    """Return a digit as ink in [0, 1], enlarged to `side` pixels with more paper around, thinned by `thinner`."""
    large = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    if thinner:
        large = large.filter(ImageFilter.MinFilter(2 * thinner + 1))
    whole = int(side * (1 + 2 * margin))
    paper = Image.new("L", (whole, whole), 0)
    paper.paste(large, ((whole - side) // 2, (whole - side) // 2))
    return np.asarray(paper, np.float32) / 255


def letter(character: str, side: int = 300, stroke: int = 0) -> np.ndarray:
    """Return a printed letter as ink in [0, 1]."""
    paper = Image.new("L", (side, side), 0)
    font = ImageFont.load_default(int(side * 0.7))
    ImageDraw.Draw(paper).text((side / 2, side / 2), character, fill=255, font=font, anchor="mm", stroke_width=stroke)
    return np.asarray(paper, np.float32) / 255


def photographed(
    ink: np.ndarray,
    seed: int = 0,
    paper: float = 0.7,
    pen: float = 0.2,
    uneven: float = 0.35,
    noise: float = 0.02,
    blur: float = 1.0,
    quality: int = 85,
    turned: int = 0,
) -> bytes:
    """Return a JPEG of ink on paper of these grey levels in [0, 1], under light that falls to one side.

    Args:
        uneven: share of the light that is lost across the picture.
        turned: EXIF orientation, one of TURNED; 0 for none.
    """
    random = np.random.default_rng(seed)
    down, right = np.mgrid[: ink.shape[0], : ink.shape[1]] / ink.shape[0] - 0.5
    angle = random.uniform(0, 2 * np.pi)
    light = 1 - uneven * (np.cos(angle) * right + np.sin(angle) * down + 0.5) - 0.4 * uneven * (right**2 + down**2)
    seen = Image.fromarray(np.uint8(255 * (paper * (1 - ink) + pen * ink) * light))
    values = np.asarray(seen.filter(ImageFilter.GaussianBlur(blur)), np.float32) / 255
    values = np.clip(values + random.normal(0, noise, ink.shape), 0, 1)
    picture, out, exif = Image.fromarray(np.uint8(255 * values)).convert("RGB"), io.BytesIO(), Image.Exif()
    if turned:
        picture, exif[0x0112] = picture.transpose(TURNED[turned]), turned
    picture.save(out, "JPEG", quality=quality, exif=exif)
    return out.getvalue()


def png(values: np.ndarray) -> bytes:
    """Return a grey picture, uint8 (H, W), as PNG."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()
