"""Geometry in a real browser: a click on the density shows the pairs there, and one of them opens in Traverse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled, wait_until


def test_a_click_shows_the_pairs_and_one_opens_as_a_path(page):
    page.goto("/geometry?model=small-gmp")
    settled(page)
    plot = page.locator(".st-key-geometry-density-0 .nsewdrag, [class*='st-key-geometry'] .nsewdrag").first
    plot.wait_for()
    box = plot.bounding_box()
    head = page.get_by_text("pairs at this place")
    for across, up in ((0.5, 0.5), (0.4, 0.4), (0.3, 0.3), (0.2, 0.2), (0.6, 0.6)):  # one of them lies in the cloud
        page.mouse.click(box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"])
        page.wait_for_timeout(1_500)
        if head.count():
            break
    expect(head).to_be_visible()
    assert "cell=" in page.url
    page.locator(".st-key-geometry-pairs-cell [data-testid=stButton] button").first.click()
    expect(page).to_have_url(re.compile("/traverse.*view=interpolation"))
    settled(page)


FITS = "area => area.scrollWidth <= area.clientWidth"


@pytest.mark.parametrize("width", [1440, 800, 390])
def test_nothing_is_wider_than_the_screen(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    for view in ("pairs", "transport", "course", "terms"):
        page.goto(f"/geometry?model=small-gmp&view={view}")
        settled(page)
        main = page.get_by_test_id("stMain")
        wait_until(lambda area=main: area.evaluate(FITS), 10)  # until Plotly has fitted its figures to their columns
        assert main.evaluate(FITS), view
