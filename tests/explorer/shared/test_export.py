from __future__ import annotations

import base64
import csv
import dataclasses
import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from explorer.shared import export, pixels

CAPTIONS = [f"z1 = {value}" for value in range(10)]
SVG = "{http://www.w3.org/2000/svg}"


def noise(n: int, channels: int = 1, side: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, channels, side, side), dtype=np.uint8)


def opened(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


# ---------------------------------------------------------------- PNG


@pytest.mark.parametrize("channels", [1, 3])
def test_png_holds_every_pixel_of_the_sheet_where_the_svg_has_it_at_double_size(channels):
    pictures = noise(6, channels)
    sheet = export.Sheet(pictures, 3, ["z1\nslant", "z2"], ["low", "now", "high"], "a", "b", ["0.1"] * 6)
    drawn, root = opened(export.sheet_png(sheet)), ElementTree.fromstring(export.sheet_svg(sheet))
    assert drawn.shape == (int(root.attrib["height"]), int(root.attrib["width"]), 3)
    side = 2 * export.SVG_TILE
    for picture, image in zip(pictures, root.iter(f"{SVG}image"), strict=True):
        x, y = 2 * int(image.attrib["x"]), 2 * int(image.attrib["y"])
        tile = drawn[y : y + side : side // 8, x : x + side : side // 8]
        assert np.array_equal(tile, np.broadcast_to(picture.transpose(1, 2, 0), (8, 8, 3)))
        assert (drawn[y - 8 : y, x : x + side] == 255).all()


def test_png_shows_every_text_of_the_sheet():
    plain = export.Sheet(noise(2), 2, [""], ["", ""])
    empty = (opened(export.sheet_png(plain)) < 255).sum()
    for more in (
        {"rows": ["größe −2"]},
        {"heads": ["low", ""]},
        {"title": "t"},
        {"note": "n"},
        {"captions": ["1", ""]},
    ):
        sheet = dataclasses.replace(plain, **more)
        assert (opened(export.sheet_png(sheet)) < 255).sum() > empty + 20, more


def test_places_left_over_are_ground():
    joined = pixels.join_tiles(noise(3), 2, ground=7)
    assert joined.shape == (16, 16)
    assert (joined[8:, 8:] == 7).all()


def test_to_uint8_rounds_to_the_nearest_level_and_clips():
    import torch

    values = torch.tensor([-0.1, 0.0, 0.49 / 255, 0.51 / 255, 1.0, 1.2]).reshape(1, 1, 1, 6)
    assert pixels.to_uint8(values).flatten().tolist() == [0, 0, 0, 1, 255, 255]


# ---------------------------------------------------------------- SVG


def test_svg_is_valid_and_holds_labels_and_every_picture_at_its_resolution():
    pictures = noise(6)
    rows, captions = ["z1\n-1 … 2", "<z2> & co"], ["−0.50", *"23456"]
    sheet = export.Sheet(pictures, 3, rows, ["low", "", "high"], "a & b", "checkpoint 12", captions)
    root = ElementTree.fromstring(export.sheet_svg(sheet))
    images = root.findall(f".//{SVG}image")
    assert len(images) == 6
    for image, picture in zip(images, pictures, strict=True):
        kind, _, data = image.attrib["href"].partition(",")
        assert kind == "data:image/png;base64"
        assert np.array_equal(opened(base64.b64decode(data)), picture[0])
        assert "pixelated" in image.attrib["style"]
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert {"a & b", "z1", "-1 … 2", "<z2> & co", "low", "high", "checkpoint 12", "−0.50"} <= set(texts)


def test_svg_tiles_lie_inside_and_apart():
    sheet = export.Sheet(noise(6), 3, ["a", "b"], ["1", "2", "3"])
    root = ElementTree.fromstring(export.sheet_svg(sheet))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert (width, height) == tuple(2 * float(n) for n in root.attrib["viewBox"].split()[2:])
    boxes = [
        [float(image.attrib[name]) for name in ("x", "y", "width", "height")] for image in root.iter(f"{SVG}image")
    ]
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    assert len({(x, y) for x, y, _, _ in boxes}) == 6
    assert boxes[1][0] - boxes[0][0] > boxes[0][2]


# ---------------------------------------------------------------- GIF


@pytest.mark.parametrize("channels", [1, 3])
def test_gif_has_a_frame_per_picture_and_loops(channels):
    pictures = noise(10, channels)
    with Image.open(io.BytesIO(export.animation_gif(pictures, CAPTIONS, "note", 16, 70))) as animation:
        assert animation.n_frames == 10
        assert animation.size[1] == 16 + 66
        assert animation.info["loop"] == 0
        for frame in range(10):
            animation.seek(frame)
            assert animation.info["duration"] == 70


def test_grey_frames_of_a_gif_are_exact():
    pictures = noise(3)
    with Image.open(io.BytesIO(export.animation_gif(pictures, CAPTIONS[:3], "note", 8))) as animation:
        for frame, picture in enumerate(pictures):
            animation.seek(frame)
            assert np.array_equal(np.asarray(animation.convert("L"))[36:44, 8:16], picture[0])


def test_a_gif_of_a_dead_axis_is_still_a_gif():
    data = export.animation_gif(np.repeat(noise(1), 6, axis=0), ["z1 = 0.00"] * 6, "note")
    with Image.open(io.BytesIO(data)) as animation:
        assert animation.format == "GIF"


# ---------------------------------------------------------------- CSV


def test_csv_reads_back_to_the_last_digit():
    values = np.random.default_rng(1).normal(size=50).astype(np.float32)
    values[:4] = [0.1, 1e-8, -123456.79, 1 / 3]
    text = export.code_csv({"axis": [f"z{i}" for i in range(50)], "value": values.tolist(), "live": [True] * 50})
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["axis"] for row in rows] == [f"z{i}" for i in range(50)]
    assert np.array_equal(np.array([np.float32(row["value"]) for row in rows]), values)
    assert rows[0]["value"] == "0.1"
    assert rows[0]["live"] == "True"


def test_csv_columns_must_be_of_one_length():
    with pytest.raises(ValueError, match="shorter"):
        export.code_csv({"a": [1, 2], "b": [1]})
