"""Any mode of Pillow to 8-bit grey or colour, a part at a time: large pictures need no further whole copies."""

import numpy as np
from PIL import Image

_BLOCK = 2**20  # pixels converted at a time
TWELVE_BITS = 4095
NARROW = "gwae 12-bit"
"""Key of Image.info: the values of a 16-bit picture were those of a 12-bit one."""


def plain(picture: Image.Image) -> Image.Image:
    """Return a picture of any Pillow mode as 8-bit "L" (grey) or "RGB".

    * alpha and transparent palettes are composited over white, as viewers and paper do;
    * 16-bit grey is scaled, v / 257 rounded, so that 65535 becomes 255, or from 12 bits where none is above 4095
      (microscopes, scanners, DICOM); 32-bit and float grey by the smallest of
      the ranges [0, 1] (float only), [0, 255] and [0, 65535] that holds all values, else by their own range;
    * CMYK, YCbCr, palette become RGB; bilevel becomes grey.
    """
    mode = picture.mode
    if mode in ("L", "RGB") and "transparency" not in picture.info:
        return picture
    if mode.startswith(("I", "F")):
        return _from_deep(np.asarray(picture))
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        if mode in ("RGBa", "La"):  # premultiplied; Pillow converts these only to their straight twins
            picture = picture.convert(mode.replace("a", "A"))
        grey = picture.mode in ("1", "L", "LA")
        return _over_white(picture, "L" if grey else "RGB")
    return picture.convert("L" if mode == "1" else "RGB")


def _over_white(picture: Image.Image, mode: str) -> Image.Image:
    """Composite over white, some rows at a time: four whole copies would not fit."""
    out, rows = Image.new(mode, picture.size), max(1, _BLOCK // picture.width)
    for top in range(0, picture.height, rows):
        part = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        part.info = picture.info
        part = part.convert("RGBA")
        out.paste(Image.alpha_composite(Image.new("RGBA", part.size, "white"), part).convert(mode), (0, top))
    return out


def _from_deep(values: np.ndarray) -> Image.Image:
    """16-bit, 32-bit or float grey (H, W) to 8-bit grey, a block at a time so that large pictures need no copies."""
    out = np.empty(values.shape, dtype=np.uint8)
    blocks = [slice(start, start + _BLOCK) for start in range(0, values.size, _BLOCK)]
    flat, flat_out = values.reshape(-1), out.reshape(-1)
    if values.dtype.kind == "u":
        narrow = 255 < max(int(flat[block].max(initial=0)) for block in blocks) <= TWELVE_BITS
        for block in blocks:
            deep = flat[block].astype(np.uint32)
            flat_out[block] = (deep * 255 + TWELVE_BITS // 2) // TWELVE_BITS if narrow else (deep + 128) // 257
        picture = Image.fromarray(out)
        picture.info |= {NARROW: True} if narrow else {}
        return picture
    low = min(float(_finite(flat[block]).min()) for block in blocks)
    high = max(float(_finite(flat[block]).max()) for block in blocks)
    ceilings = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    ceiling = next((c for c in ceilings if low >= 0 and high <= c), None)
    if ceiling is None:
        offset, ceiling = low, high - low
    else:
        offset = 0.0
    for block in blocks:
        flat_out[block] = np.rint((_finite(flat[block]) - offset) * (255.0 / (ceiling or 1.0)))
    return Image.fromarray(out)


def _finite(values: np.ndarray) -> np.ndarray:
    """As float64, with 0 for what is not a number."""
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
