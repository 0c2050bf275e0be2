"""The popover Share: the link, a chart as PNG at double size, and the evidence bundle, all made from what is shown."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from PIL import Image

from tests.browser.conftest import settled


def downloaded(page, button: str) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path())


def test_a_view_is_shared_as_link_picture_and_zip(page):
    page.goto("/traverse?model=small-gmp&view=code")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    settled(page)
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Charts as PNG").wait_for()
    settled(page)
    assert page.get_by_label("Link to this view").input_value() == page.url
    chart = page.locator(".js-plotly-plot").bounding_box()
    with Image.open(downloaded(page, "Charts as PNG")) as picture:
        assert picture.size == (2 * chart["width"], 2 * (chart["height"] + 30))
        assert len(set(picture.convert("L").crop((0, 0, picture.width, 60)).getdata())) > 2, "the label"
        assert len(set(picture.convert("RGB").crop((0, 60, *picture.size)).getdata())) > 5, "the chart"
    packed = zipfile.ZipFile(io.BytesIO(downloaded(page, "Evidence bundle").read_bytes()))
    assert {"README.txt", "config.yaml", "numbers.csv", "tables/small-gmp-code.csv"} <= set(packed.namelist())
    assert f"?{page.url.partition('?')[2]}" in packed.read("README.txt").decode()
