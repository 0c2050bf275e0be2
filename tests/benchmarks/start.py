"""From the address to the first page, in a real browser: python -m tests.benchmarks.start [--rounds N]

Starts the app on the bundled models as `make app` does, and beside it a Streamlit page with a title and a button,
which is what Streamlit and the browser cost by themselves. Prints the seconds from opening the address of a fresh
server until title and first button are painted, their ratio, and the seconds of page changes afterwards.
"""

from __future__ import annotations

import argparse
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


def first_paint(browser: Browser, address: str) -> tuple[float, Page]:
    """Seconds from opening a fresh page until its title and first button are there, and the page."""
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.set_default_timeout(PATIENCE)
    start = time.perf_counter()
    page.goto(address)
    page.get_by_role("heading", name="GWAE Explorer").wait_for()
    page.get_by_role("button", name="Open in Traverse").first.wait_for()
    return time.perf_counter() - start, page


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
    app, bare, changes = [], [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (Path(folder) / "bare.py").write_text(BARE)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("GWAE_CHROMIUM") or shutil.which("chromium"), args=list(FLAGS)
        )
        for _ in range(rounds):
            with streamlit("bare.py", Path(folder), Path(folder) / "runs") as address:
                bare.append(first_paint(browser, address)[0])
            with streamlit(str(ROOT / "explorer" / "app.py"), ROOT, Path(folder) / "runs") as address:
                seconds, page = first_paint(browser, address)
                app.append(seconds)
                changes.append(page_changes(page))
        browser.close()
    ratio = median(app) / median(bare)
    print(f"first page     {median(app):.2f} s, bare Streamlit {median(bare):.2f} s, ratio {ratio:.2f}")
    print("page change    " + ", ".join(f"{median(column):.2f} s" for column in zip(*changes, strict=True)))


if __name__ == "__main__":
    main()
