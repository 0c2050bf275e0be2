"""One picture of every view as a phone shows it: python -m tests.sheet docs/phone.jpg [Chromium].

It opens the addresses of tests/browser/test_layout.py with the bundled models alone: no picture of a person is on it.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

from explorer.shared import export
from tests.browser.conftest import APP, FLAGS, PATIENCE, settled, streamlit
from tests.browser.test_layout import ADDRESSES, SIDEBAR_IS_AWAY

WIDTH, SHOWN = 390, 195
TALLEST = 1300  # pixels of a page; what is below is left out
COLUMNS = 8
GAP, HEAD = 16, 40


def shots(chromium: str, address: str) -> list[tuple[str, Image.Image]]:
    """Return every view's address and picture."""
    made = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for view in ADDRESSES:
            context = browser.new_context(viewport={"width": WIDTH, "height": TALLEST}, base_url=address)
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.goto(view)
            page.wait_for_selector("h1")
            settled(page)
            page.wait_for_load_state("networkidle")
            page.wait_for_function(SIDEBAR_IS_AWAY)
            settled(page)
            made.append((view, Image.open(io.BytesIO(page.screenshot())).convert("RGB")))
            context.close()
        browser.close()
    return made


def sheet(made: list[tuple[str, Image.Image]]) -> Image.Image:
    """Return the pictures in rows of COLUMNS, each below its address."""
    height = TALLEST * SHOWN // WIDTH + HEAD
    rows = -(-len(made) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * (SHOWN + GAP) + GAP, rows * (height + GAP) + GAP), "#d7dbe2")
    draw = ImageDraw.Draw(whole)
    for place, (view, picture) in enumerate(made):
        x, y = GAP + place % COLUMNS * (SHOWN + GAP), GAP + place // COLUMNS * (height + GAP)
        page, _, link = view.partition("?")
        options = link.replace("model=", "").split("&")
        draw.text((x, y), f"{page.strip('/') or 'home'} {options[0]}", fill=export.INK, font=export.font(14))
        draw.text((x, y + 17), " ".join(options[1:])[:34], fill=export.QUIET, font=export.font(12))
        whole.paste(picture.resize((SHOWN, height - HEAD), Image.Resampling.LANCZOS), (x, y + HEAD))
    return whole


def main(path: str, chromium: str = "/usr/bin/chromium") -> None:
    """Write the sheet."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        runs.mkdir()
        with streamlit(APP, Path(folder), runs) as address:
            sheet(shots(chromium, address)).save(path, quality=80, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
