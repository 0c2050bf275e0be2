"""Pictures of every kind, and files that only claim to be one."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import tracemalloc
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.data.conversions import FORMATS
from trainer.data.digits import fit_digits
from trainer.data.pictures import open_picture, plain, to_array
from trainer.data.signatures import begins_like_picture
from trainer.errors import UserError


def encode(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    """A well-formed PNG that declares any size and holds a few bytes of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return png(header, b"IDAT", zlib.compress(bytes(999)))


def png(header: bytes, *chunks: bytes) -> bytes:
    """A PNG of the given chunks: kind, data, kind, data..."""
    body = b"".join(chunk(kind, data) for kind, data in zip(chunks[::2], chunks[1::2], strict=True))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def refusal(data: bytes | Path, **limits) -> str:
    """The sentence, checked to be one: a single line, ending in a full stop, with no exception names in it."""
    with pytest.raises(UserError) as caught:
        open_picture(data, **limits)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert not re.search(r"Error|Exception|Traceback|0x[0-9a-f]+", text)
    return text


@pytest.fixture
def photo() -> Image.Image:
    """Smooth colour, 60 x 40: red grows to the right, green downwards."""
    y, x = np.mgrid[0:40, 0:60]
    return Image.fromarray(np.stack([x * 4, y * 6, np.full_like(x, 90)], -1).astype(np.uint8))


# --- what must be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_picture(photo, kind):
    options = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}}.get(kind, {})
    opened = open_picture(encode(photo, kind, **options))
    assert (opened.mode, opened.size) == ("RGB", (60, 40))
    # GIF has 256 colours and JPEG and WebP lose a little: near everywhere, equal nowhere needed
    assert np.abs(np.asarray(opened).astype(int) - np.asarray(photo)).mean() < 12


def test_lossless_formats_keep_every_byte(photo):
    for kind in ("PNG", "BMP", "TIFF"):
        assert np.array_equal(np.asarray(open_picture(encode(photo, kind))), np.asarray(photo))


def test_content_decides_not_the_extension(photo, tmp_path):
    path = tmp_path / "drawing.txt"
    path.write_bytes(encode(photo, "JPEG"))
    assert open_picture(path).size == (60, 40)


def test_grey_bilevel_and_palette():
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert np.array_equal(np.asarray(open_picture(encode(ramp))), np.asarray(ramp))
    bilevel = open_picture(encode(ramp.point(lambda v: 255 * (v > 127)).convert("1")))
    assert bilevel.mode == "L"
    assert set(np.unique(np.asarray(bilevel))) == {0, 255}
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putdata([0, 1])
    assert np.asarray(open_picture(encode(palette)))[0].tolist() == [[10, 20, 30], [200, 100, 50]]


def test_sixteen_bits_are_scaled_not_clipped():
    values = np.array([[0, 128, 129, 257, 32768, 65407, 65535]], dtype=np.uint16)
    for kind in ("PNG", "TIFF"):
        opened = open_picture(encode(Image.fromarray(values), kind))
        assert opened.mode == "L"
        assert np.asarray(opened)[0].tolist() == [0, 0, 1, 1, 128, 255, 255]


def test_big_endian_sixteen_bits():
    values = np.array([[0, 257 * 7, 257 * 200]], dtype=">u2")
    assert np.asarray(plain(Image.frombytes("I;16B", (3, 1), values.tobytes())))[0].tolist() == [0, 7, 200]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 257.0, 65535.0], [0, 1, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([np.nan, 0.0, 1.0], [0, 0, 255]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_float_grey_takes_the_smallest_range_that_holds_it(values, expected):
    opened = open_picture(encode(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF"))
    assert np.asarray(opened)[0].tolist() == expected


def test_alpha_is_composited_over_white():
    pixels = np.array([[[255, 0, 0, 255], [0, 0, 0, 0], [0, 0, 0, 51]]], dtype=np.uint8)
    opened = open_picture(encode(Image.fromarray(pixels)))
    assert np.asarray(opened)[0].tolist() == [[255, 0, 0], [255, 255, 255], [204, 204, 204]]
    grey = open_picture(encode(Image.fromarray(np.array([[[0, 0], [9, 255]]], dtype=np.uint8), mode="LA")))
    assert grey.mode == "L"
    assert np.asarray(grey)[0].tolist() == [255, 9]


def test_transparent_palette_and_colour_key():
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putdata([0, 1])
    assert np.asarray(open_picture(encode(palette, transparency=0)))[0].tolist() == [[255] * 3, [200, 100, 50]]
    keyed = Image.fromarray(np.array([[7, 8]], dtype=np.uint8))
    assert np.asarray(open_picture(encode(keyed, transparency=7)))[0].tolist() == [255, 8]


def test_cmyk_becomes_its_colours():
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow ink: red
    red = np.asarray(open_picture(encode(cmyk, "JPEG", quality=95)))[8, 8].astype(int)
    assert red[0] > 240
    assert red[1:].max() < 15


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(photo, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_picture(encode(photo, exif=exif.tobytes()))
    turn = [None, None, 0, 3, 1, 5, 4, 6, 2][orientation]  # Pillow's Transpose values, by EXIF's table
    expected = photo if turn is None else photo.transpose(Image.Transpose(turn))
    assert np.array_equal(np.asarray(opened), np.asarray(expected))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own remark on the damage
def test_broken_exif_does_not_hide_the_picture(photo):
    opened = open_picture(encode(photo, exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xffgarbage"))
    assert np.array_equal(np.asarray(opened), np.asarray(photo))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if kind == "WEBP" else {}
    opened = open_picture(encode(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert np.asarray(opened)[10, 10].tolist() == [255, 0, 0]


# --- what must be refused, each with its own sentence ----------------------------------------------------------------


def test_zero_bytes():
    assert "empty (0 bytes)" in refusal(b"")


def test_text_and_its_kin():
    assert "is text, not a picture" in refusal("Grüße, Welt\n".encode())
    assert "is text, not a picture" in refusal(b"<html><body>404</body></html>")
    assert "is text, not a picture" in refusal(("a" * 4095 + "ü").encode())  # a character cut by the look-ahead
    assert "PDF" in refusal(b"%PDF-1.7\n%\xe2\xe3")
    assert "zip" in refusal(b"PK\x03\x04\x14\x00")
    assert "HEIC" in refusal(b"\x00\x00\x00\x18ftypheic" + bytes(20))
    assert "not a picture this program knows" in refusal(bytes(range(128, 256)) * 4)


def test_svg_named_png(tmp_path):
    path = tmp_path / "logo.png"
    path.write_text('<?xml version="1.0"?>\n<SVG xmlns="http://www.w3.org/2000/svg"><script>1</script></SVG>')
    text = refusal(path)
    assert text.startswith("logo.png: ")
    assert "SVG" in text


def test_other_formats_pillow_could_open_are_not_tried(photo):
    for kind in ("PPM", "ICO", "PCX", "TGA", "EPS"):
        refusal(encode(photo, kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_cut_short(kind):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    content = encode(noise, kind)
    text = refusal(content[: len(content) * 2 // 3])
    assert "cut short" in text or "damaged" in text


def test_truncated_jpeg_has_its_own_sentence():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    content = encode(noise, "JPEG")
    assert "JPEG file is cut short" in refusal(content[: len(content) // 2])


@pytest.mark.filterwarnings(
    "ignore::PIL.Image.DecompressionBombWarning"
)  # Pillow's, which the program itself turns off
def test_pixels_are_counted_before_decoding():
    text = refusal(png_header(20_000, 10_000))  # 200 megapixels, refused by Pillow's own guard
    assert "more than 50 million pixels" in text
    text = refusal(png_header(10_000, 10_000))  # 100 megapixels, where Pillow would only warn
    assert "(10000 x 10000)" in text
    assert "(101 x 100)" in refusal(png_header(101, 100), max_pixels=10_000)
    assert "cut short" in refusal(png_header(100, 100), max_pixels=10_000)  # allowed, so it is decoded, and fails


def test_no_pixels():
    refusal(png_header(0, 10))


def test_bytes_are_counted_before_reading(photo, tmp_path):
    content = encode(photo)
    assert open_picture(content, max_bytes=len(content)).size == (60, 40)
    assert "larger than" in refusal(content, max_bytes=len(content) - 1)
    sparse = tmp_path / "huge.png"
    with sparse.open("wb") as handle:
        handle.truncate(2**40)  # a tebibyte that takes no space, and that nobody should read
    assert "larger than 32 MiB" in refusal(sparse)


def test_paths_that_are_no_files(tmp_path):
    assert "no such file" in refusal(tmp_path / "absent.png")
    assert "not a file" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    assert "not a file" in refusal(tmp_path / "pipe.png")  # opening it would wait for a writer for ever


def test_compressed_text_chunk_bomb_is_not_inflated():
    bomb = b"Comment\x00\x00" + zlib.compress(bytes(80 * 2**20))
    content = png(struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0), b"zTXt", bomb, b"IDAT", zlib.compress(bytes(20)))
    tracemalloc.start()
    with contextlib.suppress(UserError):
        open_picture(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 2**20


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own remarks on the damage
@pytest.mark.parametrize("kind", FORMATS)
def test_random_damage_never_escapes_as_another_error(photo, kind):
    content = bytearray(encode(photo, kind))
    generator = np.random.default_rng(FORMATS.index(kind))
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for position in generator.integers(0, min(len(content), 400), size=3):
            damaged[position] = generator.integers(0, 256)
        try:
            opened = open_picture(bytes(damaged), max_pixels=10**6)
        except UserError:
            refused += 1
            continue
        assert opened.mode in ("L", "RGB")
        assert opened.width * opened.height <= 10**6
    assert 0 < refused <= 150


# --- to_array --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 3), (32, 32), (64, 64), (33, 900), (1000, 700)])
def test_any_shape_becomes_the_models(shape, size, channels):
    for mode in ("L", "RGB"):
        array = to_array(Image.new(mode, shape, 77 if mode == "L" else (77, 77, 77)), size, channels)
        assert array.shape == (channels, size, size)
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        assert np.all(array == 77)


def test_centre_square_is_kept():
    wide = np.zeros((32, 96), dtype=np.uint8)
    wide[:, 32:64] = np.arange(32, dtype=np.uint8)
    assert np.array_equal(to_array(Image.fromarray(wide), 32, 1)[0], wide[:, 32:64])
    assert np.array_equal(to_array(Image.fromarray(wide.T.copy()), 32, 1)[0], wide.T[32:64])


def test_colour_to_grey_is_luminance_and_grey_to_colour_is_repeated():
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[:8], pixels[8:16], pixels[16:24], pixels[24:] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (40, 40, 40)
    grey = to_array(Image.fromarray(pixels), 32, 1)[0, ::8, 0]
    assert grey.tolist() == [76, 150, 29, 40]  # 255 x (0.299, 0.587, 0.114), rounded
    colour = to_array(Image.fromarray(pixels[..., 0]), 32, 3)
    assert np.array_equal(colour[0], colour[1])
    assert np.array_equal(colour[0], colour[2])


def test_shrinking_is_antialiased():
    lines = np.zeros((640, 640), dtype=np.uint8)
    lines[:, ::4] = 255  # a quarter white, in lines far finer than the result's pixels
    small = to_array(Image.fromarray(lines), 32, 1)
    assert abs(float(small.mean()) - 255 / 4) < 2
    assert small.std() < 8  # taking every twentieth column would give stripes of 0 and 255


def test_channel_count_is_checked():
    with pytest.raises(ValueError, match="1 or 3"):
        to_array(Image.new("L", (4, 4)), 32, 2)


def test_beginnings():
    for kind in FORMATS:
        assert begins_like_picture(encode(Image.new("RGB", (4, 4)), kind)[:16])
    assert not begins_like_picture(b"")
    assert not begins_like_picture(b"RIFF\x00\x00\x00\x00WAVEfmt ")


@pytest.mark.parametrize("ground", [0, 255])
def test_a_digit_of_28_pixels_keeps_its_bytes_as_in_the_data_set(ground):
    """A test digit saved as PNG and uploaded must be the picture that was trained on, not a resampled one."""
    digit = np.full((28, 28), ground, np.uint8)
    digit[4:24, 6:20] = np.random.default_rng(0).integers(0, 256, (20, 14))
    seen = to_array(Image.fromarray(digit), 32, 1)
    assert np.array_equal(seen[0, 2:30, 2:30], digit)
    assert (seen[0, [0, 1, 30, 31]] == ground).all()
    assert (seen[0, :, [0, 1, 30, 31]] == ground).all()
    if ground == 0:
        assert np.array_equal(seen, fit_digits(torch.from_numpy(digit[None]), 32)[0].numpy())
    assert to_array(Image.fromarray(digit), 64, 1).shape == (1, 64, 64)
    assert to_array(Image.fromarray(digit), 32, 3).shape == (3, 32, 32)
