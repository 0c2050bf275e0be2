"""One picture of every view as a phone shows it: python -m tests.sheet docs/phone.jpg [Chromium].

It opens the addresses of tests/browser/test_layout.py with the bundled models alone: no photograph of a person is on
it, as faces are samples of a model.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import TimeoutError, sync_playwright

from explorer.shared import export
from tests.browser.conftest import APP, FLAGS, PATIENCE, settled, streamlit
from tests.browser.test_layout import ADDRESSES, SIDEBAR_IS_AWAY
from trainer.system import ROOT

WIDTH, SHOWN = 390, 195
TALLEST = 2600  # pixels of a page; what is below is left out
QUIET, LONGEST = 3, 25  # pictures of the screen, 2 s apart, that have to be equal; and how many there are at most
PAINTED = """() => { const all = node => [...node.querySelectorAll("*")].flatMap(each =>
    [each, ...(each.shadowRoot ? all(each.shadowRoot) : [])]);
    const empty = each => each.checkVisibility() && each.width && each.height
        && !each.getContext("2d").getImageData(0, 0, each.width, each.height).data.some(Boolean);
    const isLate = each => each.matches("img") ? !each.complete : each.matches("canvas:not(.lines)") && empty(each);
    return !all(document).some(isLate); }"""
"""Whether pictures are there that the browser decodes, which may take a while after everything else."""
SHORT = """folder => { const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(folder, ""); }"""
"""Leaves out where the checkout lies."""
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
            with contextlib.suppress(TimeoutError):  # some canvases stay empty
                page.wait_for_function(PAINTED, timeout=30_000)
            page.evaluate(SHORT, f"{ROOT}/")
            made.append((view, Image.open(io.BytesIO(at_rest(page))).convert("RGB")))
            print(view, file=sys.stderr, flush=True)
            context.close()
        browser.close()
    return made


def at_rest(page) -> bytes:
    """Return a picture of the page, PNG, once nothing on it changes any more."""
    same, picture = 0, page.screenshot()
    for _ in range(LONGEST):
        page.wait_for_timeout(2000)
        before, picture = picture, page.screenshot()
        same = same + 1 if picture == before else 0
        if same == QUIET - 1:
            break
    return picture


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
            sheet(shots(chromium, address)).save(path, quality=65, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
