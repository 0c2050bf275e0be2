"""What the first bytes of a file are: a picture perhaps, or one sentence on what they are instead."""

ADVICE = "choose a picture in PNG, JPEG, GIF, WebP, BMP or TIFF"

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
    """Return whether the first 16 bytes (or more) are those of one of FORMATS: cheap, necessary, not sufficient."""
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def webp_pixels(content: bytes) -> int:
    """Return how many pixels the header of a WebP file declares; 0 for anything else."""
    kind = content[12:16] if begins_like_picture(content[:12]) and content[:4] == b"RIFF" else b""
    if kind == b"VP8X":
        sides = (1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little"))
    elif kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        sides = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    else:
        sides = tuple(int.from_bytes(content[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return sides[0] * sides[1] if kind else 0


def not_a_picture(content: bytes, name: str) -> str:
    """Return one sentence on what the bytes are instead of a picture, as far as their beginning shows."""
    head = content[:4096]
    if not head:
        return f"{name}: the file is empty (0 bytes); {ADVICE}."
    if begins_like_picture(head):
        return f"{name}: it begins like a picture, but its header is damaged or cut short; copy or save it again."
    for offset, magic, what in _SIGNATURES:
        if head[offset:].startswith(magic):
            return f"{name}: the content is {what}, whatever the file's name; {ADVICE}."
    if b"<svg" in head.lower():
        return f"{name}: the content is an SVG drawing, whatever the file's name; export it as PNG and choose that."
    if _is_text(head):
        return f"{name}: the content is text, not a picture; {ADVICE}."
    return f"{name}: the content is not a picture this program knows; {ADVICE}."


def _is_text(head: bytes) -> bool:
    """Whether the bytes read as UTF-8 without control characters (the last, perhaps cut, character aside)."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f\ufeff" for character in text)
