"""Pictures that cost more than they show, lie about themselves, or are of kinds nobody expects; small on disk."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

KINDS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: tuple[bytes, bytes], depth: int = 8, colour: int = 0) -> bytes:
    """A PNG of these chunks, or of a few pixels, that declares any size."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = b"".join(_chunk(*each) for each in chunks or ((b"IDAT", zlib.compress(bytes(999))),))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + body + _chunk(b"IEND", b"")


def tiff(tags: list[tuple[int, int, int, int]], data: bytes = bytes(400), extra: bytes = b"") -> bytes:
    """A little-endian TIFF of these tags (tag, type, count, value); pixels at byte 8."""
    at = 8 + len(data) + len(extra)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<I", at) + data + extra + struct.pack("<H", len(tags)) + entries + bytes(4)


def jpeg_of_scans(scans: int, size: tuple[int, int] = (2000, 2000)) -> bytes:
    """A progressive JPEG whose last scan is repeated: some bytes each, and each a pass over the whole picture."""
    content = encoded(Image.new("L", size, 128), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    scan = content[last:-2]
    return content[:last] + scan * scans + b"\xff\xd9"


def gif_of_blocks(blocks: int) -> bytes:
    """A GIF with so many comments before its picture."""
    content = encoded(Image.new("P", (8, 8)), "GIF")
    start = content.index(b"\x2c", 13)
    return content[:start] + b"\x21\xfe\x01a\x00" * blocks + content[start:]


def bombs() -> Iterator[tuple[str, bytes]]:
    """Work or memory far beyond the picture."""
    for scans in (500, 3000, 20_000):
        yield f"JPEG of {scans} scans", jpeg_of_scans(scans)
    for blocks in (10_000, 1_000_000, 3_000_000):
        yield f"GIF of {blocks} comments", gif_of_blocks(blocks)
    pixels = (b"IDAT", zlib.compress(bytes(9 * 8)))
    for count, kind in ((300_000, b"tEXt"), (1_000_000, b"tIME"), (200, b"zTXt")):
        data = b"a\0\0" + zlib.compress(bytes(2**20)) if kind == b"zTXt" else b"a\0b"
        yield f"PNG of {count} {kind.decode()} chunks", png(8, 8, *[(kind, data)] * count, pixels)
    yield "PNG of 300,000 empty IDAT chunks", png(8, 8, *[(b"IDAT", b"")] * 300_000, pixels)
    wide = encoded(Image.new("RGB", (8000, 5000)), "WEBP", lossless=True, method=0)
    yield "WebP of 40 million pixels", wide
    frames = [Image.new("RGBA", (5000, 5000), (shade, 0, 0, 128)) for shade in (0, 99)]
    yield "animated WebP", encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True, method=0)
    yield "PNG of 40 million pixels", encoded(Image.new("L", (8000, 5000)), "PNG", compress_level=1)
    yield "bilevel PNG of 40 million pixels", encoded(Image.new("1", (8000, 5000)), "PNG")
    yield "palette PNG with alpha", encoded(Image.new("RGBA", (4000, 4000), (1, 2, 3, 4)), "PNG", compress_level=1)
    for side in (20_000, 60_000):
        tags = [(256, 4, 1, 10), (257, 4, 1, 10), (258, 3, 1, 8), (259, 3, 1, 5), (262, 3, 1, 1), (277, 3, 1, 1)]
        tags += [(322, 4, 1, side), (323, 4, 1, side), (324, 4, 1, 8), (325, 4, 1, 400)]
        yield f"TIFF with a tile of {side}", tiff(tags)
    strips = 500_000
    offsets = struct.pack("<I", 8) * strips
    tags = [(256, 4, 1, 1), (257, 4, 1, strips), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    tags += [(278, 4, 1, 1), (273, 4, strips, 408), (279, 4, strips, 408)]
    yield f"TIFF of {strips} strips", tiff(tags, extra=offsets)


def odd() -> Iterator[tuple[str, bytes]]:
    """Kinds that are rare, unsupported, or nearly right."""
    ramp = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    for bits in (10, 12, 14, 16):
        deep = Image.fromarray((ramp * (2**bits - 1)).astype(np.uint16))
        yield f"{bits} bits in a PNG of 16", encoded(deep, "PNG")
        yield f"{bits} bits in a TIFF of 16", encoded(deep, "TIFF")
    yield "float TIFF", encoded(Image.fromarray(ramp.astype(np.float32)), "TIFF")
    for channels, bits, form in ((3, 32, 3), (5, 8, 1), (2, 32, 3), (9, 8, 1), (3, 64, 3), (1, 64, 3)):
        tags = [(256, 4, 1, 4), (257, 4, 1, 4), (259, 3, 1, 1), (262, 3, 1, 2 if channels > 2 else 1), (273, 4, 1, 8)]
        sizes, forms = struct.pack("<H", bits) * channels, struct.pack("<H", form) * channels
        data = bytes(4 * 4 * channels * bits // 8)
        place = 8 + len(data)
        tags += [(277, 3, 1, channels), (278, 4, 1, 4), (279, 4, 1, len(data)), (258, 3, channels, place)]
        tags += [(339, 3, channels, place + len(sizes))]
        yield f"TIFF of {channels} channels, {bits} bits, form {form}", tiff(tags, data, sizes + forms)
    yield "indexed PNG without a palette", png(1, 1, (b"IDAT", zlib.compress(b"\0\0")), colour=3)
    yield "PNG of no pixels", png(0, 5)
    yield "PNG of 2**31 pixels a side", png(2**31 - 1, 2**31 - 1)
    yield "PNG with a broken profile", png(2, 2, (b"iCCP", b"x\0\0junk"), (b"IDAT", zlib.compress(bytes(6))))
    yield "PNG with a broken transparency", png(2, 2, (b"tRNS", b"\0"), (b"IDAT", zlib.compress(bytes(6))))
    yield (
        "APNG that declares 2**31 frames",
        png(2, 2, (b"acTL", struct.pack(">II", 2**31 - 1, 0)), (b"IDAT", zlib.compress(bytes(6)))),
    )
    yield "SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    yield (
        "JPEG with a broken EXIF block",
        encoded(Image.new("L", (9, 9)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
    )
    yield "CMYK JPEG", encoded(Image.new("CMYK", (9, 9)), "JPEG")


def mutants(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Sound files of every kind with bytes changed, cut, repeated or filled."""
    draw = random.Random(seed)
    photo = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8))
    sound = {kind: encoded(photo, kind) for kind in KINDS}
    sound |= {"WEBP": encoded(photo, "WEBP", save_all=True, append_images=[photo.rotate(9)])}
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        content = bytearray(sound[kind])
        for _ in range(draw.choice((1, 1, 3, 20))):
            place = draw.randrange(min(len(content), draw.choice((60, 400, 10**6))))
            content[place] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))
        if draw.random() < 0.3:
            del content[draw.randrange(8, len(content)) :]
        if draw.random() < 0.2:
            content += content[draw.randrange(len(content)) :]
        yield f"{kind} mutant {number}", bytes(content)
