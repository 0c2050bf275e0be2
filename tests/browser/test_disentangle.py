"""Disentangle in a real browser: a cell of the matrix, factors under the hand, and a link that shows the same."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from explorer.shared.state import LAG
from tests.browser.conftest import PATIENCE, settled
from tests.fixtures import add_disentanglement, make_run
from trainer.evaluation.disentanglement import record as records
from trainer.runs.folder import Run

FACTOR_NAMES = ["floor hue", "wall hue", "object hue", "scale", "shape", "orientation"]


@pytest.fixture(scope="module", autouse=True)
def shapes(served_runs: Path) -> Run:
    """A served model of rendered shapes with a record, by which z2 carries the object's hue."""
    folder = served_runs / "small-shapes"
    if not folder.exists():
        run = make_run(folder, kind="vae", data="shapes3d-rendered", trained=True, z_dim=6, pictures=160)
        found = add_disentanglement(run)
        importance = np.full_like(found.dci.importance, 0.018)
        importance[2, 2] = 0.91
        records.write(replace(found, dci=replace(found.dci, importance=importance)), folder / "disentanglement.json")
        make_run(served_runs / "other-shapes", kind="vae", data="shapes3d-rendered", z_dim=4, pictures=160)
    return Run(folder)


def live(page, link: str = "") -> None:
    page.goto(f"/disentangle?model=small-shapes&view=live{link}")
    settled(page)
    page.locator(".factor input").first.wait_for()


def drag(page, factor: int, share: float) -> None:
    """Take the handle of a factor's slider to a share of its length, and let go."""
    slider = page.locator(".factor input").nth(factor)
    box = slider.bounding_box()
    at = slider.evaluate("input => (input.value - input.min) / (input.max - input.min)")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8 + at * (box["width"] - 16), y)
    page.mouse.down()
    page.mouse.move(box["x"] + 8 + share * (box["width"] - 16), y, steps=6)
    page.mouse.up()


def picture(page, name: str) -> str:
    return page.locator(f".{name} canvas").evaluate("canvas => canvas.toDataURL()")


def test_picture_reconstruction_and_code_follow_a_factor(page):
    live(page)
    before = {name: picture(page, name) for name in ("rendered", "reconstruction")}
    values = page.locator(".code .value").all_inner_texts()
    drag(page, 0, 0.9)
    page.wait_for_url(re.compile(r"base=8%2C6%2C0%2C4%2C1%2C7|base=8,6,0,4,1,7"))
    assert page.locator(".factor output").first.inner_text() == "288°"
    assert all(picture(page, name) != drawn for name, drawn in before.items())
    assert page.locator(".code .value").all_inner_texts() != values
    expect(page.locator(".moved")).to_contain_text("moved most")
    seen = picture(page, "rendered")
    page.reload()
    page.locator(".factor input").first.wait_for()
    settled(page)
    assert picture(page, "rendered") == seen


def test_the_keyboard_moves_a_factor_for_both_models(page):
    live(page, "&base=1,1,1,1,1,1&beside=other-shapes")
    rendered, codes = page.locator(".rendered canvas"), page.locator(".code")
    expect(page.locator(".of")).to_have_text(["small-shapes", "other-shapes"])
    before = codes.all_inner_texts()
    page.get_by_role("slider", name="shape").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"base=1%2C1%2C1%2C1%2C2%2C1|base=1,1,1,1,2,1"))
    assert page.get_by_role("slider", name="shape").get_attribute("aria-valuetext") == "sphere"
    drawn = [rendered.nth(place).evaluate("canvas => canvas.toDataURL()") for place in range(2)]
    assert drawn[0] == drawn[1], "the same picture"
    assert all(now != then for now, then in zip(codes.all_inner_texts(), before, strict=True))
    expect(page.locator(".better")).to_contain_text("this does not say which one matters")
    page.wait_for_timeout(2000 * LAG)  # within LAG of a change the URL from before it is taken for a late one
    page.go_back()
    page.wait_for_url(re.compile("base=1%2C1%2C1%2C1%2C1%2C1|base=1,1,1,1,1,1"))
    expect(page.get_by_role("slider", name="shape")).to_have_attribute("aria-valuetext", "cylinder", timeout=PATIENCE)
    expect(page.locator(".of")).to_have_count(2)


def test_a_click_on_a_cell_opens_that_axis_and_that_factor(page):
    page.goto("/disentangle?model=small-shapes")
    settled(page)
    plot = page.locator(".st-key-disentangle-work .heatmaplayer")
    plot.wait_for()
    box = plot.bounding_box()
    first = page.locator(".st-key-disentangle-work .ytick text").first.text_content()
    page.mouse.move(box["x"] + 2.6 * box["width"] / 6, box["y"] + 10)
    page.mouse.click(box["x"] + 2.6 * box["width"] / 6, box["y"] + 10)
    page.get_by_text(f"{first} and object hue").wait_for()
    page.wait_for_url(re.compile("factor=2"))
    page.get_by_role("button", name="Open in Traverse").click()
    page.locator(".stage[data-painted=server]").wait_for()
    assert f"rows={first[1:]}" in page.url


def test_a_phone_shows_every_name_and_number_of_the_matrix_and_a_number_can_be_clicked(page):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto("/disentangle?model=small-shapes")
    settled(page)
    work = page.locator(".st-key-disentangle-work")
    work.locator(".heatmaplayer").wait_for()
    expect(work.locator(".xtick text").filter(visible=True)).to_have_text(FACTOR_NAMES)
    numbers = work.locator(".annotation-text")
    expect(numbers).to_have_text([re.compile(r"^\d\.\d\d$")] * 36)
    first = work.locator(".ytick text").first.text_content()
    box = numbers.nth(2).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_text(f"{first} and object hue").wait_for()


def test_traverse_names_an_axis_in_its_row_and_in_full_for_readers(page):
    page.goto("/traverse?model=small-shapes")
    page.locator(".stage[data-painted=server]").wait_for()
    row = page.locator(".axis[data-axis='2']")
    assert row.locator(".name small").text_content() == "object hue"
    assert row.locator("input").get_attribute("aria-label") == "Axis 2, object hue (0.91)"
    assert page.locator(".axis[data-axis='0'] .name small").text_content() == ""
