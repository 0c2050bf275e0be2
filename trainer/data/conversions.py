"""What decoding did to a picture, in words: frames, rotation, depth, print colours, transparency."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_ORIENTATION = 0x0112  # EXIF tag; 1 is upright, 2-8 the seven others
_TURNS = {3: "rotated", 6: "rotated", 8: "rotated", 2: "mirrored", 4: "mirrored"}
_TURNS |= {5: "rotated and mirrored", 7: "rotated and mirrored"}


def conversions(data: bytes) -> list[str]:
    """Return what decoding changes about a picture that can be decoded, by its header (and its alpha, if any)."""
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
