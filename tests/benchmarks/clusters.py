"""Times of the Clusters page in a real Chromium: `python -m tests.benchmarks.clusters [run folder]`.

Prints, per number of codes: first paint of the map in a fresh browser page, release of the lasso to the painted
gallery, and the first and a later click on an empty place to the painted picture. Goals on two idle cores, 10,000
codes: 3 s, 0.5 s, 0.3 s. Without a folder the bundled mnist-gmp is taken; 100,000 codes are its own, ten times, with
a little noise.
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

CHART = ".st-key-clusters-chart .js-plotly-plot"
PAINTED = f"() => document.querySelector('{CHART} .gl-canvas') && document.querySelector('{CHART}')._fullLayout"
AT = """([selector, fx, fy]) => {
  const box = document.querySelector(selector + " .nsewdrag").getBoundingClientRect();
  return [box.left + fx * box.width, box.top + fy * box.height];
}"""
GAP = """(selector) => {
  // the lattice point of the map that has most room around it, in pixels of the page
  const chart = document.querySelector(selector), { xaxis, yaxis } = chart._fullLayout;
  const box = chart.getBoundingClientRect();
  const pixel = (x, y) => [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
  const read = (values) => Array.from(values._inputArray ?? values);
  const points = [], empty = [];
  for (const trace of chart._fullData) {
    const into = trace.hoverinfo === "none" ? empty : points;
    const [x, y] = [read(trace.x), read(trace.y)];
    const stride = into === points ? 7 : 3;
    for (let i = 0; i < x.length; i += stride) if (x[i] === x[i]) into.push(pixel(x[i], y[i]));
  }
  const [left, right, top, bottom] = [box.left + 60, box.right - 60, box.top + 60, box.bottom - 90];
  const inside = empty.filter(([x, y]) => x > left && x < right && y > top && y < bottom);
  const room = ([x, y]) => Math.min(...points.map(([a, b]) => Math.hypot(a - x, b - y)));
  return inside.map((place) => [room(place), place]).sort((a, b) => b[0] - a[0]).slice(0, 12).map((pair) => pair[1]);
}"""


def main() -> None:
    """Measure both sizes and print one line each."""
    from playwright.sync_api import sync_playwright

    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "pretrained" / "mnist-gmp"
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        shutil.copytree(source, runs / "small", ignore=shutil.ignore_patterns("training"))
        shutil.copytree(runs / "small", runs / "large")
        _enlarge(runs / "large")
        os.environ["GWAE_CACHE"] = str(Path(folder) / "cache")
        with (
            streamlit(str(ROOT / "explorer" / "app.py"), Path(folder), runs) as address,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
            for name, link in (("first visit", "small"), ("10,000", "small"), ("100,000", "large&points=20000")):
                print(f"{name:12}", _measure(browser, f"{address}/clusters?model={link}"), flush=True)
            browser.close()


def _enlarge(folder: Path) -> None:
    """Ten times the codes, each copy a little off, so that the page has to sample."""
    table = pd.read_parquet(folder / "codes.parquet")
    many = pd.concat([table] * 10, ignore_index=True)
    axes = [name for name in many if name[0] == "z" and name[1:].isdigit()]
    many[axes] += np.random.default_rng(0).normal(0, 0.05, (len(many), len(axes))).astype(np.float32)
    many["id"] = [f"{name}-{row // len(table)}" for row, name in enumerate(many["id"])]
    many.to_parquet(folder / "codes.parquet")
    (folder / "map.parquet").unlink(missing_ok=True)


def _measure(browser, address: str) -> str:
    """One visit: paint, click twice, lasso."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_function(PAINTED, timeout=120_000)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    times = {"map": time.perf_counter() - start}
    settled(page, 120)
    for name, place in zip(("first click", "later click"), page.evaluate(GAP, CHART)[::6], strict=False):
        page.mouse.move(*place)
        page.wait_for_timeout(400)
        before = page.locator(".st-key-clusters-panel").inner_html()
        start = time.perf_counter()
        page.mouse.down()
        page.mouse.up()
        page.wait_for_function(_CHANGED, arg=before, polling=10, timeout=60_000)
        times[name] = time.perf_counter() - start
        settled(page, 60)
    page.locator(".modebar-btn[data-val=lasso]").click()
    corners = [
        page.evaluate(AT, [CHART, x, y]) for x, y in ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3))
    ]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=8)
    start = time.perf_counter()
    page.mouse.up()
    page.wait_for_function("() => document.body.innerText.match(/[0-9,]+ selected/)", polling=10, timeout=60_000)
    times["lasso"] = time.perf_counter() - start
    selected = page.get_by_role("heading", name="selected").inner_text()
    context.close()
    return "  ".join(f"{name} {seconds:.2f} s" for name, seconds in times.items()) + f"  ({selected})"


_CHANGED = """(before) => {
  const panel = document.querySelector(".st-key-clusters-panel");
  const image = panel?.querySelector("img");
  const said = panel && panel.innerHTML !== before && /Empty place/.test(panel.innerText);
  return said && image?.complete && image.naturalWidth;
}"""


if __name__ == "__main__":
    main()
