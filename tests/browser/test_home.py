"""The first screen of Home in a real browser: by mouse, keys and touch, narrow, still, linked, without the server."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from playwright.sync_api import expect
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from explorer.home import digits
from tests.browser.conftest import APP, PATIENCE, ROOT, App, settled

ARROW_STEP = 0.02
"""How far an arrow key moves a digit, in widths of the board."""
COUNTED = """
() => {
  const roots = [...document.querySelectorAll('*')].map(element => element.shadowRoot?.querySelector('.agreement b'));
  const [number, counted] = [roots.find(Boolean), window.counted = new Set()];
  const watch = {childList: true, characterData: true, subtree: true};
  new MutationObserver(() => counted.add(number.textContent)).observe(number, watch);
}
"""


@pytest.fixture(scope="module")
def known() -> digits.Digits:
    """What the screen shows, read from the bundled models."""
    return digits.find()


def home(page, link: str = "") -> None:
    page.goto(f"/{link}")
    page.wait_for_selector(".distances[data-ready]")


def loaded(page) -> None:
    """Wait until everything has arrived that the screen will ever need."""
    page.wait_for_selector(".uses[data-ready]", state="attached")
    settled(page)


def tile(page, number: int):
    return page.locator(".board .tile").nth(number)


def places(page) -> np.ndarray:
    """Middles of the digits in pixels of the board, (12, 2)."""
    board = page.locator(".board").bounding_box()
    boxes = [each.bounding_box() for each in page.locator(".board .tile").all()]
    return np.array([[b["x"] + b["width"] / 2 - board["x"], b["y"] + b["height"] / 2 - board["y"]] for b in boxes])


def agreement(page) -> float:
    return float(page.locator(".agreement b").inner_text().replace("−", "-"))


def choose(page, arrangement: str) -> None:
    """Choose an arrangement and wait until everything lies still."""
    page.locator(f".arrangements button[value={arrangement}]").click()
    page.wait_for_timeout(1500)


def drag(page, number: int, by: tuple[float, float]) -> None:
    box = tile(page, number).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=6)
    page.mouse.up()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def of_pairs(first: np.ndarray, second: np.ndarray) -> float:
    return spearmanr(pdist(first), pdist(second)).statistic


def test_the_correlation_is_that_of_the_pairs_shown(page, known):
    home(page)
    board = slice(0, digits.TILES)
    flat = known.pictures.reshape(len(known.pictures), -1) / 255
    assert agreement(page) == pytest.approx(of_pairs(flat[board], places(page)), abs=0.006)
    shown = {}
    for arrangement, coded in (("vae", known.control), ("gwae", known.gwae)):
        choose(page, arrangement)
        shown[arrangement] = agreement(page)
        assert shown[arrangement] == pytest.approx(of_pairs(flat[board], coded.codes[board]), abs=0.006)
        expect(page.locator(".whole")).to_contain_text("All pairs of 500")
    assert shown["gwae"] > shown["vae"]
    page.get_by_role("button", name="Other digits").click()
    board = slice(digits.TILES, 2 * digits.TILES)
    assert agreement(page) == pytest.approx(of_pairs(flat[board], known.gwae.codes[board]), abs=0.006)


def test_a_digit_that_is_picked_up_lights_its_pairs_and_a_drag_makes_the_board_ones_own(page, known):
    home(page)
    choose(page, "vae")
    before = places(page)
    tile(page, 5).click()
    assert page.locator(".plot circle.lit").count() == digits.TILES - 1
    assert page.locator(".board line:visible").count() == digits.TILES - 1
    assert page.locator(".distances .pairs").get_attribute("data-mode") == "vae"  # looking changes nothing
    drag(page, 5, (60, 40))
    after = places(page)
    assert page.locator(".distances .pairs").get_attribute("data-mode") == "own"
    np.testing.assert_allclose(np.delete(after, 5, 0), np.delete(before, 5, 0), atol=1)
    np.testing.assert_allclose(after[5] - before[5], (60, 40), atol=2)
    flat = known.pictures[: digits.TILES].reshape(digits.TILES, -1) / 255
    assert agreement(page) == pytest.approx(of_pairs(flat, after), abs=0.01)
    page.locator(".board").click(position={"x": 4, "y": 4})
    assert page.locator(".plot circle.lit").count() == 0


def test_a_dot_lights_its_two_digits(page):
    home(page)
    dot = page.locator(".plot circle").nth(0).bounding_box()
    page.mouse.move(dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2)
    assert page.locator(".board .tile[aria-pressed=true]").count() == 2
    expect(page.locator(".pair")).to_have_text(
        re.compile(r"^\d and \d: [\d.]+ between the pictures, [\d.]+ board widths")
    )


def test_keys_move_a_digit_and_work_everything(page):
    home(page)
    loaded(page)
    before = places(page)
    tile(page, 2).focus()
    assert page.locator(".plot circle.lit").count() == digits.TILES - 1
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.wait_for_timeout(100)
    width = page.locator(".board").bounding_box()["width"]
    moved = places(page)[2] - before[2]
    np.testing.assert_allclose(moved, (ARROW_STEP * width, 5 * ARROW_STEP * width), atol=2)
    page.keyboard.press("Escape")
    assert page.locator(".plot circle.lit").count() == 0
    page.locator(".arrangements button[value=gwae]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".pairs")).to_have_attribute("data-mode", "gwae")
    page.locator("nav a[data-step=axis]").focus()
    page.keyboard.press("Enter")
    page.locator(".axis .sliders input").first.focus()
    page.keyboard.press("End")
    expect(page.locator(".moved.code b")).not_to_have_text("0 %")
    expect(page.locator(".moved.picture b")).not_to_have_text("0 %")


def test_a_finger_drags_a_digit_and_scrolls_beside_it(browser, server):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, base_url=server
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    home(page)
    tile(page, 0).scroll_into_view_if_needed()
    before, box = places(page), tile(page, 0).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 6):
        points = [{"x": x + 8 * step, "y": y + 10 * step}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(200)
    np.testing.assert_allclose(places(page)[0] - before[0], (40, 50), atol=3)
    actions = "element => getComputedStyle(element).touchAction"
    assert tile(page, 0).evaluate(actions) == "none"
    assert page.locator(".board").evaluate(actions) == "auto"
    context.close()


@pytest.mark.parametrize("step", ["axis", "uses"])
def test_every_step_has_a_link_of_its_own(page, step):
    home(page)
    loaded(page)
    page.locator(f"nav a[data-step={step}]").click()
    page.wait_for_url(re.compile(f"step={step}"))
    expect(page.locator(f"section[data-step={step}]")).to_be_visible()
    expect(page.locator(".pairs")).to_be_hidden()
    page.reload()
    page.wait_for_selector(".distances[data-ready]")
    expect(page.locator(f"section[data-step={step}]")).to_be_visible()
    link = page.locator(f"nav a[data-step={step}]").get_attribute("href")
    assert parse_qs(urlparse(link).query)["step"] == [step]
    page.locator("nav a[data-step=distances]").click()
    page.wait_for_function("() => !location.search.includes('step')")


def test_a_claim_opens_its_page_with_its_model(page):
    home(page, "?step=uses")
    loaded(page)
    page.locator(".use").filter(has_text="Axes").get_by_role("link", name="Disentangle").click()
    page.get_by_role("heading", name="Disentangle", exact=True).wait_for()
    settled(page)
    assert urlparse(page.url).path == "/disentangle"
    assert parse_qs(urlparse(page.url).query)["model"] == ["shapes3d-fnp"]


def test_the_miniatures_answer(page):
    home(page, "?step=uses")
    loaded(page)
    pixels = "canvas => canvas.toDataURL()"
    factors, lens, sheet = (page.locator(f".miniature{name}") for name in (".axes", ".map .lens", ".samples canvas"))
    before = [factors.locator("canvas").evaluate(pixels), lens.evaluate(pixels), sheet.first.evaluate(pixels)]
    factors.locator("input").first.focus()
    page.keyboard.press("End")
    page.locator(".miniature.map canvas").first.hover(position={"x": 12, "y": 24})
    page.get_by_role("button", name="New samples").click()
    page.wait_for_timeout(1000)
    after = [factors.locator("canvas").evaluate(pixels), lens.evaluate(pixels), sheet.first.evaluate(pixels)]
    assert all(old != new for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 800, 390])
def test_every_step_fits(page, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    home(page)
    for step in ("distances", "axis", "uses"):
        page.locator(f"nav a[data-step={step}]").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        root = page.locator(".distances")
        assert root.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
        inside = root.bounding_box()
        for part in page.locator(f"section[data-step={step}] :is(canvas, input, button, p)").all():
            box = part.bounding_box()
            if box and not part.evaluate("element => element.classList.contains('spoken')"):
                assert box["x"] >= inside["x"] - 1
                assert box["x"] + box["width"] <= inside["x"] + inside["width"] + 1


def test_who_wants_no_movement_sees_none(page):
    page.emulate_media(reduced_motion="reduce")
    home(page)
    painted = int(page.locator(".pairs").get_attribute("data-painted"))
    page.locator(".arrangements button[value=gwae]").click()
    assert int(page.locator(".pairs").get_attribute("data-painted")) == painted + 1  # the end, and nothing on the way
    page.wait_for_timeout(300)
    assert int(page.locator(".pairs").get_attribute("data-painted")) == painted + 1


def test_the_correlation_counts_on_the_way(page):
    home(page)
    page.evaluate(COUNTED)
    choose(page, "gwae")
    counted = page.evaluate("[...window.counted].map(Number)")
    shown = agreement(page)
    assert len(counted) > 4
    # Ranks change in jumps: the count may pass its end by a hundredth.
    assert counted[0] < shown - 0.2
    assert shown <= max(counted) <= shown + 0.03


def test_without_the_server_the_screen_goes_on(browser, served_runs):
    app = App(APP, ROOT, served_runs)
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=app.address)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    try:
        home(page)
        loaded(page)
        app.kill()
        page.get_by_role("dialog").wait_for()  # Streamlit's own, once
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        before = places(page)
        drag(page, 3, (-80, 60))
        np.testing.assert_allclose(places(page)[3] - before[3], (-80, 60), atol=2)
        choose(page, "gwae")
        assert agreement(page) > 0.6
        page.locator("nav a[data-step=axis]").click()
        large = page.locator(".axis .left > canvas")
        picture = large.evaluate("canvas => canvas.toDataURL()")
        page.locator(".axis .sliders input").nth(1).focus()
        page.keyboard.press("Home")
        expect(page.locator(".moved.picture b")).not_to_have_text("0 %")
        assert large.evaluate("canvas => canvas.toDataURL()") != picture
        page.locator("nav a[data-step=uses]").click()
        sheet = page.locator(".miniature.samples canvas").first
        sample = sheet.evaluate("canvas => canvas.toDataURL()")
        page.get_by_role("button", name="New samples").click()
        page.wait_for_timeout(1000)
        assert sheet.evaluate("canvas => canvas.toDataURL()") != sample
    finally:
        context.close()
        app.end()
