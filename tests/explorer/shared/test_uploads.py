"""Uploads: every common form becomes the model's input pixel by pixel, everything else one clear sentence."""

from __future__ import annotations

import io
import json
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.shared import pixels, uploads
from trainer.errors import UserError
from trainer.system import ROOT

GREY = (1, 32, 32)
COLOUR = (3, 32, 32)
RAMP = np.add.outer(np.arange(32), 4 * np.arange(32)).astype(np.uint8)  # no two rows or columns alike


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def blank_png(width: int, height: int) -> bytes:
    """A valid all-black 8-bit grey PNG, written without ever holding its pixels: 200 megapixels in 0.2 MB."""
    pack, body = zlib.compressobj(6), bytearray()
    row = bytes(width + 1)  # filter byte and pixels
    for _ in range(height):
        body += pack.compress(row)
    body += pack.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(body)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return blank_png(20_000, 10_000)


# What is accepted, and what becomes of it


def test_grey_picture_of_the_models_size_keeps_its_values():
    upload = uploads.read_upload(encoded(Image.fromarray(RAMP)), "ramp.png", GREY)
    assert upload.array.dtype == np.uint8
    np.testing.assert_array_equal(upload.array, RAMP[None])
    assert upload.original_size == (32, 32)
    assert upload.note == ""


def test_grey_in_a_colour_model_is_the_same_in_all_channels():
    upload = uploads.read_upload(encoded(Image.fromarray(RAMP)), "ramp.png", COLOUR)
    np.testing.assert_array_equal(upload.array, np.stack([RAMP] * 3))


def test_rgb_keeps_its_channels_in_order():
    pixels = np.stack([RAMP, 255 - RAMP, RAMP.T], axis=-1)
    upload = uploads.read_upload(encoded(Image.fromarray(pixels)), "x.png", COLOUR)
    np.testing.assert_array_equal(upload.array, pixels.transpose(2, 0, 1))


def test_rgb_becomes_luminance_in_a_grey_model():
    green = Image.new("RGB", (32, 32), (0, 255, 0))
    upload = uploads.read_upload(encoded(green), "x.png", GREY)
    assert np.all(np.abs(upload.array.astype(int) - 0.587 * 255) <= 1)
    assert upload.note == "Colour made grey."


def test_transparent_parts_are_white():
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[:, 16:] = (200, 10, 30, 255)
    upload = uploads.read_upload(encoded(Image.fromarray(pixels)), "x.png", COLOUR)
    assert np.all(upload.array[:, :, :16] == 255)
    np.testing.assert_array_equal(upload.array[:, 5, 20], [200, 10, 30])
    assert upload.note == "Transparent parts on white."


def test_half_transparent_black_is_mid_grey():
    upload = uploads.read_upload(encoded(Image.new("RGBA", (32, 32), (0, 0, 0, 128))), "x.png", COLOUR)
    assert np.all(np.abs(upload.array.astype(int) - 127) <= 1)


def test_alpha_that_hides_nothing_is_not_mentioned():
    upload = uploads.read_upload(encoded(Image.new("RGBA", (32, 32), (9, 9, 9, 255))), "x.png", COLOUR)
    assert upload.note == ""


def palette_picture() -> Image.Image:
    picture = Image.new("P", (32, 32), 0)
    picture.putpalette([250, 20, 10, 10, 20, 250])
    picture.paste(1, (0, 0, 32, 16))
    return picture


def test_palette_colours_are_looked_up():
    upload = uploads.read_upload(encoded(palette_picture()), "x.png", COLOUR)
    np.testing.assert_array_equal(upload.array[:, 3, 3], [10, 20, 250])
    np.testing.assert_array_equal(upload.array[:, 30, 3], [250, 20, 10])


def test_palette_with_a_transparent_entry():
    upload = uploads.read_upload(encoded(palette_picture(), transparency=1), "x.png", COLOUR)
    np.testing.assert_array_equal(upload.array[:, 3, 3], [255, 255, 255])
    np.testing.assert_array_equal(upload.array[:, 30, 3], [250, 20, 10])
    assert upload.note == "Transparent parts on white."


def test_sixteen_bit_grey_is_scaled_not_clipped():
    deep = (RAMP.astype(np.uint32) * 257).astype(np.uint16)
    data = encoded(Image.fromarray(deep))
    assert Image.open(io.BytesIO(data)).mode == "I;16"
    upload = uploads.read_upload(data, "scan.png", GREY)
    np.testing.assert_array_equal(upload.array, RAMP[None])
    assert upload.note == "Reduced to 8 bits."


def test_cmyk_jpeg_has_the_colours_it_shows():
    red = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    upload = uploads.read_upload(encoded(red, "JPEG", quality=95), "print.jpg", COLOUR)
    assert np.all(upload.array[0] > 245)
    assert np.all(upload.array[1:] < 10)
    assert "CMYK" in upload.note


CORNERS = np.kron(np.array([[255, 170], [85, 0]], np.uint8), np.ones((16, 16), np.uint8))
# What each EXIF orientation says must be done to the stored pixels, after the EXIF standard.
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(CORNERS), "JPEG", quality=95, exif=exif)
    upload = uploads.read_upload(data, "photo.jpg", GREY)
    wanted = UPRIGHT[orientation](CORNERS)
    assert np.abs(upload.array[0].astype(int) - wanted).max() <= 6  # JPEG blocks of 8 fit the quadrants
    assert ("EXIF" in upload.note) == (orientation != 1)


def test_exif_rotation_swaps_the_original_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    upload = uploads.read_upload(encoded(Image.new("L", (60, 40)), "JPEG", exif=exif), "photo.jpg", GREY)
    assert upload.original_size == (40, 60)
    assert upload.note == "Rotated by its EXIF tag, centre square of 40 x 60 pixels."


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animation_gives_its_first_frame(kind):
    frames = [Image.new("L", (32, 32), 20 * i) for i in range(12)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    upload = uploads.read_upload(data, "dance.gif", GREY)
    assert np.all(upload.array == 0)
    assert "irst frame of 12" in upload.note


def test_one_pixel_fills_the_input():
    upload = uploads.read_upload(encoded(Image.new("RGB", (1, 1), (10, 20, 30))), "dot.png", COLOUR)
    for channel, value in enumerate((10, 20, 30)):
        assert np.all(upload.array[channel] == value)


@pytest.mark.parametrize("size", [(4000, 2), (1, 3000)])
def test_extreme_shapes_show_their_centre(size):
    pixels = np.zeros((size[1], size[0]), np.uint8)
    middle_y, middle_x = size[1] // 2, size[0] // 2
    pixels[max(0, middle_y - 6) : middle_y + 6, max(0, middle_x - 6) : middle_x + 6] = 255
    upload = uploads.read_upload(encoded(Image.fromarray(pixels)), "strip.png", GREY)
    assert upload.array.shape == GREY
    assert upload.array.min() == 255  # the middle, with nothing of the far ends
    assert f"{size[0]} x {size[1]}" in upload.note


def test_large_picture_is_averaged_not_sampled():
    stripes = np.zeros((320, 320), np.uint8)
    stripes[:, ::2] = 255
    upload = uploads.read_upload(encoded(Image.fromarray(stripes)), "stripes.png", GREY)
    assert np.all(np.abs(upload.array[0, :, 2:-2].astype(int) - 127) <= 12)


def test_content_decides_not_the_extension():
    upload = uploads.read_upload(encoded(Image.fromarray(RAMP), "BMP"), "notes.txt", GREY)
    np.testing.assert_array_equal(upload.array, RAMP[None])


def test_invert_is_exact_and_changes_the_key():
    data = encoded(Image.fromarray(RAMP))
    plain, inverted = (uploads.read_upload(data, "x.png", GREY, invert=invert) for invert in (False, True))
    np.testing.assert_array_equal(inverted.array, 255 - plain.array)
    assert inverted.note == "Inverted."
    assert inverted.sha == plain.sha
    assert re.fullmatch("[0-9a-f]{16}", plain.sha)
    assert len({plain.key, inverted.key, uploads.read_upload(data, "x.png", COLOUR).key}) == 3


def test_array_cannot_be_changed_behind_the_cache():
    upload = uploads.read_upload(encoded(Image.fromarray(RAMP)), "x.png", GREY)
    with pytest.raises(ValueError, match="read-only"):
        upload.array[0, 0, 0] = 1


# What is rejected


def truncated(kind: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    return data[: len(data) // 2]


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'
REJECTED = {
    "letter.png": (b"Dear all,\nthis is no picture.\n", "text"),
    "nothing.png": (b"", "empty"),
    "half.jpg": (truncated("JPEG"), "cut short"),
    "half.png": (truncated("PNG"), "cut short"),
    "drawing.png": (SVG, "SVG"),
    "random.png": (np.random.default_rng(1).bytes(4096), "not a picture"),
    "header.png": (b"\x89PNG\r\n\x1a\n", "damaged or cut short"),
    "page.pdf": (b"%PDF-1.7\n", "PDF"),
}


def is_one_sentence(text: str, name: str) -> bool:
    return text.startswith(name) and text.endswith(".") and "\n" not in text and ". " not in text


@pytest.mark.parametrize("name", REJECTED)
def test_everything_else_is_one_clear_sentence(name):
    data, reason = REJECTED[name]
    with pytest.raises(UserError, match=reason) as caught:
        uploads.read_upload(data, name, GREY)
    assert is_one_sentence(str(caught.value), name)


def test_too_many_bytes_are_refused_even_if_the_picture_is_fine():
    data = encoded(Image.fromarray(RAMP))
    with pytest.raises(UserError, match="20 MiB") as caught:
        uploads.read_upload(data + bytes(uploads.MAX_BYTES), "long.png", GREY)
    assert is_one_sentence(str(caught.value), "long.png")
    uploads.read_upload(data + bytes(uploads.MAX_BYTES - len(data)), "just.png", GREY)


def test_pixel_limit_is_exact():
    uploads.read_upload(blank_png(8000, 5000), "just.png", GREY)
    with pytest.raises(UserError, match="40 million pixels"):
        uploads.read_upload(blank_png(8001, 5000), "more.png", GREY)


def test_two_hundred_megapixels_are_refused_by_name_and_number(bomb):
    assert len(bomb) < 300_000
    with pytest.raises(UserError, match="40 million pixels") as caught:
        uploads.read_upload(bomb, "bomb.png", GREY)
    assert is_one_sentence(str(caught.value), "bomb.png")


# Run in a process of its own: peak memory only ever rises, and Pillow's is outside tracemalloc's sight.
PEAK = """
import io, json, pathlib, sys
from PIL import Image
from explorer.shared.uploads import read_upload
from trainer.errors import UserError

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

def refuse(data):
    try:
        read_upload(data, "bomb.png", (1, 32, 32))
    except UserError:
        return True

def decode(data):
    Image.open(io.BytesIO(data)).load()

data = pathlib.Path(sys.argv[1]).read_bytes()
small = io.BytesIO(); Image.new("L", (9, 9)).save(small, "PNG")
read_upload(small.getvalue(), "small.png", (1, 32, 32))
before = peak(); refused = refuse(data); guarded = peak() - before
before = peak(); decode(data); unguarded = peak() - before
print(json.dumps([refused, guarded, unguarded]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from Linux's /proc")
def test_refusing_a_bomb_takes_no_memory(tmp_path):
    file = tmp_path / "bomb.png"
    file.write_bytes(blank_png(16_000, 10_000))  # few enough pixels for Pillow to decode them with a mere warning
    command = [sys.executable, "-c", PEAK, str(file)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    refused, guarded, unguarded = json.loads(run.stdout)
    assert refused
    assert unguarded > 120  # MiB: the measure sees what it must see
    assert guarded < 8


# Several at once


def test_bad_files_do_not_stop_the_good_ones():
    good = encoded(Image.fromarray(RAMP))
    found = uploads.read_files([("a.png", good), ("b.png", b"text"), ("c.png", good)], GREY)
    assert [upload.name for upload in found.uploads] == ["a.png", "c.png"]
    assert len(found.rejected) == 1
    assert is_one_sentence(found.rejected[0], "b.png")


def test_file_count_is_limited():
    good = encoded(Image.new("L", (2, 2)))
    with pytest.raises(UserError, match="200"):
        uploads.read_files([("x.png", good)] * (uploads.MAX_FILES + 1), GREY)
    found = uploads.read_files([("x.png", good)] * uploads.MAX_FILES, GREY)
    assert (len(found.uploads), found.rejected) == (uploads.MAX_FILES, ())


@pytest.mark.parametrize(
    ("name", "shown"),
    [("../../etc/a.png", "a.png"), ("C:\\temp\\b.png", "b.png"), ("c\n\x1b[31m.png", "c[31m.png"), ("", "The picture")],
)
def test_names_are_fit_to_print(name, shown):
    assert uploads.read_upload(encoded(Image.new("L", (2, 2))), name, GREY).name == shown


def test_long_names_keep_their_ends():
    name = uploads.read_upload(encoded(Image.new("L", (2, 2))), "a" * 300 + "-end.png", GREY).name
    assert len(name) == 80
    assert name.endswith("-end.png")


# Preview and suggestion


@pytest.mark.parametrize("channels", [1, 3])
def test_preview_shows_each_pixel_as_a_crisp_square(channels):
    array = np.random.default_rng(0).integers(0, 256, (channels, 32, 32), dtype=np.uint8)
    shown = np.asarray(Image.open(io.BytesIO(pixels.picture_png(array, 5))).convert("RGB"))
    assert shown.shape == (160, 160, 3)
    wanted = np.broadcast_to(array, (3, 32, 32)).transpose(1, 2, 0)
    for dy in range(5):
        for dx in range(5):
            np.testing.assert_array_equal(shown[dy::5, dx::5], wanted)


def test_preview_refuses_what_a_model_does_not_see():
    with pytest.raises(ValueError, match="uint8"):
        pixels.picture_png(np.zeros((1, 8, 8), np.float32), 2)


def test_inversion_is_suggested_for_ink_on_paper_only():
    ink = np.full((1, 32, 32), 255, np.uint8)
    ink[:, 8:24, 14:18] = 0
    assert uploads.looks_inverted(ink)
    assert not uploads.looks_inverted(255 - ink)
    assert not uploads.looks_inverted(np.repeat(ink, 3, axis=0))
    assert uploads.looks_inverted(np.full((1, 32, 32), 140, np.uint8))
    assert not uploads.looks_inverted(np.full((1, 32, 32), 115, np.uint8))
    blob = np.zeros((1, 32, 32), np.uint8)
    blob[:, 3:29, 3:29] = 255  # mostly bright, yet light on black: the mean of the whole would be fooled
    assert not uploads.looks_inverted(blob)
