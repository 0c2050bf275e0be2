"""From the address to the first page, in a real browser: python -m tests.benchmarks.start [--rounds N]

Starts the app on the bundled models as `make app` does, and beside it a Streamlit page with a title and a button,
which is what Streamlit and the browser cost by themselves. Prints the seconds from opening the address of a fresh
server until title and first button are painted, their ratio, the seconds until a digit of the first screen lights its
pairs at a click, the frames a second while one is dragged, and the seconds of page changes afterwards.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import FLAGS, PATIENCE, ROOT, settled, streamlit

BARE = """import streamlit as st
st.title("GWAE Explorer")
st.button("Open in Traverse")
"""

TARGET_USABLE, TARGET_FRAMES = 2.5, 50.0
DRAG_SECONDS = 3.0
WATCH = """
() => {
  window.watched = [];
  const note = time => window.watched.push(time) && requestAnimationFrame(note);
  requestAnimationFrame(note);
}
"""


def first_paint(browser: Browser, address: str) -> tuple[float, float, Page]:
    """Seconds until title and first button of a fresh page are there, when it was opened, and the page."""
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.set_default_timeout(PATIENCE)
    start = time.perf_counter()
    page.goto(address)
    page.get_by_role("heading", name="GWAE Explorer").wait_for()
    page.get_by_role("button", name="Open in Traverse").first.wait_for()
    return time.perf_counter() - start, start, page


def usable(page: Page, since: float) -> float:
    """Seconds until a digit on the board answers a click."""
    page.locator(".distances[data-ready]").wait_for()
    page.mouse.click(*middle(page))
    page.locator(".plot circle.lit").first.wait_for()
    return time.perf_counter() - since


def middle(page: Page) -> tuple[float, float]:
    """Where the first digit on the board is."""
    box = page.locator(".board .tile").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def dragged(page: Page) -> float:
    """Frames a second while a digit follows the pointer, once everything is loaded."""
    settled(page)
    page.locator(".uses[data-ready]").wait_for(state="attached")
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(WATCH)
    end, turn = time.perf_counter() + DRAG_SECONDS, 0.0
    while time.perf_counter() < end:
        turn += 0.1
        page.mouse.move(x + 150 - 150 * math.cos(turn), y + 100 * math.sin(turn) ** 2)
    times = page.evaluate("() => window.watched")
    page.mouse.up()
    return 1000 * (len(times) - 1) / (times[-1] - times[0])


def page_changes(page: Page) -> list[float]:
    """Seconds from a click in the navigation to the other page's title, both ways and twice."""
    settled(page)
    seconds = []
    for name, heading in (("Traverse", "Traverse"), ("Home", "GWAE Explorer")) * 2:
        start = time.perf_counter()
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        seconds.append(time.perf_counter() - start)
        settled(page)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    app, bare, changes, ready, frames = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (Path(folder) / "bare.py").write_text(BARE)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("GWAE_CHROMIUM") or shutil.which("chromium"), args=list(FLAGS)
        )
        for _ in range(rounds):
            with streamlit("bare.py", Path(folder), Path(folder) / "runs") as address:
                bare.append(first_paint(browser, address)[0])
            with streamlit(str(ROOT / "explorer" / "app.py"), ROOT, Path(folder) / "runs") as address:
                seconds, start, page = first_paint(browser, address)
                app.append(seconds)
                ready.append(usable(page, start))
                frames.append(dragged(page))
                changes.append(page_changes(page))
        browser.close()
    ratio = median(app) / median(bare)
    print(f"first page     {median(app):.2f} s, bare Streamlit {median(bare):.2f} s, ratio {ratio:.2f}")
    print(
        f"first screen   {median(ready):.2f} s until it answers (target {TARGET_USABLE}), while a digit is dragged "
        f"{median(frames):.0f} frames a second (target {TARGET_FRAMES:.0f})"
    )
    print("page change    " + ", ".join(f"{median(column):.2f} s" for column in zip(*changes, strict=True)))


if __name__ == "__main__":
    main()
