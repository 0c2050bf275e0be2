"""Traverse in a real browser: what moves under the hand, what the server answers, and what a copied link shows."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import settled
from tests.fixtures import make_run
from trainer.manage import axis_names
from trainer.models.onnx_export import export_decoder
from trainer.runs.folder import Run
from trainer.system import ROOT

VIEWS = re.compile("Traversal sheet|Interpolation|Two-axis pad|Code")
PATIENCE = 90_000  # ms; a busy machine is no failure


@pytest.fixture(scope="module", autouse=True)
def _live_decoder(served_runs: Path) -> None:
    """Of two models with live axes, one brings a decoder for the browser."""
    path = served_runs / "small-gmp" / "decoder.onnx"
    if not path.exists():
        export_decoder(Run(path.parent).load_model(), path)
    if not (served_runs / "slow-vae").exists():
        make_run(served_runs / "slow-vae", kind="vae", trained=True)


def open_traverse(page, link: str = "?model=small-gmp") -> None:
    page.goto(f"/traverse{link}")
    page.wait_for_selector(".stage[data-painted=server]", timeout=PATIENCE)
    page.wait_for_selector(
        ".stage:is([data-decoder=ready], [data-decoder=none], [data-decoder=failed])", timeout=PATIENCE
    )
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=PATIENCE)


def picture(page, name: str = "current") -> np.ndarray:
    """Pixels of one of the four canvases, (32, 32)."""
    url = page.locator(f".stage .{name} canvas").evaluate("canvas => canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as opened:
        return np.asarray(opened.convert("L")).astype(int)


def painted(page, by: str, sequence: int) -> None:
    page.wait_for_selector(f".stage[data-painted={by}][data-sequence='{sequence}']", timeout=PATIENCE)


def slider(page, place: int = 0):
    return page.locator(".axes.live input[type=range]").nth(place)


def grip(page, place: int = 0) -> tuple[float, float]:
    """Where the thumb of a slider is on the screen."""
    handle = slider(page, place)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    share = handle.evaluate("input => (input.value - input.min) / (input.max - input.min)")
    return box["x"] + 7 + share * (box["width"] - 14), box["y"] + 27


def edits(page) -> dict[int, float]:
    """Moved axes in the address."""
    found = re.search(r"[?&]edits=([^&]*)", page.url)
    if not found:
        return {}
    pairs = (pair.split("_") for pair in re.split(",|%2C", found[1]))
    return {int(axis): float(value) for axis, value in pairs}


def wait_for_edits(page, count: int) -> None:
    parts = f"edits=[^&%]+(%2C[^&%]+){{{count - 1}}}(&|$)" if count else "^((?!edits=).)*$"
    page.wait_for_url(re.compile(parts), timeout=PATIENCE)


# ---------------------------------------------------------------- dragging


def test_the_picture_follows_the_drag_and_the_server_hears_of_the_release(page):
    open_traverse(page)
    before = picture(page)
    axis = int(page.locator(".axes.live .axis").first.get_attribute("data-axis"))
    x, y = grip(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 25, y)
    page.wait_for_selector(".stage[data-painted=browser]", timeout=PATIENCE)
    page.mouse.move(x + 50, y, steps=5)
    sequence = 6
    painted(page, "browser", sequence)
    live = picture(page)
    assert np.abs(live - before).max() > 3
    assert edits(page) == {}, "nothing is reported while the slider is held"
    assert page.locator(".stage .note").inner_text().startswith("Decoded in this browser")
    page.mouse.up()
    painted(page, "server", sequence)
    assert np.abs(picture(page) - live).max() <= 1, "browser and server decode the same code"
    wait_for_edits(page, 1)
    value = float(slider(page).input_value())
    assert edits(page) == {axis: pytest.approx(value, abs=6e-4)}


def test_a_copied_link_shows_the_same_picture(page, browser, server):
    open_traverse(page, "?model=small-gmp&start=prior&seed=5")
    x, y = grip(page, 1)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y, steps=3)
    page.mouse.up()
    wait_for_edits(page, 1)
    painted(page, "server", 3)
    other = browser.new_context(viewport={"width": 800, "height": 900}, color_scheme="dark").new_page()
    other.goto(page.url)
    other.wait_for_selector(".stage[data-painted=server]", timeout=PATIENCE)
    assert np.array_equal(picture(other), picture(page))
    assert other.locator(".stage .current small").inner_text() == "1 axis moved"
    other.context.close()


def test_the_keyboard_nudges_and_shift_makes_bigger_steps(page):
    open_traverse(page)
    handle = slider(page)
    width = handle.evaluate("input => input.max - input.min")
    start = float(handle.input_value())
    handle.focus()
    page.keyboard.press("ArrowLeft")
    painted(page, "browser", 1)
    one = float(handle.input_value())
    assert start - one == pytest.approx(width / 100, abs=2e-3)
    page.keyboard.press("Shift+ArrowRight")
    painted(page, "browser", 2)
    assert float(handle.input_value()) - one == pytest.approx(width / 10, abs=2e-3)
    painted(page, "server", 2)
    wait_for_edits(page, 1)
    page.keyboard.press("Escape")
    painted(page, "server", 3)
    wait_for_edits(page, 0)
    assert float(handle.input_value()) == pytest.approx(start, abs=1e-6)


def test_one_axis_and_all_axes_can_be_put_back(page):
    open_traverse(page, "?model=small-gmp&edits=0_1.5,1_-1.5,2_0.5")
    assert page.locator(".axis.moved").count() == 3
    page.locator(".axis[data-axis='1'] .reset").click()
    wait_for_edits(page, 2)
    assert set(edits(page)) == {0, 2}
    page.get_by_role("button", name="Reset to encoded picture").click()
    wait_for_edits(page, 0)
    assert page.locator(".axis.moved").count() == 0
    page.wait_for_selector(".stage[data-painted=server]", timeout=PATIENCE)
    assert np.array_equal(picture(page), picture(page, "reconstruction"))


LOSE_REPORTS = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) { if (!window.loseReports) send.call(this, data); };
"""


def test_a_report_that_gets_lost_is_sent_again(page):
    page.add_init_script(LOSE_REPORTS)
    open_traverse(page)
    page.evaluate("window.loseReports = true")
    slider(page).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1_000)  # the report has gone to nowhere
    assert edits(page) == {}
    page.evaluate("window.loseReports = false")
    wait_for_edits(page, 1)
    painted(page, "server", 1)


def test_a_value_outside_the_learned_density_is_marked(page):
    open_traverse(page, "?model=small-gmp&edits=0_50")
    row = page.locator(".axis[data-axis='0']")
    handle = row.locator("input")
    assert "outside" in row.get_attribute("class").split()
    assert "outside the learned density" in handle.get_attribute("aria-valuetext")
    assert float(handle.get_attribute("max")) == 50
    assert "far" in page.locator(".stage .support").get_attribute("class").split()
    handle.focus()
    page.keyboard.press("Escape")
    painted(page, "server", 1)
    assert "outside" not in row.get_attribute("class").split()
    assert float(handle.get_attribute("max")) < 50


def test_a_late_answer_never_takes_the_slider_out_of_the_hand(page):
    """The server's answer to an earlier release arrives while the next drag is on."""
    open_traverse(page)
    handle = slider(page)
    x, y = grip(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 10, y)
    page.mouse.up()
    page.mouse.down()
    page.mouse.move(x + 45, y)
    held = handle.input_value()
    page.wait_for_timeout(1500)
    assert handle.input_value() == held
    assert page.locator(".stage").get_attribute("data-painted") == "browser"
    page.mouse.up()
    painted(page, "server", 2)


def test_the_views_follow_the_picture(page):
    open_traverse(page, "?model=small-gmp&rows=0,1&steps=5")
    centre = page.locator(".tiles.sheet button.tile").nth(2)
    assert page.locator(".axis[data-axis='0']").count() == 1
    page.locator(".axis[data-axis='0'] input").focus()
    page.keyboard.press("Shift+ArrowRight")
    painted(page, "server", 1)
    value = edits(page)[0]
    page.wait_for_function(
        "title => [...document.querySelectorAll('*')].some("
        "e => e.shadowRoot?.querySelector(`.sheet .tile[data-index='2'][title='${title}']`))",
        arg=f"z0 = {value:.2f}",
        timeout=PATIENCE,
    )
    assert centre.get_attribute("aria-pressed") == "true"


def test_an_axis_is_named_where_it_is_moved_and_the_name_goes_everywhere(page, browser, server, served_runs):
    made = make_run(served_runs / "to-name", trained=True)
    export_decoder(made.load_model(), made.path / "decoder.onnx")
    open_traverse(page, "?model=to-name&rows=1,0&view=pad&pad_x=0&pad_y=1")
    row = page.locator(".axis[data-axis='1']")
    row.locator(".name").click()
    row.locator(".naming[data-painted=ends]").wait_for()
    low, now, high = (
        row.locator(".naming canvas").nth(place).evaluate("canvas => canvas.toDataURL()") for place in range(3)
    )
    assert now == page.locator(".stage .current canvas").evaluate("canvas => canvas.toDataURL()")
    assert len({low, now, high}) == 3
    page.keyboard.type("slant <b>")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("names=1_slant"), timeout=PATIENCE)
    page.locator(".pad .y-name").get_by_text("z1, slant <b> →").wait_for()
    assert row.locator("input[type=range]").get_attribute("aria-label") == "Axis 1, slant <b>"
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "name"
    assert axis_names.read(made.path).by_axis == {1: "slant <b>"}
    page.get_by_role("radio", name="Traversal sheet").click()
    page.locator(".tiles.sheet .row small").get_by_text("slant <b>").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG", exact=False).click()
    assert "slant &lt;b&gt;" in Path(download.value.path()).read_text()
    other = browser.new_context(base_url=server).new_page()
    open_traverse(other, page.url.partition("traverse")[2])
    assert other.locator(".axis[data-axis='1'] .name small").inner_text() == "slant <b>"
    other.context.close()


# ---------------------------------------------------------------- without a decoder in the browser


def test_without_a_decoder_the_picture_follows_on_release(page):
    open_traverse(page, "?model=slow-vae")
    assert "no decoder.onnx" in page.locator(".stage .note").inner_text()
    before = picture(page)
    slider(page).focus()
    page.keyboard.press("End")
    painted(page, "server", 1)
    assert not np.array_equal(picture(page), before)


def test_where_wasm_fails_the_server_decodes_and_the_page_says_so(browser, server):
    page = browser.new_context(base_url=server).new_page()
    page.route("**/app/static/ort*", lambda route: route.abort())
    open_traverse(page)
    assert page.locator(".stage").get_attribute("data-decoder") == "failed"
    assert "cannot run" in page.locator(".stage .note").inner_text()
    before = picture(page)
    slider(page).focus()
    page.keyboard.press("End")
    painted(page, "server", 1)
    assert not np.array_equal(picture(page), before)
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
