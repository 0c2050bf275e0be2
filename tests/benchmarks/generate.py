"""Sheets of samples under the hand, in a real browser: python -m tests.benchmarks.generate [--model NAME] [--rounds N]

Starts the app, opens Generate in headless Chromium and measures inside the page, for the model and, in the same run,
for a 32x32 model beside it:

    new samples       from the click on the button to the last of the 64 pictures
    live sheet        whole 8x8 sheets a second while the temperature is dragged
"""

from __future__ import annotations

import os
import sys

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.serving import FLAGS, IDLE, PATIENCE, arguments, model_folder, served
from tests.benchmarks.slider import untrained

BESIDE = "mnist-gmp"
SECONDS = 3.0
TARGET_SHEETS, TARGET_NEW = 8.0, 150.0

DRAG = """
async ([root, seconds]) => {
  const slider = root.querySelector('.temperature');
  const [drawn, begin] = [Number(root.dataset.drawn), performance.now()];
  const painted = Number(root.dataset.painted);
  for (let at = 0; performance.now() - begin < 1000 * seconds; at++) {
    slider.value = String(0.75 + 0.5 * Math.sin(at / 20));
    slider.dispatchEvent(new Event('input'));
    await new Promise(done => setTimeout(done, 16));
  }
  while (Number(root.dataset.painted) === painted) await new Promise(done => setTimeout(done, 1));
  return (Number(root.dataset.drawn) - drawn) / 64 / ((performance.now() - begin) / 1000);
}
"""
RENEW = """
async root => {
  const painted = Number(root.dataset.painted);
  root.querySelector('.new').click();
  while (Number(root.dataset.painted) === painted) await new Promise(done => setTimeout(done, 1));
  return Number(root.dataset.took);
}
"""


def main() -> None:
    """Measure both models in turn and print one table."""
    options = arguments(__doc__, "faces-np")
    with model_folder(options.model, "decoder.onnx", untrained) as (model, runs), served((), runs) as address:
        names = list(dict.fromkeys((model, BESIDE)))
        found = {name: measured(address, name, options.rounds, options.chromium) for name in names}
    print(f"{options.rounds} rounds, {os.cpu_count()} cores")
    print(f"{'':16}{'new samples, ms p50 / p95':>28}{'live sheets a second':>24}")
    for name, (new, sheets) in found.items():
        p50, p95 = np.percentile(new, [50, 95])
        print(f"{name:16}{f'{p50:.0f} / {p95:.0f}':>28}{np.median(sheets):>24.1f}")
    new, sheets = found[model]
    met = np.percentile(new, 95) <= TARGET_NEW and np.median(sheets) >= TARGET_SHEETS
    print(f"Targets: p95 <= {TARGET_NEW:.0f} ms and at least {TARGET_SHEETS:.0f} sheets: {'met' if met else 'missed'}.")


def measured(address: str, model: str, rounds: int, chromium: str) -> tuple[list[float], list[float]]:
    """Milliseconds to new samples, and sheets a second."""
    sys.stderr.write(f"{model} ...\n")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/generate?model={model}")
        page.wait_for_selector(".samples[data-painted]")
        settled(page)
        root = page.locator(".samples").element_handle()
        new, sheets = [], []
        for _ in range(rounds):
            new.append(page.evaluate(RENEW, root))
            settled(page)
        for _ in range(max(1, rounds // 5)):
            sheets.append(page.evaluate(DRAG, [root, SECONDS]))
            settled(page)
        browser.close()
    return new, sheets


def settled(page: Page) -> None:
    """Wait until the report has been sent and answered."""
    page.wait_for_timeout(500)
    page.wait_for_selector(IDLE)


if __name__ == "__main__":
    main()
