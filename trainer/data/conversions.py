"""What decoding did to a picture, in words: frames, rotation, depth, print colours, transparency."""

from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

from PIL import Image, TiffImagePlugin

T = TypeVar("T")
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_ORIENTATION = 0x0112  # EXIF tag; 1 is upright, 2-8 the seven others
_TURNS = {3: "rotated", 6: "rotated", 8: "rotated", 2: "mirrored", 4: "mirrored"}
_TURNS |= {5: "rotated and mirrored", 7: "rotated and mirrored"}


def conversions(data: bytes) -> list[str]:
    """Return what decoding changes about a picture that can be decoded, by its header (and its alpha, if any).

    A fact whose part of the file is broken is left out.
    """
    return _unless_broken(lambda: _facts(data)) or []


def _facts(data: bytes) -> list[str]:
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
        if _unless_broken(lambda: picture.has_transparency_data and _lowest_alpha(picture) < 255):
            facts.append("transparent parts on white")
        return facts


def bytes_per_pixel(picture: Image.Image) -> float:
    """Return what decoding takes at least; a progressive JPEG's coefficients count, whose lack is called damage."""
    own = 1 if picture.mode in ("1", "L", "P") else 4
    layers = getattr(picture, "layer", []) if picture.info.get("progressive") else []
    sizes = [across * down for _, across, down, _ in layers]
    return own + 2 * sum(sizes) / max(sizes, default=1)


def unsupported(data: bytes) -> str:
    """Return what an intact file is that Pillow cannot decode, or an empty string: TIFFs of other pixel types."""
    if not data.startswith((b"II*\0", b"MM\0*", b"II+\0")):
        return ""
    try:
        TiffImagePlugin.TiffImageFile(BytesIO(data))
    except SyntaxError as error:
        if any(words in str(error) for words in ("unknown pixel mode", "data organization", "samples per pixel")):
            return "a TIFF of this pixel type (float colour, or an unusual number of channels)"
    except KeyError:
        return "a TIFF of this compression"
    except Exception:
        return ""
    return ""


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
