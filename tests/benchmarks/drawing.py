"""From the pen to the verdict, and 200 uploads: python -m tests.benchmarks.drawing [--model NAME] [--rounds N]

Opens Out of distribution, Draw one yourself, in headless Chromium, draws strokes with the mouse and measures inside the
page, from the time stamp of a pointer event to the first frame after its verdict was put on the page (an event that a
later one overtook counts until the verdict that overtook it). Then, without a browser, reads 200 photographs and 200
pictures of the model's own size, and chooses versions and scores as the page does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.serving import FLAGS, PATIENCE, ROOT, arguments, served
from tests.handwriting import digits, photographed, png, written

TARGET, UPLOADS_TARGET, UPLOADS = 50, 2.0, 200  # ms, p95; seconds; pictures
PROBE = """
() => {
  const root = [...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('.drawing')).find(Boolean);
  const probe = (window.probe = {events: new Map(), taken: []});
  const heard = event => event.buttons && probe.events.set(Number(root.dataset.drawn), event.timeStamp);
  for (const name of ['pointerdown', 'pointermove']) root.addEventListener(name, heard);
  new MutationObserver(() => requestAnimationFrame(() => {
    const channel = new MessageChannel(), version = Number(root.dataset.version);
    channel.port1.onmessage = () => {
      const now = performance.now();
      for (const [number, at] of probe.events) {
        if (number <= version) { probe.taken.push(now - at); probe.events.delete(number); }
      }
    };
    channel.port2.postMessage(0);
  })).observe(root, {attributes: true, attributeFilter: ['data-version']});
}
"""


def main() -> None:
    """Measure and print both."""
    options = arguments(__doc__, "mnist-gmp")
    with served((), str(ROOT / "runs")) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE)
        taken = strokes(page, f"{address}/ood?model={options.model}&view=draw", options.rounds)
        browser.close()
    low, high = np.percentile(taken, [50, 95])
    print(f"stroke to verdict, {len(taken)} events: p50 {low:.0f} ms, p95 {high:.0f} ms (at most {TARGET})")
    own = [png(digit) for digit in digits(UPLOADS)]
    photos = [photographed(written(digit), i) for i, digit in enumerate(digits(UPLOADS))]
    for what, files in (("digits as they are", own), ("photographs of digits", photos)):
        read, chosen, scored = uploads(options.model, files)
        print(
            f"{UPLOADS} {what}: {read + chosen + scored:.2f} s (at most {UPLOADS_TARGET}): read {read:.2f}, "
            f"versions {chosen:.2f}, scores {scored:.2f}"
        )


def strokes(page: Page, address: str, rounds: int) -> list[float]:
    """Milliseconds of each event of zigzag strokes."""
    page.goto(address)
    page.locator(".drawing[data-ready]").wait_for()
    page.evaluate(PROBE)
    box = page.locator(".paper").bounding_box()
    random = np.random.default_rng(0)
    for _ in range(rounds):
        places = (
            box["x"] + random.uniform(0.2, 0.8, 4) * box["width"],
            box["y"] + random.uniform(0.2, 0.8, 4) * box["height"],
        )
        page.mouse.move(places[0][0], places[1][0])
        page.mouse.down()
        for x, y in zip(*places, strict=True):
            page.mouse.move(x, y, steps=5)
            page.wait_for_timeout(60)
        page.mouse.up()
        page.wait_for_timeout(200)
        if page.locator(".clear").is_enabled():
            page.locator(".clear").click()
    return page.evaluate("window.probe.taken")


def uploads(model: str, files: list[bytes]) -> tuple[float, float, float]:
    """Seconds to read files, to choose their versions and to score them, once everything is loaded."""
    from explorer.shared.uploads import read_files
    from trainer.ood import neighbours, pictures, preparation
    from trainer.runs.folder import Run

    run = Run(ROOT / "pretrained" / model)
    network, wanted, known = run.load_model(), preparation.of_run(run), neighbours.read(run)
    named = [(f"{i}.png", content) for i, content in enumerate(files)]
    read_files(named[:2], run.config.data.shape)

    def timed(act: Callable):
        begun = time.perf_counter()
        return act(), time.perf_counter() - begun

    own, read = timed(lambda: read_files(named, run.config.data.shape))
    found, chosen = timed(lambda: pictures.prepared(run, network, own.arrays, own.details, wanted))
    given = {"model": network, "known": known, "versions": found.versions}
    _, scored = timed(lambda: pictures.score_pictures(run, found.arrays, own.names, **given))
    return read, chosen, scored


if __name__ == "__main__":
    sys.exit(main())
