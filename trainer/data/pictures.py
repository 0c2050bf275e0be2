"""Any picture file to the model's input: the one place where content, limits, modes and sizes are dealt with.

    read_picture   bytes or path -> the model's input: the one function that decodes what others made
    open_picture   its first half: an upright 8-bit Pillow picture, mode "L" or "RGB", or one sentence why not
    to_array       its second half: picture -> uint8 (C, H, W) of the model's size

Uploads and image folders both go through here, so a picture means the same to training and to the pages.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from trainer.data import isolation
from trainer.data.conversions import FORMATS, bytes_per_pixel, conversions, unsupported
from trainer.data.modes import NARROW, plain
from trainer.data.pixels import channels_first
from trainer.data.signatures import ADVICE, begins_like_picture, not_a_picture, webp_pixels
from trainer.errors import UserError

MAX_BYTES = 32 * 2**20  # a 24-megapixel camera JPEG has about 10 MiB
MAX_PIXELS = 50_000_000  # 150 MB as RGB: the largest picture that fits beside a model in the memory target
DIGIT = (28, 32)  # side of a digit's file, and of the model's input that keeps its bytes
MAX_MEMORY = 640 * 2**20
DETAIL = 128
"""Side of the larger array in which the strokes of a digit are looked for (trainer/ood/preparation.py)."""

# The size is checked below, against a lower limit and before decoding; Pillow's own warning would only be noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


Allow = Callable[[int, float], None]
"""Takes the number of pixels, and the bytes that each needs at least; raises MemoryError where that is too much."""
WEBP_BYTES = 15


def _nothing(pixels: int, each: float) -> None:
    """Nothing is to be allowed in the process that decodes for itself."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        array: uint8 (C, H, W), the model's input.
        size: width and height of the file's picture, upright.
        notes: what was done besides scaling, where that was asked for.
        detail: uint8 (C, side, side), the same picture of another side, where that was asked for.
    """

    array: np.ndarray
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    detail: np.ndarray | None = None


def read_picture(
    data: bytes | Path,
    image_shape: tuple[int, int, int],
    *,
    name: str | None = None,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    max_memory: int = MAX_MEMORY,
    crop: int | None = None,
    with_notes: bool = False,
    detail: int = 0,
) -> Picture:
    """Return a file's picture as a model's input. Every picture that others made is decoded here.

    Args:
        data, name, max_bytes, max_pixels: see open_picture.
        max_memory: bytes that decoding may take at most, whatever the picture's size.
        image_shape: (channels, height, width) of the model; height equals width.
        crop: see to_array.
        with_notes: of `data` in bytes.
        detail: side of a second, larger array, or 0 for none.

    Raises: UserError, one sentence: see open_picture.
    """
    if image_shape[1] != image_shape[2]:
        raise ValueError(f"models take square pictures, not {image_shape[1]} x {image_shape[2]}")
    name = name or (data.name if isinstance(data, Path) else "The picture")
    content = _read(data, max_bytes, name)
    wanted = Wanted(tuple(image_shape), max_pixels, crop, with_notes, detail)
    if _decodes_here(content):
        return _picture(content, name, wanted)
    said, values = isolation.ask(content, name, max_memory, **wanted._asdict())
    both = np.frombuffer(values, np.uint8)
    array, rest = np.split(both, [math.prod(image_shape)])
    larger = rest.reshape(-1, detail, detail).copy() if detail else None
    return Picture(array.reshape(image_shape).copy(), tuple(said["size"]), tuple(said["notes"]), larger)


class Wanted(NamedTuple):
    """What a file is to be made into: see read_picture."""

    image_shape: tuple[int, int, int]
    max_pixels: int
    crop: int | None
    with_notes: bool
    detail: int


def _decodes_here(content: bytes) -> bool:
    """Whether decoding is cheap by the file's kind, size and pixels, so that no other process is needed."""
    if not isolation.is_cheap(content):
        return False
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            return picture.width * picture.height <= isolation.cheap_pixels(content)
    except Exception:  # decoders of hostile bytes raise nearly anything; the sentence is found below
        return True


def answer(content: bytes, header: dict[str, Any], allow: Allow) -> tuple[dict[str, Any], bytes]:
    """Return what read_picture or check_header asked another process for; `allow` gets the number of pixels."""
    name = header["name"]
    if "header_pixels" in header:
        _check_pixels(content, name, header["header_pixels"])
        return {}, b""
    if pixels := webp_pixels(content):  # its decoder takes memory for the whole picture when it is opened
        if pixels > header["max_pixels"]:
            raise UserError(_too_many(name, header["max_pixels"]))
        allow(pixels, WEBP_BYTES)
        allow = _nothing
    found = _picture(content, name, Wanted(*(header[field] for field in Wanted._fields)), allow)
    return {"size": found.size, "notes": found.notes}, found.array.tobytes() + (
        b"" if found.detail is None else found.detail.tobytes()
    )


def _picture(content: bytes, name: str, wanted: Wanted, allow: Allow = _nothing) -> Picture:
    """Decode in this process."""
    channels, side, _ = wanted.image_shape
    picture = _decoded(_open(content, wanted.max_pixels, name), name, allow)
    size, colour, narrow = picture.size, picture.mode == "RGB", picture.info.get(NARROW)
    array = to_array(picture, side, channels, wanted.crop)
    detail = to_array(picture, wanted.detail, channels) if wanted.detail else None
    if not wanted.with_notes:
        return Picture(array, size, (), detail)
    del picture  # up to 150 MB, before the file is looked at again
    notes = conversions(content)
    if narrow:
        notes.append("12-bit values in 16 bits made full range")
    if size[0] != size[1]:
        notes.append(f"centre square of {size[0]} x {size[1]} pixels")
    if colour and channels == 1:
        notes.append("colour made grey")
    return Picture(array, size, tuple(notes), detail)


def check_header(content: bytes, name: str, max_bytes: int, max_pixels: int) -> None:
    """Check size, first bytes and header of a file alone: a picture that is damaged further inside passes.

    Raises: UserError, one sentence on why it is no picture to take.
    """
    if not begins_like_picture(content):
        raise UserError(not_a_picture(content, name))
    _read(content, max_bytes, name)
    if isolation.is_cheap(content):
        _check_pixels(content, name, max_pixels)
    else:
        isolation.ask(content, name, header_pixels=max_pixels)


def _check_pixels(content: bytes, name: str, max_pixels: int) -> None:
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            pixels = picture.width * picture.height
    except Exception:  # decoders of hostile bytes raise nearly anything; decoding it names it
        return
    if pixels > max_pixels:
        raise UserError(_too_many(name, max_pixels))


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
    return _decoded(_open(content, max_pixels, name), name)


def _decoded(picture: Image.Image, name: str, allow: Allow = _nothing) -> Image.Image:
    """The second half of open_picture."""
    allow(picture.width * picture.height, bytes_per_pixel(picture))
    try:
        picture.load()
    except MemoryError:
        raise
    except Exception as error:  # decoders of hostile bytes raise nearly anything: OSError, SyntaxError, struct.error...
        if "memory" in str(error):
            raise MemoryError from error
        if "truncated" in str(error) or "broken data stream" in str(error):
            raise UserError(
                f"{name}: the {picture.format} file is cut short, a part of it is missing; copy or save it again."
            ) from error
        raise UserError(f"{name}: the {picture.format} file is damaged; save it again as PNG.") from error
    if picture.mode == "P" and picture.palette is None:
        raise UserError(f"{name}: the {picture.format} file is damaged, its colours are missing; save it again as PNG.")
    try:
        ImageOps.exif_transpose(picture, in_place=True)  # a copy would double the memory
    except Exception:  # a broken EXIF block does not make the picture unreadable; it is then shown as stored
        picture.info.pop("exif", None)
    try:
        return plain(picture)
    except (ValueError, OSError) as error:
        raise UserError(f"{name}: its colour mode {picture.mode} is not supported; save it as 8-bit PNG.") from error


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
        return np.ascontiguousarray(np.broadcast_to(array, (channels, size, size)))
    return channels_first(array)


def _read(data: bytes | Path, max_bytes: int, name: str) -> bytes:
    """The bytes, never more than max_bytes of them."""
    if isinstance(data, Path):
        try:
            if not data.is_file():  # also keeps pipes and devices out, which would block or never end
                raise UserError(f"{name}: {'not a file' if data.exists() else 'no such file'}; {ADVICE}.")
            if data.stat().st_size > max_bytes:
                raise UserError(_too_large(name, max_bytes))
            with data.open("rb") as handle:
                data = handle.read(max_bytes + 1)
        except OSError as error:
            raise UserError(f"{name}: cannot be read ({error.strerror}); {ADVICE}.") from error
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
    except MemoryError:
        raise
    except Exception as error:  # as in open_picture: whatever a header of hostile bytes provokes
        if kind := unsupported(content):
            raise UserError(f"{name}: {kind} is not supported; save it as 8-bit PNG.") from error
        raise UserError(not_a_picture(content, name)) from error
    if picture.width * picture.height > max_pixels:
        raise UserError(_too_many(name, max_pixels, f" ({picture.width} x {picture.height})"))
    if picture.width * picture.height == 0:
        raise UserError(f"{name}: the picture has no pixels; {ADVICE}.")
    return picture


def _too_large(name: str, max_bytes: int) -> str:
    return f"{name}: the file is larger than {max_bytes / 2**20:.4g} MiB; choose a smaller one."


def _too_many(name: str, max_pixels: int, measured: str = "") -> str:
    return (
        f"{name}: the picture has more than {max_pixels / 1e6:.4g} million pixels{measured}; "
        "scale it down and try again."
    )
