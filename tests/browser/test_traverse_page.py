"""Traverse in a real browser: without a decoder there, what is chosen with a click, and the page at two widths."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import settled
from tests.browser.traversing import (
    PATIENCE,
    bring_decoder,
    edits,
    open_traverse,
    painted,
    picture,
    slider,
    wait_for_edits,
)
from trainer.system import ROOT

VIEWS = re.compile("Traversal sheet|Interpolation|Two-axis pad|Code")


@pytest.fixture(scope="module", autouse=True)
def _live_decoder(served_runs: Path) -> None:
    bring_decoder(served_runs)


# ---------------------------------------------------------------- without a decoder in the browser


def follows_on_release(page) -> None:
    """The server's picture is another one after the slider went to its end."""
    before = picture(page)
    slider(page).focus()
    page.keyboard.press("End")
    painted(page, "server", 1)
    assert not np.array_equal(picture(page), before)


def test_without_a_decoder_the_picture_follows_on_release(page):
    open_traverse(page, "?model=slow-vae")
    assert "no decoder.onnx" in page.locator(".stage .note").inner_text()
    follows_on_release(page)


def test_where_wasm_fails_the_server_decodes_and_the_page_says_so(browser, server):
    page = browser.new_context(base_url=server).new_page()
    page.route("**/app/static/ort*", lambda route: route.abort())
    open_traverse(page)
    assert page.locator(".stage").get_attribute("data-decoder") == "failed"
    assert "cannot run" in page.locator(".stage .note").inner_text()
    follows_on_release(page)
    page.context.close()


def test_where_the_scripts_cannot_be_loaded_the_page_says_so(browser, server):
    page = browser.new_context(base_url=server).new_page()
    page.route("**/app/static/js/**", lambda route: route.abort())
    page.goto("/traverse?model=small-gmp")
    missing = page.get_by_text(f"could not be loaded from {server}/app/static/js. Check that").first
    missing.wait_for(timeout=PATIENCE)
    page.context.close()


def test_scripts_of_another_version_are_fetched_anew_once(page):
    fetched = []
    page.on("request", lambda request: fetched.append(request.url) if request.resource_type == "fetch" else None)
    open_traverse(page)
    version = page.evaluate("() => localStorage.getItem('/app/static/js')")
    assert re.fullmatch("[0-9a-f]{12}", version)
    page.evaluate("() => localStorage.setItem('/app/static/js', 'of last year')")
    for count in (len(list((ROOT / "explorer" / "static" / "js").rglob("*.js"))), 0):
        fetched.clear()
        open_traverse(page)
        assert len([url for url in fetched if "/app/static/js/" in url]) == count
        assert page.evaluate("() => localStorage.getItem('/app/static/js')") == version


# ---------------------------------------------------------------- choosing


def test_a_thumbnail_is_a_start(page):
    open_traverse(page)
    before = picture(page, "original")
    page.locator(".tiles button.tile").nth(17).click()
    page.wait_for_url(re.compile("index=17"), timeout=PATIENCE)
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some("
        "e => e.shadowRoot?.querySelector('.tile[data-index=\"17\"][aria-pressed=true]'))",
        timeout=PATIENCE,
    )
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=PATIENCE)
    assert not np.array_equal(picture(page, "original"), before)


def test_a_sheet_tile_moves_its_axis_at_once(page):
    open_traverse(page, "?model=small-gmp&rows=4,2&steps=5")
    tile = page.locator(".tiles.sheet button.tile").nth(6)
    value = float(tile.get_attribute("title").split("=")[1])
    tile.click()
    painted(page, "server", 1)
    wait_for_edits(page, 1)
    assert edits(page) == {2: pytest.approx(value, abs=6e-3)}


def test_the_pad_moves_two_axes_and_the_panel_follows(page):
    open_traverse(page, "?model=small-gmp&view=pad&pad_x=3&pad_y=5")
    field = page.locator(".pad .field")
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.3, steps=4)
    painted(page, "browser", 5)
    small = page.locator(".pad figure canvas").evaluate("canvas => canvas.toDataURL()")
    assert small == page.locator(".stage .current canvas").evaluate("canvas => canvas.toDataURL()")
    assert edits(page) == {}
    page.mouse.up()
    wait_for_edits(page, 2)
    assert set(edits(page)) == {3, 5}
    for axis, value in edits(page).items():
        shown = page.locator(f".axis[data-axis='{axis}'] input").input_value()
        assert float(shown) == pytest.approx(value, abs=6e-4)


def test_the_sheet_and_the_code_can_be_taken_along(page):
    open_traverse(page, "?model=small-gmp&rows=1,0&steps=5")
    sheet = {}
    for name in ("PNG", "SVG"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=False).click()
        sheet[name] = Path(download.value.path()).read_bytes()
    with Image.open(io.BytesIO(sheet["PNG"])) as opened:
        size = opened.size
    assert f'width="{size[0]}" height="{size[1]}"'.encode() in sheet["SVG"], "both at double size"
    assert sheet["SVG"].count(b"<image") == 10
    assert b"small-gmp<" in sheet["SVG"]
    page.get_by_role("button", name="GIF").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download GIF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"GIF89a")
    page.get_by_role("radio", name="Code").or_(page.get_by_role("button", name="Code", exact=True)).first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 9


def test_every_picture_is_crisp(page):
    open_traverse(page)
    rendering = "all => all.map(one => [getComputedStyle(one).imageRendering, one.width, one.height])"
    styles = page.locator(".stage canvas:visible").evaluate_all(rendering)
    assert styles == [["pixelated", 32, 32]] * 4
    tiles = page.locator(".tiles button.tile i").evaluate_all(rendering)
    assert len(tiles) > 100
    assert {style[0] for style in tiles} == {"pixelated"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 800])
def test_nothing_is_cut_off(browser, server, scheme, width):
    page = browser.new_context(
        base_url=server, viewport={"width": width, "height": 900}, color_scheme=scheme
    ).new_page()
    open_traverse(page)
    wide = page.evaluate(
        "() => document.querySelector('[data-testid=stMain]').scrollWidth - "
        "document.querySelector('[data-testid=stMain]').clientWidth"
    )
    assert wide <= 0
    boxes = [page.locator(f".stage .{name} canvas").bounding_box() for name in ("original", "current", "error")]
    assert all(box["width"] >= 90 and abs(box["width"] - box["height"]) < 1 for box in boxes)
    assert all(box["x"] + box["width"] <= width for box in boxes)
    page.context.close()


def test_back_and_forward_return_the_views_and_then_leave_the_page(page):
    """Streamlit runs the page again with the old URL; the session's own state used to win, so Back did nothing."""
    page.goto("/?model=slow-vae")
    settled(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Traverse").click()
    page.wait_for_selector(".stage[data-painted=server]", timeout=PATIENCE)
    settled(page)

    def shown() -> str:
        settled(page)
        page.wait_for_timeout(700)  # a change is followed by the browser's own news of it; then Back is Back
        assert page.evaluate("location.pathname") == "/traverse"
        return page.locator("[data-testid=stButtonGroup] [aria-checked=true]").filter(has_text=VIEWS).inner_text()

    seen = [shown()]
    for name in ("Interpolation", "Code"):
        page.get_by_role("radio", name=name, exact=True).click()
        seen.append(shown())
    assert seen == ["Traversal sheet", "Interpolation", "Code"]
    for expected in seen[1::-1]:
        page.evaluate("history.back()")
        assert shown() == expected
    page.evaluate("history.forward()")
    assert shown() == "Interpolation"
    for _ in range(4):
        page.evaluate("history.back()")
        page.wait_for_timeout(300)
        settled(page)
        if page.evaluate("location.pathname") == "/":
            break
    page.get_by_role("heading", name="GWAE Explorer").wait_for()
