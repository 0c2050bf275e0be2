"""From a factor slider to its picture in a real browser: python -m tests.benchmarks.factors [--model NAME] [--rounds N]

Starts the app as `make app` does, opens Disentangle's live view in headless Chromium, drags the factor sliders with
the mouse and measures inside the page, from the time stamp of the input event to the first frame after the server's
picture, reconstruction and code of that place (or of a later one) were drawn:

    drag -> picture      the slider moves; the server renders, encodes, decodes and answers
    release -> picture   the slider is let go, and its last picture is not there yet

Beside it, what the server computes for that without a browser: other hues (rays are cast once per scene), new scenes.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.serving import FLAGS, IDLE, PATIENCE, arguments, model_folder, served

TARGET = 150  # ms, p95 of a factor slider

PROBE = """
() => {
  const all = [...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('.stage[data-sequence]'));
  const stage = all.find(Boolean);
  const probe = (window.probe = {inputs: [], drags: [], releases: [], released: null});
  let place = null;
  stage.addEventListener('input', event => {
    place = stage.dataset.hand;
    probe.inputs.push({at: event.timeStamp, sequence: Number(place)});
  });
  window.addEventListener('pointerup', event => {
    if (place === null || Number(stage.dataset.sequence) >= Number(place)) return;
    probe.released = {at: event.timeStamp, sequence: Number(place)};
  }, true);
  const frame = then => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => then(performance.now());
    channel.port2.postMessage(0);
  });
  new MutationObserver(() => {
    const sequence = Number(stage.dataset.sequence);
    const released = probe.released;
    const due = probe.inputs.filter(input => input.sequence <= sequence);
    probe.inputs = probe.inputs.filter(input => input.sequence > sequence);
    frame(now => {
      for (const input of due) probe.drags.push(now - input.at);
      if (released && probe.released === released && sequence >= released.sequence) {
        probe.releases.push(Math.max(0, now - released.at));
        probe.released = null;
      }
    });
  }).observe(stage, {attributes: true, attributeFilter: ['data-sequence']});
}
"""


def main() -> None:
    """Measure and print one table."""
    options = arguments(__doc__, "shapes3d-fnp")
    with model_folder(options.model, "model.safetensors", untrained) as (model, runs):
        computed = on_the_server(model, runs, options.rounds)
        with served((), runs) as address:
            found = measured(address, model, options.rounds, options.chromium)
    report(found | computed, model, options.rounds)


def untrained(folder: Path) -> None:
    """A model of small networks with random weights."""
    from tests.fixtures import make_run

    make_run(folder, kind="vae", data="shapes3d-rendered", z_dim=10, pictures=500)


def on_the_server(model: str, runs: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of rendering, encoding and decoding one picture, without Streamlit and browser."""
    os.environ["GWAE_RUNS"] = runs
    from explorer.disentangle import live
    from explorer.shared import catalog, latent

    found = latent.space(catalog.find(model))
    places = {
        "server alone, another hue": [(number % 10, 6, 0, 4, 1, 7) for number in range(rounds)],
        "server alone, another scene": [
            (3, 6, 0, number // 15 % 8, number // 120 % 4, number % 15) for number in range(rounds)
        ],
    }
    live.data(found, 0, (3, 6, 0, 4, 1, 7))
    return {name: [timed(found, values) for values in wanted] for name, wanted in places.items()}


def timed(found, values: tuple[int, ...]) -> float:
    """Milliseconds for one combination."""
    from explorer.disentangle import live

    start = time.perf_counter()
    live.data(found, 0, values)
    return 1000 * (time.perf_counter() - start)


def measured(address: str, model: str, rounds: int, chromium: str) -> dict[str, list[float]]:
    """Milliseconds of every kind in the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/disentangle?model={model}&view=live")
        page.locator(".factor input").first.wait_for()
        page.wait_for_selector(IDLE)
        page.wait_for_timeout(1000)
        page.evaluate(PROBE)
        for number in range(rounds):
            drag(page, number % 6, number)
        found = page.evaluate("() => ({drags: probe.drags, releases: probe.releases})")
        browser.close()
    return {"drag -> picture": found["drags"], "release -> picture": found["releases"]}


def drag(page: Page, place: int, number: int) -> None:
    """Drag one slider over half its length, and wait until the last picture is there."""
    handle = page.locator(".factor input").nth(place)
    box = handle.bounding_box()
    share = handle.evaluate("input => (input.value - input.min) / (input.max - input.min)")
    x, y = box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2
    goal = box["x"] + box["width"] * (0.05 + 0.35 * ((number * 0.618) % 1) + (0.55 if share < 0.5 else 0))
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x + (goal - x) * step / 8, y)
        page.wait_for_timeout(40)
    page.mouse.up()
    page.wait_for_function("() => probe.released === null && probe.inputs.length === 0")
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(150)


def report(results: dict[str, list[float]], model: str, rounds: int) -> None:
    """Print p50 and p95 of each kind, and the ratio of p95 to the target."""
    print(f"Model {model}, {rounds} drags, {os.cpu_count()} cores; milliseconds, p50 / p95 (n), p95 over {TARGET} ms")
    for kind, values in results.items():
        p50, p95 = np.percentile(values, [50, 95])
        print(f"{kind:30}{f'{p50:.0f} / {p95:.0f} ({len(values)})':>22}{p95 / TARGET:>10.2f}")
    worst = max(float(np.percentile(results[kind], 95)) for kind in ("drag -> picture", "release -> picture"))
    print(f"Target: a factor slider is answered within {TARGET} ms, p95: {'met' if worst <= TARGET else 'missed'}.")


if __name__ == "__main__":
    main()
