"""Uploaded pictures: from untrusted files and zips to a model's exact input. No streamlit here.

`trainer.data` decodes, as for image folders; this module adds the limits of uploads, inversion, and a sentence on how
the picture was changed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from trainer.data.collect import gather, read_each
from trainer.data.isolation import MOST_MEMORY
from trainer.data.pictures import DETAIL, read_picture
from trainer.data.zips import Entry, Limits
from trainer.errors import UserError

TYPES = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"]
MAX_BYTES = 20 * 2**20  # of one file
MAX_PIXELS = 40_000_000  # of one picture: checked before decoding, so 20 kB cannot become 800 MB
MAX_FILES = 200  # in one go
MAX_TOGETHER = 1_000_000_000  # pixels of all pictures together: some 15 s of decoding
MAX_WASTED = 4.0  # seconds spent on files that turn out to be none: some are patience, hundreds an attack
ZIP = Limits(files=1_000, unpacked=256 * 2**20, advice=f"upload one with at most {MAX_FILES} pictures")

_BLOCK = 2  # pictures decoded at a time
_NAME_LENGTH = 80


@dataclass(frozen=True, eq=False)
class Upload:
    """One accepted picture; `key` is the key for caches, and changes whenever `array` does."""

    name: str  # as uploaded, fit to print
    sha: str  # first 16 hex digits of the SHA-256 of the file
    array: np.ndarray  # uint8 (C, H, W), read-only: exactly what the model sees, times 255
    original_size: tuple[int, int]  # width, height, upright
    notes: tuple[str, ...]  # what was done besides scaling
    inverted: bool = False
    detail: np.ndarray | None = None  # uint8 (1, DETAIL, DETAIL), of a grey one: never inverted

    @property
    def key(self) -> str:
        """Return the identity of the array: content of the file, shape, and whether it was inverted."""
        shape = "x".join(map(str, self.array.shape))
        return f"{self.sha}-{shape}{'-inverted' if self.inverted else ''}"

    @property
    def note(self) -> str:
        """Return a sentence on changes besides scaling, empty without any."""
        text = ", ".join(self.notes)
        return f"{text[0].upper()}{text[1:]}." if text else ""

    def turned(self, invert: bool) -> Upload:
        """Return the picture as it is, or with v replaced by 255 - v; `self` is not inverted."""
        if not invert:
            return self
        array = 255 - self.array
        array.setflags(write=False)
        return replace(self, array=array, notes=(*self.notes, "inverted"), inverted=True)


@dataclass(frozen=True, eq=False)
class Uploads:
    """Pictures of several files and zips, for models of one shape.

    Attributes:
        shape: (C, H, W).
        names: as the command line calls the pictures.
        uploads: of the same length, not inverted.
        rejected: a sentence each.
    """

    shape: tuple[int, int, int]
    names: tuple[str, ...]
    uploads: tuple[Upload, ...]
    rejected: tuple[str, ...]

    @cached_property
    def key(self) -> str:
        """Return the identity of the arrays and names."""
        text = "".join(upload.key for upload in self.uploads) + repr(self.names)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def arrays(self) -> np.ndarray:
        """The pictures as they are, as a model's input times 255, uint8 (n, C, H, W)."""
        return np.stack([upload.array for upload in self.uploads])

    @cached_property
    def details(self) -> np.ndarray | None:
        """The same pictures, uint8 (n, 1, DETAIL, DETAIL), where they are grey."""
        return np.stack([upload.detail for upload in self.uploads]) if self.shape[0] == 1 else None


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
    name = _printable(name)
    limits = {"max_bytes": MAX_BYTES, "max_pixels": MAX_PIXELS, "max_memory": MOST_MEMORY}
    detail = DETAIL if image_shape[0] == 1 else 0
    picture = read_picture(data, image_shape, name=name, with_notes=True, detail=detail, **limits)
    picture.array.setflags(write=False)
    sha = hashlib.sha256(data).hexdigest()[:16]
    return Upload(name, sha, picture.array, picture.size, picture.notes, detail=picture.detail).turned(invert)


def read_files(
    files: Sequence[tuple[str, bytes]],
    image_shape: tuple[int, int, int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Uploads:
    """Decode files and the pictures in zips, in the order and under the names of `python -m trainer score`.

    A bad file does not stop the good ones. A zip is bounded before anything in it is unpacked, and pixels altogether.

    Args:
        files: (name, bytes) of each; content decides what is a zip.
        image_shape: (channels, height, width) of the model.
        progress: called with (done, total) pictures.

    Raises: UserError if a zip is damaged or exceeds its limits, or there are more than MAX_FILES pictures.
    """
    names, uploads, pixels, wasted = [], [], 0, 0.0
    with ExitStack() as stack:
        gathered = gather(stack, files, ZIP, MAX_FILES)
        rejected, total = gathered.skipped, len(gathered.entries)
        begun = time.monotonic()
        for place, result in read_each(gathered.entries, partial(_decoded, image_shape), progress, _BLOCK):
            if isinstance(result, str):
                rejected.append(result)
                wasted += time.monotonic() - begun
            else:
                uploads.append(result)
                names.append(gathered.entries[place].name)
                pixels += result.original_size[0] * result.original_size[1]
            left, begun = total - place - 1, time.monotonic()
            if left and (place + 1) % _BLOCK == 0 and (reason := _too_much(pixels, wasted)):
                rejected.append(f"{left} more were left out, because {reason}.")
                break
    return Uploads(tuple(image_shape), tuple(names), tuple(uploads), tuple(rejected))


def _too_much(pixels: int, wasted: float) -> str:
    """Return why no further picture is decoded, and what to do; empty where all is well."""
    if pixels > MAX_TOGETHER:
        most = f"{MAX_TOGETHER // 10**6:,} million pixels"
        return f"all pictures together have more than {most}; scale them down or upload them in parts"
    return "the files named here took too long; upload the others without them" if wasted > MAX_WASTED else ""


def _decoded(image_shape: tuple[int, int, int], entry: Entry) -> Upload:
    """Return the picture; its errors name the whole path in a zip: a/1.png is not b/1.png."""
    try:
        return read_upload(entry.read(), entry.name, image_shape)
    except UserError as error:
        folder, _, own = entry.name.rpartition("/")
        raise UserError(f"{folder}/{error}" if folder and str(error).startswith(own) else str(error)) from error


def looks_inverted(array: np.ndarray) -> bool:
    """Return whether a grey picture should probably be inverted for a model of light strokes on black (MNIST).

    True where the mean of the border, one sixteenth of the side wide, is above half of full brightness: strokes
    rarely touch the border, so it shows the background. Always False for colour. Not for models of pictures with a
    light background, such as Omniglot as drawn.

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


def light_ground(arrays: Sequence[np.ndarray]) -> bool:
    """Return whether most of the pictures, uint8 (C, H, W) each, look inverted."""
    return sum(map(looks_inverted, arrays)) > len(arrays) / 2


def _printable(name: str) -> str:
    """Return the last part of a file name, without control characters, cut in the middle if very long."""
    name = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable()).strip()
    if len(name) > _NAME_LENGTH:
        half = _NAME_LENGTH // 2
        name = f"{name[:half]}…{name[1 - half :]}"
    return name or "The picture"
