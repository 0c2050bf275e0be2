"""Zips that lie, expand, overlap, or bear the names that other systems write."""

from __future__ import annotations

import io
import random
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.fixtures import zipped as zipped_files

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def picture(shade: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), shade % 256).save(buffer, "PNG")
    return buffer.getvalue()


class NoFlag(zipfile.ZipInfo):
    """An entry whose name is written in any encoding, without the flag for UTF-8."""

    encoding = "utf-8"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - of zipfile
        return self.filename.encode(self.encoding), self.flag_bits & ~0x800


def zipped(names: list[str], method: int = zipfile.ZIP_STORED, **options) -> bytes:
    """A zip of small pictures under these names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, **options) as archive:
        for number, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(name), picture(number))
    return buffer.getvalue()


def in_encoding(names: list[str], encoding: str, system: int = 3) -> bytes:
    """A zip whose names are in an encoding, without a word about that."""
    kind = type("Info", (NoFlag,), {"encoding": encoding})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, name in enumerate(names):
            info = kind(name)
            info.create_system = system
            archive.writestr(info, picture(number))
    return buffer.getvalue()


def with_unicode_path(names: list[str]) -> bytes:
    """A zip whose names are in a code page, and in UTF-8 in Info-ZIP's extra field."""
    buffer = io.BytesIO()
    kind = type("Info", (NoFlag,), {"encoding": "cp850"})
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, name in enumerate(names):
            info, text = kind(name), name.encode()
            info.extra = struct.pack("<HHBI", 0x7075, 5 + len(text), 1, zlib.crc32(name.encode("cp850"))) + text
            archive.writestr(info, picture(number))
    return buffer.getvalue()


def zip64(names: list[str]) -> bytes:
    """A small zip whose records are those of a large one."""
    content = zipped(names)
    end = content.rindex(END)
    count, size, start = struct.unpack("<HII", content[end + 10 : end + 20])
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, start)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    last = END + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:end] + record + locator + last


def lying() -> Iterator[tuple[str, bytes]]:
    """End records and entries that say something else than what is there."""
    sound = zipped([f"{i}.png" for i in range(12)])
    end = sound.rindex(END)
    fields = {"count": (8, "<HH", (60000, 60000)), "size": (12, "<I", (2**31,)), "start": (16, "<I", (2**32 - 2,))}
    fields |= {"zero count": (8, "<HH", (0, 0)), "comment": (20, "<H", (65535,))}
    for what, (place, form, values) in fields.items():
        content = bytearray(sound)
        struct.pack_into(form, content, end + place, *values)
        yield f"end record: {what}", bytes(content)
    central = sound.index(CENTRAL)
    for what, (place, form, value) in {
        "unpacked size": (24, "<I", 2**32 - 2), "packed size": (20, "<I", 2**31), "method LZMA": (10, "<H", 14),
        "method 99": (10, "<H", 99), "method bzip2": (10, "<H", 12), "checksum": (16, "<I", 7),
        "encrypted": (8, "<H", 1),
        "name length": (28, "<H", 60000), "extra length": (30, "<H", 60000), "offset": (42, "<I", 2**31),
        "version": (6, "<H", 255), "patched data": (8, "<H", 0x20), "strong encryption": (8, "<H", 0x40),
    }.items():  # fmt: skip
        content = bytearray(sound)
        struct.pack_into(form, content, central + place, value)
        yield f"entry: {what}", bytes(content)


def expanding() -> Iterator[tuple[str, bytes]]:
    """Zips that unpack to far more than they are."""
    for mebibytes, files in ((20, 4), (20, 30), (31, 64)):
        buffer = io.BytesIO()
        bitmap = b"BM" + struct.pack("<IHHI", mebibytes * 2**20, 0, 0, 54) + bytes(mebibytes * 2**20 - 14)
        packed = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = packed.compress(bitmap) + packed.flush()
        head = struct.pack("<HHHHHIIIH", 20, 0, 8, 0, 33, zlib.crc32(bitmap), len(data), len(bitmap), 5)
        central = []
        for number in range(files):
            name = f"{number:05d}".encode()
            central.append(CENTRAL + b"\x14\0" + head + bytes(2) + bytes(10) + struct.pack("<I", buffer.tell()) + name)
            buffer.write(LOCAL + head + bytes(2) + name + data)
        start = buffer.tell()
        buffer.write(b"".join(central))
        size = buffer.tell() - start
        buffer.write(END + struct.pack("<HHHHIIH", 0, 0, files, files, size, start, 0))
        yield f"{files} bitmaps of {mebibytes} MiB", buffer.getvalue()
    yield "a zip in a zip", zipped_files({"inner.zip": zipped(["1.png"]), "2.png": picture()})
    yield "many entries", zipped([f"{i}.png" for i in range(1200)])
    lzma = io.BytesIO()
    with zipfile.ZipFile(lzma, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("1.png", picture())
    content = bytearray(lzma.getvalue())
    place = content.index(b"1.png") + 5 + 4 + 1
    content[place : place + 4] = b"\xff\xff\xff\xff"  # the size of the dictionary
    yield "LZMA with a dictionary of 4 GiB", bytes(content)


UMLAUTS = [f"Tiere/{kind}/{i}.png" for kind in ("Bär", "Kätzchen") for i in range(10)]


def named() -> Iterator[tuple[str, bytes]]:
    """Names as other systems write them; all of these hold twenty pictures in two classes."""
    yield "UTF-8 without the flag", in_encoding(UMLAUTS, "utf-8")
    apart = [unicodedata.normalize("NFD", name) for name in UMLAUTS]
    yield "UTF-8, decomposed, without the flag", in_encoding(apart, "utf-8")
    yield "UTF-8 with the flag", zipped(UMLAUTS)
    yield "decomposed", zipped(apart)
    half = [unicodedata.normalize(("NFC", "NFD")[i % 2], name) for i, name in enumerate(UMLAUTS)]
    yield "half composed, half decomposed", zipped(half)
    yield "code page 437", in_encoding(UMLAUTS, "cp437", system=0)
    yield "Latin on Unix", in_encoding(UMLAUTS, "cp1252", system=3)
    yield "zip64", zip64(UMLAUTS)
    yield "Info-ZIP's field over another code page", with_unicode_path(UMLAUTS)
    yield "backslashes", zipped([name.replace("/", "\\") for name in UMLAUTS])
    clutter = {f"__MACOSX/Tiere/Bär/._{i}.png": b"\0\5\x16\7" for i in range(3)} | {"Tiere/.DS_Store": b"x"}
    clutter |= {"Tiere/@eaDir/1.png": picture(), "Tiere/.thumbnails/1.png": picture(), "Tiere/Thumbs.db": b"x"}
    yield "clutter", zipped_files({name: picture(i) for i, name in enumerate(UMLAUTS)} | clutter)


def unsafe() -> Iterator[tuple[str, bytes]]:
    """Names that mean other places."""
    for name in ("../1.png", "/1.png", "C:/1.png", "a/../../1.png", "..\\1.png", "a" * 60_000 + ".png", "", "\0.png",
                 "con.png", "\x1b[2J.png", "\u202e.png", "a//b.png", "./1.png", "~/1.png", "$HOME/1.png"):  # fmt: skip
        yield f"name {name[:20]!r}", zipped(["0.png", name] if name else ["0.png"])
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    yield "a link", buffer.getvalue()


def mutants(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """A sound zip with bytes changed or cut."""
    draw, sound = random.Random(seed), zipped([f"{i}.png" for i in range(12)], zipfile.ZIP_DEFLATED)
    for number in range(count):
        content = bytearray(sound)
        for _ in range(draw.choice((1, 2, 8))):
            content[draw.randrange(len(content))] = draw.randrange(256)
        if draw.random() < 0.2:
            del content[draw.randrange(len(content)) :]
        yield f"mutant {number}", bytes(content)
