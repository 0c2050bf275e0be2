"""The popover Share: the link, a chart as PNG at double size, and the evidence bundle, all made from what is shown."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from explorer.shared import theme
from tests.browser.conftest import settled


def close(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two colours look alike: points are a little transparent."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 40


def downloaded(page, button: str, suffix: str = ".png") -> Path:
    """The first file of this kind that a click brings; a view may have several pictures."""
    with page.expect_download(lambda file: file.suggested_filename.endswith(suffix)) as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path())


def test_a_view_is_shared_as_link_picture_and_zip(page):
    page.goto("/traverse?model=small-gmp&view=code")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Pictures as PNG").wait_for()
    settled(page)
    assert page.get_by_label("Link to this view").input_value() == page.url
    chart = page.locator(".js-plotly-plot").bounding_box()
    with Image.open(downloaded(page, "Pictures as PNG")) as picture:
        assert picture.size == (2 * chart["width"], 2 * (chart["height"] + 30))
        assert len(set(picture.convert("L").crop((0, 0, picture.width, 60)).getdata())) > 2, "the label"
        assert len(set(picture.convert("RGB").crop((0, 60, *picture.size)).getdata())) > 5, "the chart"
    packed = zipfile.ZipFile(io.BytesIO(downloaded(page, "Evidence bundle", ".zip").read_bytes()))
    assert {"README.txt", "config.yaml", "numbers.csv", "tables/small-gmp-code.csv"} <= set(packed.namelist())
    assert f"?{page.url.partition('?')[2]}" in packed.read("README.txt").decode()


def test_a_map_painted_in_the_browser_is_saved_with_legend_label_and_twice_its_size(page):
    page.goto("/clusters?model=mnist-gmp&view=map")
    page.locator(".scatter[data-painted]").wait_for()
    box = page.locator(".scatter").bounding_box()
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Pictures as PNG").wait_for()
    settled(page)
    with Image.open(downloaded(page, "Pictures as PNG")) as picture:
        assert picture.width == pytest.approx(2 * (box["width"] + 16), abs=2)
        assert picture.height == pytest.approx(2 * (box["height"] + 38), abs=2)
        seen = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
        map_alone = picture.convert("RGB").crop((0, 220, *picture.size))
        drawn = {colour for _, colour in map_alone.getcolors(1 << 20)}
    points = [tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in theme.CATEGORIES]
    assert set(points) <= seen, "the colours of the legend"
    assert all(any(close(point, colour) for colour in drawn) for point in points), "and of the points"
