"""Uploaded pictures: from untrusted bytes to exactly the array a model sees, and a preview of it. No streamlit here.

`trainer.data.pictures` decodes, as it does for image folders; this module adds the limits of uploads, the switch
that inverts, and one sentence on what was done to the picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from trainer.errors import UserError

MAX_BYTES = 20 * 2**20  # of one file
MAX_PIXELS = 40_000_000  # of one picture: checked before decoding, so 20 kB cannot become 800 MB
MAX_FILES = 200  # in one go

_NAME_LENGTH = 80
_ORIENTATION = 0x0112  # EXIF tag; 1 is upright, 2-8 the seven others
_TURNS = {3: "rotated", 6: "rotated", 8: "rotated", 2: "mirrored", 4: "mirrored"}
_TURNS |= {5: "rotated and mirrored", 7: "rotated and mirrored"}


@dataclass(frozen=True, eq=False)
class Upload:
    """One accepted picture. Cache by `key`: it changes whenever `array` does, at a given image shape."""

    name: str  # as uploaded, fit to print
    sha: str  # first 16 hex digits of the SHA-256 of the file
    array: np.ndarray  # uint8 (C, H, W), read-only: exactly what the model sees, times 255
    original_size: tuple[int, int]  # width, height, upright
    note: str  # what was done besides scaling, one sentence; may be empty
    inverted: bool = False

    @property
    def key(self) -> str:
        """Identity of the array: content of the file, shape, and whether it was inverted."""
        shape = "x".join(map(str, self.array.shape))
        return f"{self.sha}-{shape}{'-inverted' if self.inverted else ''}"


def read_upload(data: bytes, name: str, image_shape: tuple[int, int, int], invert: bool = False) -> Upload:
    """Turn the bytes of a file into a model's input.

    The content decides, never the extension. The first frame of an animation is taken, EXIF rotation applied,
    transparency put on white, the centre square cut out and scaled (see `trainer.data.pictures`).

    Args:
        data: the whole file.
        name: its name, for messages only.
        image_shape: (channels, height, width) of the model; height equals width.
        invert: replace v by 255 - v at the end; for dark strokes on white and a model of light ones on black.

    Raises: UserError, one sentence with the name: empty, larger than MAX_BYTES, more than MAX_PIXELS pixels, not a
        picture, cut short, or damaged.
    """
    from trainer.data.pictures import open_picture, to_array  # the package may bring torch, which pages load late

    channels, height, width = image_shape
    if height != width:
        raise ValueError(f"models take square pictures, not {height} x {width}")
    name = _printable(name)
    picture = open_picture(data, max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS, name=name)
    size, colour = picture.size, picture.mode == "RGB"
    array = to_array(picture, height, channels)
    del picture  # up to 120 MB, before the file is looked at again
    notes = _facts(data)
    if size[0] != size[1]:
        notes.append(f"centre square of {size[0]} x {size[1]} pixels")
    if colour and channels == 1:
        notes.append("colour made grey")
    if invert:
        array = 255 - array
        notes.append("inverted")
    array.setflags(write=False)
    return Upload(name, hashlib.sha256(data).hexdigest()[:16], array, size, _sentence(notes), invert)


def read_uploads(
    files: Iterable[tuple[str, bytes]], image_shape: tuple[int, int, int], invert: bool = False
) -> tuple[list[Upload], list[str]]:
    """Read several files; bad ones do not stop the good ones.

    Args:
        files: (name, bytes) of each; consumed one at a time.
        image_shape, invert: see read_upload.

    Returns: the accepted pictures, and one sentence per rejected file, each in the order given.
    Raises: UserError if there are more than MAX_FILES files.
    """
    accepted: list[Upload] = []
    rejected: list[str] = []
    for count, (name, data) in enumerate(files, start=1):
        if count > MAX_FILES:
            raise UserError(f"More than {MAX_FILES} files were chosen; upload at most {MAX_FILES} at once.")
        try:
            accepted.append(read_upload(data, name, image_shape, invert))
        except UserError as error:
            rejected.append(str(error))
    return accepted, rejected


def looks_inverted(array: np.ndarray) -> bool:
    """Whether a one-channel picture probably wants inverting for a model of light strokes on black (MNIST).

    True where the mean of the border, one sixteenth of the side wide, is above half of full brightness: strokes
    rarely touch the border, so it shows the ground. Always False for colour. Meaningless for models of
    pictures whose ground is light, such as Omniglot as drawn; the caller knows the data.

    Args:
        array: uint8 (C, H, W), not inverted.
    """
    if array.shape[0] != 1:
        return False
    _, height, width = array.shape
    edge = max(1, min(height, width) // 16)
    border = np.ones((height, width), dtype=bool)
    border[edge : height - edge, edge : width - edge] = False
    return float(array[0][border].mean()) > 127.5


def preview_png(array: np.ndarray, scale: int = 8) -> bytes:
    """PNG of a model's input with each pixel drawn as a scale x scale square, nothing smoothed.

    Args:
        array: uint8 (C, H, W), C 1 or 3.
        scale: at least 1.
    """
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] not in (1, 3) or scale < 1:
        raise ValueError(f"needs uint8 (1 or 3, H, W) and a scale from 1 on, not {array.dtype} {array.shape}, {scale}")
    enlarged = array.repeat(scale, axis=1).repeat(scale, axis=2)
    pixels = enlarged[0] if array.shape[0] == 1 else enlarged.transpose(1, 2, 0)
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def _facts(data: bytes) -> list[str]:
    """What decoding did to an accepted picture, read off its header (and its alpha, where it has one)."""
    from trainer.data.pictures import FORMATS

    with Image.open(BytesIO(data), formats=FORMATS) as picture:
        facts = []
        frames = _frames(picture)
        if frames > 1:
            facts.append(f"first frame of {frames}")
        if turn := _TURNS.get(_orientation(picture)):
            facts.append(f"{turn} by its EXIF tag")
        if picture.mode.startswith(("I", "F")):
            facts.append("reduced to 8 bits")
        if picture.mode == "CMYK":
            facts.append("print colours (CMYK) made RGB")
        if picture.has_transparency_data and _lowest_alpha(picture) < 255:
            facts.append("transparent parts on white")
        return facts


def _frames(picture: Image.Image) -> int:
    """Number of frames; 1 where the rest of the file is too damaged to count."""
    try:
        return getattr(picture, "n_frames", 1)
    except Exception:  # later frames may be broken in any way; the first one has been decoded already
        return 1


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 where there is none or the block is broken (then it was not applied either)."""
    try:
        orientation = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # as trainer.data.pictures: a broken EXIF block does not make the picture unreadable
        return 1
    return orientation if isinstance(orientation, int) else 1


def _lowest_alpha(picture: Image.Image) -> int:
    """Smallest alpha of any pixel, 255 if all are opaque."""
    if picture.mode not in ("RGBA", "LA"):
        picture = picture.convert("RGBA")
    return picture.getchannel("A").getextrema()[0]


def _printable(name: str) -> str:
    """The last part of a file name, without control characters, cut in the middle if very long."""
    name = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable()).strip()
    if len(name) > _NAME_LENGTH:
        half = _NAME_LENGTH // 2
        name = f"{name[:half]}…{name[1 - half :]}"
    return name or "The picture"


def _sentence(notes: list[str]) -> str:
    """Join, with a capital and a full stop; empty if there is nothing to say."""
    text = ", ".join(notes)
    return f"{text[0].upper()}{text[1:]}." if text else ""
