"""Traverse in a real browser: opening it, and what its panel and its address say."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fixtures import make_run
from trainer.models.onnx_export import export_decoder
from trainer.runs.folder import Run

PATIENCE = 90_000  # ms; a busy machine is no failure


def bring_decoder(served_runs: Path) -> None:
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
