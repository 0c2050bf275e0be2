"""Generate in a real browser: samples are what the server would decode, new ones, one in detail, a path, a link."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import settled
from tests.fixtures import blob_pictures
from trainer.data.imageset import ImageSet
from trainer.models.onnx_export import export_decoder
from trainer.ood import neighbours
from trainer.runs.folder import Run

SIDE, GAP = 32, 2


@pytest.fixture(scope="module", autouse=True)
def served(served_runs: Path) -> Run:
    """A model with a decoder for the browser, and codes of training pictures."""
    run = Run(served_runs / "small-gmp")
    if not (run.path / "decoder.onnx").exists():
        export_decoder(run.load_model(), run.path / "decoder.onnx")
    pixels, labels = blob_pictures(40, SIDE, 1, seed=5)
    ids = tuple(f"train-{row}" for row in range(40))
    images = ImageSet(torch.from_numpy(pixels), torch.from_numpy(labels), tuple("0123456789"), ids, "MNIST", "train")
    neighbours.store(run, run.load_model(), images)
    return run


def generate(page, link: str = "") -> None:
    page.goto(f"/generate?model=small-gmp{link}")
    painted(page, 1)
    settled(page)


def painted(page, times: int) -> None:
    """Wait until all pictures have been painted so many times."""
    page.wait_for_selector(".samples[data-painted]")
    root = page.locator(".samples").element_handle()
    page.wait_for_function("([root, times]) => Number(root.dataset.painted) >= times", arg=[root, times])


def count(page) -> int:
    return int(page.locator(".samples").get_attribute("data-painted"))


def tiles(page, selector: str, columns: int) -> np.ndarray:
    """Pictures of a canvas, (n, SIDE, SIDE)."""
    url = page.locator(selector).first.evaluate("canvas => canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as opened:
        sheet = np.asarray(opened.convert("L")).astype(int)
    step, rows = SIDE + GAP, (sheet.shape[0] + GAP) // (SIDE + GAP)
    places = [(row * step, column * step) for row in range(rows) for column in range(columns)]
    return np.stack([sheet[top : top + SIDE, left : left + SIDE] for top, left in places])


def centre(page, tile: int, columns: int = 8) -> tuple[float, float]:
    box = page.locator(".sheets canvas").first.bounding_box()
    step = box["width"] / columns
    return box["x"] + (tile % columns + 0.5) * step, box["y"] + (tile // columns + 0.5) * step


def expected(run: Run, seeds: list[int]) -> np.ndarray:
    model = run.load_model()
    with torch.no_grad():
        codes = torch.cat([model.sample_prior(1, torch.Generator().manual_seed(seed)) for seed in seeds])
        return (model.decode(codes)[:, 0] * 255).round().int().numpy()


def test_the_sheet_shows_what_the_prior_gives_and_new_ones_follow(page, served):
    generate(page)
    seeds = list(range(64))
    assert np.abs(tiles(page, ".sheets canvas", 8) - expected(served, seeds)).max() <= 3  # weights of 16 bits
    before = count(page)
    page.get_by_role("button", name="New samples").click()
    painted(page, before + 1)
    page.wait_for_url(re.compile(r"seed=64"))
    expect(page.locator(".said")).to_have_text("seeds 64 to 127")
    settled(page)
    assert np.abs(tiles(page, ".sheets canvas", 8) - expected(served, [seed + 64 for seed in seeds])).max() <= 3


def test_a_click_opens_the_sample_and_traverse_shows_the_same_picture(page, served):
    generate(page)
    page.mouse.click(*centre(page, 9))
    page.wait_for_url(re.compile(r"picked=9"))
    expect(page.get_by_text("Seed 9", exact=False).first).to_be_visible()
    expect(page.get_by_text("of a sample of the training pictures", exact=False)).to_be_visible()
    page.get_by_role("button", name="Open in Traverse").click()
    page.wait_for_selector(".stage[data-painted]")
    settled(page)
    expect(page.locator(".stage .current canvas")).to_have_attribute("width", "32")
    url = page.locator(".stage .current canvas").evaluate("canvas => canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as opened:
        assert np.abs(np.asarray(opened.convert("L")).astype(int) - expected(served, [9])[0]).max() <= 3


def test_a_drag_from_one_sample_to_another_shows_the_path_and_the_temperature_all_of_it(page, served):
    generate(page)
    page.mouse.move(*centre(page, 1))
    page.mouse.down()
    page.mouse.move(*centre(page, 2), steps=3)
    page.mouse.move(*centre(page, 20), steps=3)
    page.mouse.up()
    expect(page.locator(".path p")).to_have_text("From seed 1 to seed 20")
    assert "picked" not in page.url
    ends = expected(served, [1, 20])
    page.wait_for_timeout(1500)
    strip = tiles(page, ".strips canvas", 9)
    assert np.abs(strip[[0, -1]] - ends).max() <= 3
    assert np.abs(strip[4] - ends[0]).max() > 3
    before = count(page)
    page.locator(".temperature").fill("0")
    painted(page, before + 1)
    page.wait_for_url(re.compile(r"temperature=0"))
    model = served.load_model()
    with torch.no_grad():
        means = (model.decode(model.prior.means())[:, 0] * 255).round().int().numpy()
    shown = tiles(page, ".sheets canvas", 8)
    assert np.abs(shown[:, None] - means[None]).max((2, 3)).min(1).max() <= 3  # every sample is a component's centre
