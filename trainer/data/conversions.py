"""What decoding did to a picture, in words: frames, rotation, depth, print colours, transparency."""

from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

from PIL import Image

T = TypeVar("T")
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_ORIENTATION = 0x0112  # EXIF tag; 1 is upright, 2-8 the seven others
_TURNS = {3: "rotated", 6: "rotated", 8: "rotated", 2: "mirrored", 4: "mirrored"}
_TURNS |= {5: "rotated and mirrored", 7: "rotated and mirrored"}


def conversions(data: bytes) -> list[str]:
    """Return what decoding changes about a picture that can be decoded, by its header (and its alpha, if any)."""
    with Image.open(BytesIO(data), formats=FORMATS) as picture:
        facts = []
        frames = _unless_broken(lambda: picture.n_frames)  # later frames may be damaged in any way
        if frames and frames > 1:
            facts.append(f"first frame of {frames}")
        if turn := _unless_broken(lambda: _TURNS.get(picture.getexif().get(_ORIENTATION))):
            facts.append(f"{turn} by its EXIF tag")
        if picture.mode.startswith(("I", "F")):
            facts.append("reduced to 8 bits")
        if picture.mode == "CMYK":
            facts.append("print colours (CMYK) made RGB")
        if picture.has_transparency_data and _lowest_alpha(picture) < 255:
            facts.append("transparent parts on white")
        return facts


def _unless_broken(read: Callable[[], T]) -> T | None:
    """The value, or None where the part of the file that holds it is broken or absent."""
    try:
        return read()
    except Exception:  # the picture has been decoded anyway
        return None


def _lowest_alpha(picture: Image.Image) -> int:
    """Smallest alpha of any pixel, 255 if all are opaque."""
    if picture.mode not in ("RGBA", "LA"):
        picture = picture.convert("RGBA")
    return picture.getchannel("A").getextrema()[0]
