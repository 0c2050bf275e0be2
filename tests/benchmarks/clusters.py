"""Times of the Clusters page in a real Chromium: `python -m tests.benchmarks.clusters [run folder] [--million]`.

Prints, per number of codes: page to painted map in a fresh browser page, and its ratio to the page's heading, which is
Streamlit's own start; the hand to the lens's decoded picture at an empty place; a click there to the panel's picture;
release of the lasso to the painted gallery. Goals on two idle cores: 1.5 s for 10,000 codes and 2.5 s for 100,000, 30
ms (p95), 0.3 s, 0.3 s. Without a folder the bundled mnist-gmp is taken; 100,000 codes are its own, ten times, with a
little noise. `--million` adds a million.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tests.browser.conftest import FLAGS, ROOT, settled, streamlit

MOVES = 80
LOOKED = "element => [Number(element.dataset.looked ?? 0), Number(element.dataset.took)]"


def main() -> None:
    """Measure all sizes and print one line each."""
    from playwright.sync_api import sync_playwright

    folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    source = Path(folders[0]) if folders else ROOT / "pretrained" / "mnist-gmp"
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        shutil.copytree(source, runs / "small", ignore=shutil.ignore_patterns("training"))
        visits = {"first visit": "small", "10,000": "small"}
        larger = {"large": 10, "huge": 100} if "--million" in sys.argv else {"large": 10}
        for name, times in larger.items():
            shutil.copytree(runs / "small", runs / name)
            count = _enlarge(runs / name, times)
            visits |= {f"first {count:,}": f"{name}&points={count}", f"{count:,}": f"{name}&points={count}"}
        os.environ["GWAE_CACHE"] = str(Path(folder) / "cache")
        with (
            streamlit(str(ROOT / "explorer" / "app.py"), Path(folder), runs) as address,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
            for name, link in visits.items():
                load = os.getloadavg()[0]
                said = _measure(browser, f"{address}/clusters?model={link}")
                print(f"{name:15}", said, f"load {load:.1f}", flush=True)
            browser.close()


def _enlarge(folder: Path, times: int) -> int:
    """Multiply the codes, each copy a little off, and return how many there are."""
    table = pd.read_parquet(folder / "codes.parquet")
    many = pd.concat([table] * times, ignore_index=True)
    axes = [name for name in many if name[0] == "z" and name[1:].isdigit()]
    many[axes] += np.random.default_rng(0).normal(0, 0.05, (len(many), len(axes))).astype(np.float32)
    many["id"] = [f"{name}-{row // len(table)}" for row, name in enumerate(many["id"])]
    many.to_parquet(folder / "codes.parquet")
    (folder / "map.parquet").unlink(missing_ok=True)
    return len(many)


def _measure(browser, address: str) -> str:
    """One visit: paint, hover, click, lasso."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("h1", timeout=600_000)
    heading = time.perf_counter() - start
    page.wait_for_selector(".scatter[data-painted]", timeout=600_000)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    painted = time.perf_counter() - start
    settled(page, 600)
    page.locator(".badges canvas").first.wait_for()
    page.wait_for_timeout(1500)  # the decoder's start, once for a session
    box = page.locator(".field").bounding_box()
    hover = _hover(page, box)
    clicked = _click(page, box)
    lasso, selected = _lasso(page, box)
    context.close()
    p50, p95 = np.quantile(hover, [0.5, 0.95])
    return (
        f"map {painted:.2f} s ({painted / heading:.2f} of the heading's {heading:.2f} s)  "
        f"hover {p50:.0f} ms, p95 {p95:.0f} ms ({p95 / p50:.1f} of the median)  click {clicked:.2f} s  "
        f"lasso {lasso:.2f} s ({selected})"
    )


def _hover(page, box: dict[str, float]) -> list[float]:
    """Milliseconds from a move of the pointer to the lens's picture."""
    scatter, found = page.locator(".scatter"), []
    random = np.random.default_rng(0)
    for x, y in random.uniform(0.05, 0.95, (MOVES, 2)):
        before, _ = scatter.evaluate(LOOKED)
        page.mouse.move(box["x"] + x * box["width"], box["y"] + (0.12 + 0.85 * y) * box["height"])
        for _ in range(100):
            count, took = scatter.evaluate(LOOKED)
            if count > before:
                found.append(took)
                break
            page.wait_for_timeout(5)
    return found


def _click(page, box: dict[str, float]) -> float:
    """Seconds from a click on the map's upper left corner, where no point is, to the panel's picture."""
    page.mouse.move(box["x"] + 12, box["y"] + 60)
    start = time.perf_counter()
    page.mouse.down()
    page.mouse.up()
    page.locator(".st-key-clusters-panel").get_by_text("Empty place", exact=True).wait_for(timeout=60_000)
    page.locator(".st-key-clusters-panel img").first.wait_for(timeout=60_000)
    seconds = time.perf_counter() - start
    settled(page, 60)
    return seconds


def _lasso(page, box: dict[str, float]) -> tuple[float, str]:
    """Seconds from the lasso's release to the painted gallery, and what its heading says."""
    page.locator("[data-mode=lasso]").click()
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    start = time.perf_counter()
    page.mouse.up()
    page.get_by_role("heading", name="selected").wait_for(timeout=60_000)
    page.locator(".gallery[data-painted] .name").first.wait_for(timeout=60_000)
    return time.perf_counter() - start, page.get_by_role("heading", name="selected").inner_text()


if __name__ == "__main__":
    main()
