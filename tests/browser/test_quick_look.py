"""From "New training" to live sliders on a folder of 300 pictures, in a real browser: three minutes, six clicks."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, settled
from tests.browser.traversing import grip
from tests.fixtures import blob_pictures
from trainer.jobs import queue
from trainer.runs.status import look

COUNT = 300
MINUTES, CLICKS = 3, 6
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of pictures in colour, larger than the model takes them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, picture in enumerate(blob_pictures(COUNT, 64, 3)[0]):
        Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).resize((96, 96)).save(
            folder / f"{index:03d}.png"
        )
    return folder


@pytest.fixture
def run(served_runs) -> Path:
    """Folder of the training, which is ended afterwards."""
    folder = served_runs / "quick-look"
    yield folder
    if look(folder).is_active:
        queue.end_by_force(folder)


def test_live_sliders_of_one_s_own_pictures_take_three_minutes_and_six_clicks(page, photos, run):
    page.goto("/")
    settled(page)
    page.add_init_script("window.clicks = 0")
    page.evaluate(
        "window.clicks = 0; addEventListener('pointerdown', event => event.isTrusted && window.clicks++, true)"
    )
    began, left = time.monotonic(), lambda: 1000 * (60 * MINUTES - (time.monotonic() - began))
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_text("Folder or zip on this machine").click(timeout=PATIENCE)
    path = page.get_by_label("Path", exact=True)
    path.click(timeout=PATIENCE)
    path.fill(str(photos))
    path.press("Enter")
    expect(page.get_by_text(f"12 of {COUNT} pictures")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Start training", exact=True).click(timeout=left())
    page.wait_for_url(re.compile("run=quick-look"), timeout=left())
    page.get_by_role("button", name="Open in Traverse", exact=True).click(timeout=left())
    page.locator(".stage[data-decoder=ready]").wait_for(timeout=left())
    settled(page)
    x, y = grip(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 50, y, steps=5)
    page.locator(".stage[data-painted=browser]").wait_for(timeout=left())
    page.mouse.up()
    assert left() > 0
    assert page.evaluate("window.clicks") <= CLICKS
