"""Draw one yourself in a real browser: what follows the pen is what the server says of the same picture."""

from __future__ import annotations

import json

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, settled
from trainer.ood.pictures import score_pictures
from trainer.runs.folder import Run
from trainer.system import ROOT

SEVEN = ((0.3, 0.25), (0.7, 0.25), (0.5, 0.8))
PIXELS = """canvas => [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]
    .filter((_, place) => place % 4 === 0)"""

JUDGED = """() => {
    const found = [...document.querySelectorAll("*")].map(each => each.shadowRoot?.querySelector(".drawing"));
    const root = found.find(Boolean);
    return root.dataset.scores && root.dataset.version === root.dataset.drawn;
}"""


def draw(page, points, key: str = "") -> None:
    """One stroke with the pointer, through shares of the canvas; a key is pressed before its last part."""
    paper = page.locator(".paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        if key and place is places[-1]:
            page.keyboard.press(key)
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def seen(page) -> tuple[np.ndarray, list[float]]:
    """The model's input and the scores, once the last stroke has been judged."""
    root = page.locator(".drawing")
    page.wait_for_function(JUDGED)
    values = np.array(page.locator(".input").evaluate(PIXELS), np.uint8).reshape(1, 1, 32, 32)
    return values, json.loads(root.get_attribute("data-scores"))


def test_a_drawing_is_judged_as_the_server_would_and_opens_in_traverse(page):
    run = Run(ROOT / "pretrained" / "mnist-gmp")
    page.goto("/ood?model=mnist-gmp&view=draw")
    page.locator(".drawing[data-ready]").wait_for(timeout=PATIENCE)
    expect(page.locator(".traverse")).to_be_disabled()
    draw(page, SEVEN)
    picture, scores = seen(page)
    table = score_pictures(run, picture, ["drawn"])
    expected = [table[name][0] for name in ("combined", "relative error", "prior")]
    assert scores == pytest.approx(expected, rel=1e-3, abs=1e-3)
    expect(page.locator(".verdict")).to_have_text("Ordinary for MNIST")
    expect(page.locator(".why")).to_have_text(table["why"][0])
    expect(page.locator(".tiles canvas").first).to_have_attribute("aria-label", "training picture, 7")

    draw(page, ((0.1, 0.9), (0.9, 0.1)))  # struck out
    picture, scores = seen(page)
    table = score_pictures(run, picture, ["drawn"])
    assert scores[0] == pytest.approx(table["combined"][0], rel=1e-3, abs=1e-3)
    expect(page.locator(".verdict")).to_have_text("Outlier for MNIST")
    page.locator(".undo").click()
    expect(page.locator(".verdict")).to_have_text("Ordinary for MNIST")

    whole, _ = seen(page)
    draw(page, SEVEN, key="Delete")
    rest, _ = seen(page)
    assert 0 < (rest > 0).sum() < (whole > 0).sum(), "what was drawn has gone, and the pointer draws on"

    page.locator(".clear").click()
    expect(page.locator(".verdict")).to_have_text("Draw something.")
    page.locator(".paper").focus()
    page.keyboard.press(" ")
    for _ in range(9):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press(" ")
    picture, scores = seen(page)
    assert picture.any()
    page.locator(".traverse").click()
    page.wait_for_url("**/traverse?*start=upload*")
    settled(page)
    code = [float(value) for value in page.evaluate("new URLSearchParams(location.search).get('code')").split(",")]
    import torch

    mu = run.load_model().encode(torch.from_numpy(picture).float() / 255)[0][0]
    assert code == pytest.approx(mu.tolist(), abs=2e-3)
