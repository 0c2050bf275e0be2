"""The app as it is started: from anywhere, without the network, in light and dark, wide and narrow.

How fast it starts is measured by tests/benchmarks/start.py, not here.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, ROOT, settled, streamlit


@pytest.mark.parametrize("place", ["root", "elsewhere"])
def test_the_command_works_from_anywhere(place, browser, served_runs, tmp_path):
    script = "explorer/app.py" if place == "root" else str(ROOT / "explorer" / "app.py")
    with streamlit(script, ROOT if place == "root" else tmp_path, served_runs) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        context.set_default_timeout(PATIENCE)
        opened = context.new_page()
        opened.goto(address)
        opened.get_by_role("heading", name="GWAE Explorer").wait_for()
        opened.get_by_role("button", name="Open in Traverse").first.wait_for()
        settled(opened)
        expect(opened.get_by_test_id("stException")).to_have_count(0)
        context.close()


def test_the_pages_keep_the_model(page):
    page.goto("/?model=small-vae")
    settled(page)
    for name, heading in (("Traverse", "Traverse"), ("Home", "GWAE Explorer")) * 2:
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        settled(page)
        assert parse_qs(urlparse(page.url).query)["model"] == ["small-vae"]


def test_a_card_opens_traverse_with_its_model(page):
    page.goto("/")
    page.locator(".st-key-card-small-vae").get_by_role("button", name="Open in Traverse").click()
    page.get_by_role("heading", name="Traverse", exact=True).wait_for()
    settled(page)
    assert urlparse(page.url).path == "/traverse"
    assert parse_qs(urlparse(page.url).query)["model"] == ["small-vae"]


def test_the_model_is_in_the_link_and_survives_reload(page):
    page.goto("/")
    settled(page)
    page.get_by_test_id("stSidebarContent").get_by_test_id("stSelectbox").locator("input").click()
    page.get_by_role("option", name="small-vae").click()
    page.wait_for_url("**/?model=small-vae")
    page.reload()
    settled(page)
    assert page.get_by_test_id("stSidebarContent").get_by_test_id("stSelectbox").locator("input").input_value() == (
        "small-vae"
    )


def test_a_number_tells_its_protocol(page):
    page.goto("/")
    settled(page)
    page.locator(".st-key-card-small-gmp").get_by_role("button", name="cluster accuracy").click()
    card = page.get_by_test_id("stPopoverBody")
    for text in ("MNIST, test", "Hungarian", "0.7 to 0.8", "120"):
        expect(card).to_contain_text(text)


def test_a_damaged_folder_is_named_below_the_gallery(page):
    page.goto("/")
    expect(page.get_by_text("small-damaged", exact=True)).to_be_visible()
    expect(page.get_by_text("no safetensors file")).to_be_visible()


BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "columns"), [(1440, 4), (800, 2)])
def test_home_fits_both_themes_and_widths(page, scheme, width, columns):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto("/")
    settled(page)
    style = "element => getComputedStyle(element).backgroundColor"
    assert page.get_by_test_id("stApp").evaluate(style) == BACKGROUND[scheme]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tracks = page.locator(".st-key-gallery").evaluate("element => getComputedStyle(element).gridTemplateColumns")
    assert len(tracks.split()) == columns
    for card in page.locator("[class*='st-key-card-']").all():
        assert card.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
        for picture in card.locator("img").all():
            picture.evaluate("image => image.decode()")  # raises if it cannot be shown
        room = card.locator("[class*='st-key-pictures-']").bounding_box()
        assert room["width"] / room["height"] == pytest.approx(202 / 68, rel=0.02)  # kept before, filled after
