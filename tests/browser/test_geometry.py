"""Geometry in a real browser: a click on the density shows the pairs there, and one of them opens in Traverse."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import expect

from tests.browser.conftest import settled
from trainer.latent import pair_history


def density(page):
    """The density once its pictures are there, with a place that holds pairs below the pointer."""
    page.goto("/geometry?model=small-gmp")
    settled(page)
    page.locator(".pairs[data-pictures]").wait_for()
    places = page.locator(".pairs .place")
    places.nth(places.count() // 2).hover()
    return page.locator(".pairs[data-pictures]")


def test_pairs_are_seen_below_the_pointer_and_a_click_keeps_them(page):
    plot = density(page)
    expect(plot.locator(".tip")).to_be_visible()
    assert plot.locator(".tip canvas").count() in (1, 2, 3)
    colours = plot.locator(".tip canvas").first.evaluate(
        "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    )
    assert colours > 2, "a picture, not an empty field"
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_text("at this place")).to_be_visible()
    assert "cell=" in page.url
    page.locator(".st-key-geometry-pairs-cell [data-testid=stButton] button").first.click()
    expect(page).to_have_url(re.compile("/traverse.*view=interpolation"))
    settled(page)


def test_a_double_click_opens_a_pair_in_traverse(page):
    density(page)
    page.mouse.dblclick(*centre(page.locator(".pairs .near")))
    expect(page).to_have_url(re.compile("/traverse.*view=interpolation"))
    settled(page)


def test_the_density_works_by_keyboard(page):
    plot = density(page)
    page.mouse.move(0, 0)
    plot.locator("svg").focus()
    page.keyboard.press("ArrowRight")
    expect(plot.locator(".near")).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_text("at this place")).to_be_visible()


def centre(node) -> tuple[float, float]:
    box = node.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_replay_goes_through_the_validations(page, served_runs):
    history = pair_history.EMPTY
    for step in (10, 20, 30):
        history = history.extended(step, 1.0, np.linspace(0, step, 50), np.linspace(0, 2 * step, 50))
    pair_history.write(history, served_runs / "small-gmp" / "pair_history.safetensors")
    page.goto("/geometry?model=small-gmp&view=course")
    settled(page)
    field = page.locator(".replay")
    expect(field.locator("output")).to_have_text("step 30")
    last = field.locator(".dot").last
    far = float(last.get_attribute("cx"))
    field.locator("input").focus()
    page.keyboard.press("Home")
    expect(field.locator("output")).to_have_text("step 10")
    assert float(last.get_attribute("cx")) < far, "the distances of step 10 are a third"
    field.locator("button").click()
    expect(field.locator("output")).to_have_text("step 30")
    expect(field.locator("button")).to_have_attribute("aria-label", "Play")
