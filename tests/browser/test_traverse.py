"""Traverse in a real browser: what moves under the hand, what the server answers, and what a copied link shows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.browser.traversing import (
    PATIENCE,
    bring_decoder,
    edits,
    grip,
    open_traverse,
    painted,
    picture,
    slider,
    wait_for_edits,
)
from tests.fixtures import make_run
from trainer.manage import axis_names
from trainer.models.onnx_export import export_decoder


@pytest.fixture(scope="module", autouse=True)
def _live_decoder(served_runs: Path) -> None:
    bring_decoder(served_runs)


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
