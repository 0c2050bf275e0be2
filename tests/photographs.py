"""A user's folder of photographs as it is: all modes, formats and sizes, odd names, and broken files among them."""

from __future__ import annotations

import os
import struct
import zlib
from io import BytesIO
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

KINDS = {
    "JPEG": ("RGB", "L", "CMYK", "rotated"),
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16", "transparent"),
    "GIF": ("P", "animated"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("RGB", "L", "P"),
    "TIFF": ("RGB", "RGBA", "L", "LA", "I;16", "CMYK", "F"),
}
"""What people have, by format; besides modes: turned by EXIF, transparent by a palette entry, of several frames."""
SIZES = ((90, 60), (200, 150), (120, 213), (260, 190), (33, 200), (17, 16), (320, 45))
FAST = Image.Quantize.FASTOCTREE
FOLDERS = ("2019", "2020/Rome, Easter", "phone/DCIM/100ANDRO", "scans (old)", "für Oma")
BROKEN = {
    "truncated": "cut short",
    "zero bytes": "the file is empty (0 bytes)",
    "text renamed": "the content is text, not a picture",
    "huge header": "more than 50 million pixels",
    "damaged inside": "the PNG file is",
    "a video": "the content is a video",
}
"""Kinds of broken files, and what the sentence on each has to say."""


def photograph(mode: str, form: str, size: tuple[int, int], seed: int) -> bytes:
    """A soft picture with a little noise, of one of KINDS."""
    noise = np.random.default_rng(seed)
    coarse = Image.fromarray(noise.integers(0, 255, (4, 4, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    pixels = np.asarray(coarse, np.int16) + noise.integers(-6, 7, (size[1], size[0], 3))
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    options: dict = {}
    if mode == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        options["exif"] = exif
    elif mode == "transparent":
        picture, options["transparency"] = picture.quantize(32, FAST), 3
    elif mode == "animated":
        picture = picture.quantize(32, FAST)
        options = {"save_all": True, "append_images": [picture.rotate(180)]}
    elif mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257)
    elif mode == "P":
        picture = picture.quantize(64, FAST)
    elif mode == "LA":
        picture = picture.convert("RGBA").convert("LA")
    elif mode == "RGBA":
        picture.putalpha(picture.convert("L"))
    elif mode != "RGB":
        picture = picture.convert(mode)
    buffer = BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def broken(kind: str) -> bytes:
    """One file of a kind of BROKEN."""
    jpeg = photograph("RGB", "JPEG", (240, 180), 1)
    png = photograph("RGB", "PNG", (60, 40), 2)
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return {
        "truncated": jpeg[: len(jpeg) // 2],
        "zero bytes": b"",
        "text renamed": b"Dear diary, today I renamed a letter.\n" * 20,
        "huge header": png[:8] + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + png[33:],
        "damaged inside": png[:60] + bytes(40) + png[100:],
        "a video": b"\x00\x00\x00\x20ftypisom" + bytes(500),
    }[kind]


def fill(root: Path, count: int, broken_each: int, variants: int = 8) -> tuple[list[str], dict[str, str]]:
    """Write `count` photographs and `broken_each` files of every kind of BROKEN below `root`.

    Of every mode and format there are `variants` pictures of different sizes; the files beyond are links to them, which
    a reader has to open and decode like any other file.

    Returns: relative paths of the good ones; those of the broken ones with what has to be said about each.
    """
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    all_kinds = [(mode, form) for form, modes in KINDS.items() for mode in modes]
    distinct: list[Path] = []
    for number, (_, (mode, form)) in enumerate(product(range(variants), all_kinds)):
        suffix = (".JPG", ".jpeg", ".jpg")[number % 3] if form == "JPEG" else f".{form.lower()}"
        path = root / FOLDERS[number % len(FOLDERS)] / f"IMG {number:04d}{suffix}"
        path.write_bytes(photograph(mode, form, SIZES[number % len(SIZES)], number))
        distinct.append(path)
    good = list(distinct)
    for number in range(len(distinct), count):
        original = distinct[number % len(distinct)]
        path = root / FOLDERS[number // 7 % len(FOLDERS)] / f"IMG {number:04d}{original.suffix}"
        os.link(original, path)
        good.append(path)
    sentences = {}
    for number, (_, kind) in enumerate(product(range(broken_each), BROKEN)):
        path = root / FOLDERS[number % len(FOLDERS)] / f"{kind} {number}.jpg"
        path.write_bytes(broken(kind))
        sentences[path.relative_to(root).as_posix()] = BROKEN[kind]
    for name in (".DS_Store", "2019/Thumbs.db", "phone/.nomedia"):  # passed over in silence
        (root / name).write_bytes(b"\x00")
    return [path.relative_to(root).as_posix() for path in good], sentences
