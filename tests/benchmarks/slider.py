"""From the hand to the picture, in a real browser: python -m tests.benchmarks.slider [--model NAME] [--rounds N]

Starts the app as `make app` does, opens Traverse in headless Chromium, drags sliders with the mouse and measures inside
the page, from the time stamp of the input event to the first frame after the picture was put on its canvas:

    release -> server picture   the slider is let go, the server reruns the fragment, decodes and answers
    drag -> live picture        the slider moves, the browser decodes; an input that a later one overtook counts
                                until the picture that overtook it
    page change                 from the click on Traverse (on Home, everything loaded once) to its picture

The same is measured with `--runner.postScriptGC true`, Streamlit's default, which this app switches off.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.serving import FLAGS, IDLE, PATIENCE, arguments, model_folder, served

TARGET = 120  # ms, p95 of release -> server picture on two cores
VARIANTS = {"as shipped": (), "postScriptGC on": ("--runner.postScriptGC", "true")}
READY = ".stage[data-painted=server][data-decoder=ready]"

PROBE = """
() => {
  const stage = [...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('.stage')).find(Boolean);
  const probe = (window.probe = {inputs: new Map(), drags: [], releases: [], released: null});
  stage.addEventListener('input', event => {
    // The component counts first: its handler sits on the slider itself, below this one.
    probe.inputs.set(globalThis.__gwaeLive.sequence, event.timeStamp);
  });
  window.addEventListener('pointerup', event => {
    probe.released = {at: event.timeStamp, sequence: globalThis.__gwaeLive.sequence};
  }, true);
  const frame = then => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => then(performance.now());
    channel.port2.postMessage(0);
  });
  new MutationObserver(() => {
    const by = stage.dataset.painted, sequence = Number(stage.dataset.sequence);
    const released = probe.released;
    frame(now => {
      if (by === 'browser') {
        for (const [number, at] of probe.inputs) {
          if (number <= sequence) { probe.drags.push(now - at); probe.inputs.delete(number); }
        }
      } else if (released && sequence >= released.sequence && probe.released === released) {
        probe.releases.push(now - released.at);
        probe.released = null;
        probe.inputs.clear();
      }
    });
  }).observe(stage, {attributes: true, attributeFilter: ['data-painted', 'data-sequence']});
}
"""


def main() -> None:
    """Measure every variant and print one table."""
    options = arguments(__doc__, "mnist-gmp")
    results = {}
    with model_folder(options.model, "decoder.onnx", untrained) as (model, runs):
        for name, flags in VARIANTS.items():
            sys.stderr.write(f"{name} ...\n")
            with served(flags, runs) as address:
                results[name] = measured(address, model, options.rounds, options.chromium)
    report(results, model, options.rounds)


def untrained(folder: Path) -> None:
    """A model of the bundled one's size, with random weights."""
    from tests.fixtures import make_run
    from trainer.models.onnx_export import export_decoder

    made = make_run(folder, trained=True, z_dim=16, pictures=1000)
    export_decoder(made.load_model(), made.path / "decoder.onnx")


def measured(address: str, model: str, rounds: int, chromium: str) -> dict[str, list[float]]:
    """Milliseconds of every kind for one variant."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/traverse?model={model}")
        settled(page)
        page.evaluate(PROBE)
        for number in range(rounds):
            drag(page, number % 4, number)
        found = page.evaluate("() => ({drags: probe.drags, releases: probe.releases})")
        changes = [page_change(page) for _ in range(max(5, rounds // 5))]
        browser.close()
    return {
        "release -> server picture": found["releases"],
        "drag -> live picture": found["drags"],
        "page change": changes,
    }


def settled(page: Page) -> None:
    """Wait until the page is complete and the app at rest."""
    page.wait_for_selector(READY)
    page.wait_for_selector(IDLE)


def drag(page: Page, place: int, number: int) -> None:
    """Drag one slider to and fro and wait for the server's picture; then let the rest of the page be updated."""
    handle = page.locator(".axes.live input[type=range]").nth(place)
    box = handle.bounding_box()
    share = handle.evaluate("input => (input.value - input.min) / (input.max - input.min)")
    x, y = box["x"] + 7 + share * (box["width"] - 14), box["y"] + 27
    goal = box["x"] + box["width"] * (0.25 + 0.5 * ((number * 0.618) % 1))
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x + (goal - x) * step / 8, y)
        page.wait_for_timeout(30)
    page.mouse.up()
    page.wait_for_function("() => probe.released === null")
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(100)


def page_change(page: Page) -> float:
    """Milliseconds from the click on Traverse to its picture, starting on Home."""
    links = page.locator("[data-testid=stSidebarNavLink]")
    links.filter(has_text="Home").click()
    page.wait_for_selector(".stage", state="detached")
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(200)
    start = time.perf_counter()
    links.filter(has_text="Traverse").click()
    page.wait_for_selector(".stage[data-painted=server]")
    took = 1000 * (time.perf_counter() - start)
    settled(page)
    return took


def report(results: dict[str, dict[str, list[float]]], model: str, rounds: int) -> None:
    """Print p50 and p95 of each kind and variant, and the ratio of the second variant to the first."""
    first, second = VARIANTS
    print(f"Model {model}, {rounds} drags per variant, {os.cpu_count()} cores; milliseconds, p50 / p95 (n)")
    print(f"{'':28}{first:>22}{second:>22}{'ratio p50 / p95':>20}")
    for kind in results[first]:
        values = [np.percentile(results[name][kind], [50, 95]) for name in (first, second)]
        cells = [
            f"{p50:.0f} / {p95:.0f} ({len(results[name][kind])})"
            for name, (p50, p95) in zip((first, second), values, strict=True)
        ]
        ratio = values[1] / values[0]
        print(f"{kind:28}{cells[0]:>22}{cells[1]:>22}{f'{ratio[0]:.2f} / {ratio[1]:.2f}':>20}")
    p95 = float(np.percentile(results[first]["release -> server picture"], 95))
    print(f"Target: release -> server picture, p95 <= {TARGET} ms: {'met' if p95 <= TARGET else 'missed'} ({p95:.0f}).")


if __name__ == "__main__":
    main()
