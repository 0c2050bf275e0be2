"""Pictures as people take them of what they wrote: digits of MNIST's test set and letters, in ink on lit paper.

digits, letter, penned   ink in [0, 1] on nothing
Scene, photographed      a JPEG of ink on paper: light, shadows, lines, the table, the camera
screenshot, transparent  what is drawn on a screen
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from trainer.config import DataConfig
from trainer.data import load
from trainer.data.pictures import DETAIL, read_picture
from trainer.ood import pictures, preparation
from trainer.runs.folder import Run
from trainer.system import ROOT

TURNED = {6: Image.Transpose.ROTATE_90, 3: Image.Transpose.ROTATE_180, 8: Image.Transpose.ROTATE_270}
"""What a camera stores for each EXIF orientation of an upright picture."""
GREY, BLUE, RED = (0.2, 0.2, 0.2), (0.12, 0.2, 0.55), (0.75, 0.15, 0.15)
"""Colours of pens, RGB in [0, 1]."""


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


def letter(character: str, side: int = 300, stroke: int = 0, font: str = "") -> np.ndarray:
    """Return a printed letter as ink in [0, 1]; `font` is a file, default Pillow's own."""
    paper, size = Image.new("L", (side, side), 0), int(side * 0.7)
    loaded = ImageFont.truetype(font, size) if font else ImageFont.load_default(size)
    ImageDraw.Draw(paper).text((side / 2, side / 2), character, fill=255, font=loaded, anchor="mm", stroke_width=stroke)
    return np.asarray(paper, np.float32) / 255


def penned(ink: np.ndarray, width: float = 1.0) -> np.ndarray:
    """Return the same lines with sharp edges as a pen has them, `width` times as wide."""
    inside = ink > 0.5
    within, without = ndimage.distance_transform_edt(inside), ndimage.distance_transform_edt(~inside)
    ridge = within[(within == ndimage.maximum_filter(within, 5)) & inside]
    half = float(np.median(ridge)) if len(ridge) else 1.0
    return np.clip(0.5 - (without - within - (width - 1) * half), 0, 1).astype(np.float32)


def enlarged(digit: np.ndarray, side: int = 320) -> np.ndarray:
    """Return a picture of light strokes as ink, (side, side)."""
    return np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255


class Scene(NamedTuple):
    """How ink was photographed; lengths are shares of the frame's shorter side, grey levels lie in [0, 1].

    size: width and height of the frame in pixels. fill: side of the ink's square. place: its centre, shares of the
    frame. pen: colour; strength: of it, 0.3 is a hard pencil. lines: "ruled", "squared" or "", at most `tilt` radians
    aslant. uneven: share of the light lost across the frame; vignette: at the corners. shadow: light that a shadow
    leaves, 1 for none; edge: width of its border. table: grey level beyond a border of the paper, negative for none.
    turned: EXIF orientation.
    """

    size: tuple[int, int] = (360, 360)
    fill: float = 0.75
    place: tuple[float, float] = (0.5, 0.5)
    paper: float = 0.7
    pen: tuple[float, float, float] = GREY
    strength: float = 1.0
    lines: str = ""
    tilt: float = 0.0
    uneven: float = 0.3
    vignette: float = 0.0
    shadow: float = 1.0
    edge: float = 0.0
    table: float = -1.0
    noise: float = 0.02
    blur: float = 1.0
    quality: int = 85
    turned: int = 0


def taken(ink: np.ndarray, scene: Scene, seed: int = 0) -> bytes:
    """Return a JPEG of square ink in a scene; place and direction of light, shadow and lines are drawn by the seed."""
    random, (width, height) = np.random.default_rng(seed), scene.size
    short = min(width, height)
    down, right = np.mgrid[:height, :width] / short
    side = max(8, int(scene.fill * short))
    small = Image.fromarray(np.uint8(255 * ink)).resize((side, side), Image.Resampling.BICUBIC)
    whole = Image.new("L", (width, height), 0)
    whole.paste(small, tuple(int(at * extent - side / 2) for at, extent in zip(scene.place, scene.size, strict=True)))
    paper = np.full((height, width, 3), scene.paper) * (1 - 0.4 * _lines(scene, down, right, random)[..., None])
    drawn = scene.strength * np.asarray(whole, float)[..., None] / 255
    surface = paper * (1 - drawn) + np.array(scene.pen) * drawn
    if scene.table >= 0:
        surface[_beyond(down, right, random, 0.44, 0.02) > 0.5] = scene.table
    light = _light(scene, down - height / short / 2, right - width / short / 2, random)
    return _jpeg(surface * light[..., None], scene, random)


def _lines(scene: Scene, down: np.ndarray, right: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Printed lines, 0 or 1: a tenth of the frame apart."""
    step, width, aslant = random.uniform(0.09, 0.14), 0.008, random.uniform(-scene.tilt, scene.tilt)
    down, right = down + aslant * right, right - aslant * down
    ruled = (down + random.uniform(0, 1)) % step < width
    if scene.lines == "squared":
        ruled = ruled | ((right + random.uniform(0, 1)) % step < width)
    return ruled.astype(float) if scene.lines else np.zeros_like(down)


def _beyond(down: np.ndarray, right: np.ndarray, random: np.random.Generator, apart: float, edge: float) -> np.ndarray:
    """What lies beyond a straight border, as far from the middle, in [0, 1]; `edge` is the width of the change."""
    angle = random.uniform(0, 2 * np.pi)
    middle = (down[-1, 0] / 2, right[0, -1] / 2)
    across = np.cos(angle) * (right - middle[1]) + np.sin(angle) * (down - middle[0]) - apart
    return np.clip(0.5 + across / max(edge, 1e-3), 0, 1)


def _light(scene: Scene, down: np.ndarray, right: np.ndarray, random: np.random.Generator) -> np.ndarray:
    angle = random.uniform(0, 2 * np.pi)
    light = 1 - scene.uneven * (np.cos(angle) * right + np.sin(angle) * down + 0.5)
    light = light - 0.4 * scene.uneven * (right**2 + down**2) - 2 * scene.vignette * (right**2 + down**2)
    beyond = _beyond(down - down.min(), right - right.min(), random, random.uniform(-0.25, 0.3), scene.edge)
    return np.maximum(light, 0.05) * (1 - (1 - scene.shadow) * beyond)


def _jpeg(values: np.ndarray, scene: Scene, random: np.random.Generator) -> bytes:
    seen = Image.fromarray(np.uint8(255 * np.clip(values, 0, 1))).filter(ImageFilter.GaussianBlur(scene.blur))
    noisy = np.asarray(seen, np.float32) / 255 + random.normal(0, scene.noise, values.shape[:2])[..., None]
    picture, out, exif = Image.fromarray(np.uint8(255 * np.clip(noisy, 0, 1))), io.BytesIO(), Image.Exif()
    if scene.turned:
        picture, exif[0x0112] = picture.transpose(TURNED[scene.turned]), scene.turned
    picture.save(out, "JPEG", quality=scene.quality, exif=exif)
    return out.getvalue()


def photographed(ink: np.ndarray, seed: int = 0, pen: float = 0.2, **scene: object) -> bytes:
    """Return a JPEG of ink that fills the frame, with a grey pen; `scene`: fields of Scene."""
    return taken(ink, Scene(size=ink.shape[::-1], fill=1.0, pen=(pen,) * 3, **scene), seed)


def screenshot(ink: np.ndarray, dark: bool = False, side: int = 400) -> bytes:
    """Return a PNG of a drawing program: the drawing in a window with a title, tools at its side and a border."""
    window = Image.new("RGB", (side, side), (40, 44, 52) if dark else (232, 232, 236))
    inner, draw = int(side * 0.8), ImageDraw.Draw(window)
    ground = 18 if dark else 255
    values = (
        ground
        + (235 - ground if dark else 20 - ground)
        * np.asarray(Image.fromarray(np.uint8(255 * ink)).resize((inner, inner), Image.Resampling.BICUBIC), float)
        / 255
    )
    window.paste(Image.fromarray(np.uint8(values)).convert("RGB"), (int(side * 0.17), int(side * 0.17)))
    draw.rectangle((0, 0, side, int(side * 0.08)), fill=(70, 110, 190))
    for row in range(5):
        top = int(side * (0.2 + 0.12 * row))
        draw.rectangle((int(side * 0.04), top, int(side * 0.12), top + int(side * 0.08)), fill=(120, 120, 130))
    draw.rectangle((0, 0, side - 1, side - 1), outline=(90, 90, 90), width=2)
    return _saved(window)


def transparent(ink: np.ndarray, colour: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    """Return a PNG of strokes of one colour on nothing."""
    alpha = np.uint8(255 * ink)
    solid = np.broadcast_to(np.array(colour, np.uint8), (*ink.shape, 3))
    return _saved(Image.fromarray(np.dstack([solid, alpha])))


def png(values: np.ndarray) -> bytes:
    """Return a grey picture, uint8 (H, W), as PNG."""
    return _saved(Image.fromarray(values))


def _saved(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


# ---------------------------------------------------------------- ways of taking a picture

SCENES = {
    "white paper": Scene(paper=0.95, uneven=0.1),
    "grey paper, 230": Scene(paper=0.9),
    "grey paper, 160": Scene(paper=0.63),
    "grey paper, 90": Scene(paper=0.35, pen=(0.1, 0.1, 0.1)),
    "light on black": Scene(paper=0.2, pen=(0.8, 0.8, 0.8)),
    "chalk on a board": Scene(paper=-1),  # a negative
    "strong gradient": Scene(uneven=0.7),
    "vignette": Scene(vignette=0.5, uneven=0.1),
    "soft shadow": Scene(shadow=0.5, edge=0.3),
    "shadow with an edge of 5 %": Scene(shadow=0.55, edge=0.05),
    "hard shadow": Scene(shadow=0.6),
    "dark hard shadow": Scene(shadow=0.4),
    "ruled paper": Scene(lines="ruled", paper=0.85),
    "squared paper": Scene(lines="squared", paper=0.85),
    "ruled paper, aslant": Scene(lines="ruled", paper=0.85, tilt=0.08),
    "squared paper, aslant": Scene(lines="squared", paper=0.85, tilt=0.08),
    "pencil on squared paper": Scene(lines="squared", paper=0.85, tilt=0.03, strength=0.6),
    "squared paper, shadow": Scene(lines="squared", paper=0.85, shadow=0.6, edge=0.1),
    "table, dark": Scene(table=0.15, paper=0.85),
    "table, light": Scene(table=0.6, paper=0.85),
    "blue pen": Scene(pen=BLUE, paper=0.85),
    "red pen": Scene(pen=RED, paper=0.85),
    "red pen, grey paper": Scene(pen=RED, paper=0.6),
    "pencil": Scene(strength=0.45, paper=0.8),
    "hard pencil": Scene(strength=0.25, paper=0.85),
    "noise": Scene(noise=0.07),
    "JPEG, quality 20": Scene(quality=20, blur=0.5),
    "out of focus": Scene(blur=5.0),
    "small, 40 %": Scene(fill=0.4),
    "small, 25 %": Scene(fill=0.25),
    "off centre": Scene(fill=0.4, place=(0.35, 0.68)),
    "off centre, small": Scene(fill=0.3, place=(0.68, 0.3)),
    "large, 115 %": Scene(fill=1.15),
    "EXIF 6, portrait": Scene(size=(360, 480), turned=6),
    "EXIF 8, landscape": Scene(size=(480, 360), turned=8),
    "EXIF 3": Scene(turned=3),
    "60 pixels": Scene(size=(60, 60), blur=0.4),
    "1600 x 1200": Scene(size=(1600, 1200), fill=0.5, blur=2.0, paper=0.8),
}
PENS = {"thin pen": 0.4, "marker": 1.8}


def ways() -> dict[str, Callable[[np.ndarray, int], bytes]]:
    """Return all ways of taking a picture: of ink and a seed the file."""
    found = {name: partial(_photograph, scene) for name, scene in SCENES.items()}
    found |= {name: partial(_photograph, Scene(), width=width) for name, width in PENS.items()}
    return found | {
        "hard shadow, thin pen": partial(_photograph, Scene(shadow=0.6), width=0.5),
        "screenshot": lambda ink, seed: screenshot(ink),
        "screenshot, dark": lambda ink, seed: screenshot(ink, dark=True),
        "transparent PNG": lambda ink, seed: transparent(ink),
        "transparent PNG, white ink": lambda ink, seed: transparent(ink, (255, 255, 255)),
        "black on white": lambda ink, seed: png(np.uint8(255 * (1 - ink))),
    }


def _photograph(scene: Scene, ink: np.ndarray, seed: int, width: float = 1.0) -> bytes:
    if scene.paper < 0:
        content = taken(penned(ink, width), scene._replace(paper=0.85), seed)
        return png(255 - np.asarray(Image.open(io.BytesIO(content)).convert("L")))
    return taken(penned(ink, width), scene, seed)


class Judge:
    """The default settings of page and command line."""

    def __init__(self, name: str):
        self.run = Run(ROOT / "pretrained" / name)
        self.model, self.wanted = self.run.load_model(), preparation.of_run(self.run)

    def __call__(self, files: list[bytes]) -> tuple[list[str], list[str]]:
        """Return versions and verdicts of files."""
        read = [read_picture(file, self.run.config.data.shape, detail=DETAIL) for file in files]
        arrays, details = (np.stack([getattr(each, name) for each in read]) for name in ("array", "detail"))
        found = pictures.prepared(self.run, self.model, arrays, details, self.wanted)
        given = {"model": self.model, "versions": found.versions}
        table = pictures.score_pictures(self.run, found.arrays, [""] * len(files), **given)
        return list(found.versions), table["verdict"].tolist()
