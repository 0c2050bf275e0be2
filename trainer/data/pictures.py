"""Any picture file to the model's input: the one place where content, limits, modes and sizes are dealt with.

    open_picture   bytes or path -> upright 8-bit Pillow picture, mode "L" or "RGB", or one sentence why not
    to_array       picture -> uint8 (C, H, W) of the model's size

Uploads and image folders both go through here, so a picture means the same to training and to the pages.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from trainer.errors import UserError

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
MAX_BYTES = 32 * 2**20  # a 24-megapixel camera JPEG has about 10 MiB
MAX_PIXELS = 50_000_000  # 150 MB as RGB: the largest picture that fits beside a model in the memory target
DIGIT = (28, 32)  # side of a digit's file, and of the model's input that keeps its bytes
_BLOCK = 2**20  # pixels converted at a time

_ADVICE = "choose a picture in PNG, JPEG, GIF, WebP, BMP or TIFF"

# The size is checked below, against a lower limit and before decoding; Pillow's own warning would only be noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def open_picture(
    data: bytes | Path,
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> Image.Image:
    """Decode one picture, trusting nothing but its content.

    The extension is ignored; only FORMATS are tried. Bytes are counted before reading, pixels before decoding. EXIF
    rotation is applied, the first frame of an animation taken, and every mode made 8-bit "L" or "RGB" (see `plain`).

    Args:
        data: the file's bytes, or its path.
        max_bytes, max_pixels: limits of the file and of width x height.
        name: what the sentence calls the picture; default the path's name, or "The picture".

    Returns: picture of mode "L" or "RGB", fully loaded, independent of the file.
    Raises: UserError, one sentence: too large, empty, not a picture, SVG, text, cut short or damaged.
    """
    name = name or (data.name if isinstance(data, Path) else "The picture")
    content = _read(data, max_bytes, name)
    picture = _open(content, max_pixels, name)
    try:
        picture.load()
    except Exception as error:  # decoders of hostile bytes raise nearly anything: OSError, SyntaxError, struct.error...
        if "truncated" in str(error) or "broken data stream" in str(error):
            raise UserError(
                f"{name}: the {picture.format} file is cut short, a part of it is missing; copy or save it again."
            ) from error
        raise UserError(f"{name}: the {picture.format} file is damaged; save it again as PNG.") from error
    try:
        picture = ImageOps.exif_transpose(picture)
    except Exception:  # a broken EXIF block does not make the picture unreadable; it is then shown as stored
        picture.info.pop("exif", None)
    try:
        return plain(picture)
    except (ValueError, OSError) as error:
        raise UserError(f"{name}: its colour mode {picture.mode} is not supported; save it as 8-bit PNG.") from error


def plain(picture: Image.Image) -> Image.Image:
    """Any Pillow mode to 8-bit "L" (grey) or "RGB".

    * alpha and transparent palettes are composited over white, as viewers and paper do;
    * 16-bit grey is scaled, v / 257 rounded, so that 65535 becomes 255; 32-bit and float grey by the smallest of
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
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("L" if grey else "RGB")
    return picture.convert("L" if mode == "1" else "RGB")


def to_array(picture: Image.Image, size: int, channels: int, crop: int | None = None) -> np.ndarray:
    """The model's input: centre square, resized, in one or three channels.

    The largest centred square is kept, at most `crop` pixels wide, so nothing is stretched. Resizing is Lanczos with
    the support widened to the scale (antialiased). One channel from colour is luminance (ITU-R 601: 0.299 R + 0.587 G
    + 0.114 B); three from grey is the grey repeated. A picture that has the size already keeps its exact values; so
    does one of 28x28 at size 32, the form in which digits are passed around: its border is repeated twice, which for
    light strokes on black is the two black pixels of trainer/data/digits.py.

    Returns: uint8 (channels, size, size), contiguous.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels is 1 or 3, not {channels}")
    picture = plain(picture)
    if channels == 1:
        picture = picture.convert("L")
    side = min(*picture.size, crop or picture.width)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = (left, top, left + side, top + side)
    if side == size or (side, size) == DIGIT:
        picture = picture.crop(square)
    else:
        # reducing_gap: a box reduction first, still 3x oversampled, makes large photographs several times faster.
        picture = picture.resize((size, size), Image.Resampling.LANCZOS, box=square, reducing_gap=3.0)
    array = np.asarray(picture, dtype=np.uint8)
    margin = (size - array.shape[0]) // 2
    array = np.pad(array, ((margin, margin), (margin, margin), (0, 0))[: array.ndim], mode="edge")
    if array.ndim == 2:
        array = np.broadcast_to(array, (channels, size, size))
    else:
        array = array.transpose(2, 0, 1)
    return np.ascontiguousarray(array)


def _read(data: bytes | Path, max_bytes: int, name: str) -> bytes:
    """The bytes, never more than max_bytes of them."""
    if isinstance(data, Path):
        try:
            if not data.is_file():  # also keeps pipes and devices out, which would block or never end
                raise UserError(f"{name}: {'not a file' if data.exists() else 'no such file'}; {_ADVICE}.")
            if data.stat().st_size > max_bytes:
                raise UserError(_too_large(name, max_bytes))
            with data.open("rb") as handle:
                data = handle.read(max_bytes + 1)
        except OSError as error:
            raise UserError(f"{name}: cannot be read ({error.strerror}); {_ADVICE}.") from error
    if len(data) > max_bytes:
        raise UserError(_too_large(name, max_bytes))
    if not data:
        raise UserError(not_a_picture(data, name))
    return data


def _open(content: bytes, max_pixels: int, name: str) -> Image.Image:
    """Read the header only, and refuse by format and size before anything is decoded."""
    try:
        picture = Image.open(BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(_too_many(name, max_pixels)) from error
    except Exception as error:  # as in open_picture: whatever a header of hostile bytes provokes
        raise UserError(not_a_picture(content, name)) from error
    if picture.width * picture.height > max_pixels:
        raise UserError(_too_many(name, max_pixels, f" ({picture.width} x {picture.height})"))
    if picture.width * picture.height == 0:
        raise UserError(f"{name}: the picture has no pixels; {_ADVICE}.")
    return picture


def _too_large(name: str, max_bytes: int) -> str:
    return f"{name}: the file is larger than {max_bytes / 2**20:.4g} MiB; choose a smaller one."


def _too_many(name: str, max_pixels: int, measured: str = "") -> str:
    return (
        f"{name}: the picture has more than {max_pixels / 1e6:.4g} million pixels{measured}; "
        "scale it down and try again."
    )


# First bytes (offset, magic) of what people most often take for one of FORMATS.
_SIGNATURES = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a zip archive"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyphe", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftyp", "a video"),
)
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*", b"II+\x00")


def begins_like_picture(head: bytes) -> bool:
    """Whether the first 16 bytes (or more) are those of one of FORMATS: cheap, necessary, not sufficient."""
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def not_a_picture(content: bytes, name: str) -> str:
    """One sentence on what the bytes are instead of a picture, as far as their beginning tells."""
    head = content[:4096]
    if not head:
        return f"{name}: the file is empty (0 bytes); {_ADVICE}."
    if begins_like_picture(head):
        return f"{name}: it begins like a picture, but its header is damaged or cut short; copy or save it again."
    for offset, magic, what in _SIGNATURES:
        if head[offset:].startswith(magic):
            return f"{name}: the content is {what}, whatever the file's name; {_ADVICE}."
    if b"<svg" in head.lower():
        return f"{name}: the content is an SVG drawing, whatever the file's name; export it as PNG and choose that."
    if _is_text(head):
        return f"{name}: the content is text, not a picture; {_ADVICE}."
    return f"{name}: the content is not a picture this program knows; {_ADVICE}."


def _is_text(head: bytes) -> bool:
    """Whether the bytes read as UTF-8 without control characters (the last, perhaps cut, character aside)."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f\ufeff" for character in text)


def _from_deep(values: np.ndarray) -> Image.Image:
    """16-bit, 32-bit or float grey (H, W) to 8-bit grey, a block at a time so that large pictures need no copies."""
    out = np.empty(values.shape, dtype=np.uint8)
    blocks = [slice(start, start + _BLOCK) for start in range(0, values.size, _BLOCK)]
    flat, flat_out = values.reshape(-1), out.reshape(-1)
    if values.dtype.kind == "u":
        for block in blocks:
            flat_out[block] = (flat[block].astype(np.uint32) + 128) // 257
        return Image.fromarray(out)
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
