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

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TARGET = 120  # ms, p95 of release -> server picture on two cores
PATIENCE = 120_000  # ms
VARIANTS = {"as shipped": (), "postScriptGC on": ("--runner.postScriptGC", "true")}
READY = ".stage[data-painted=server][data-decoder=ready]"
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"

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
    options = arguments()
    results = {}
    with model_folder(options.model) as (model, runs):
        for name, flags in VARIANTS.items():
            sys.stderr.write(f"{name} ...\n")
            with served(flags, runs) as address:
                results[name] = measured(address, model, options.rounds, options.chromium)
    report(results, model, options.rounds)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", default="mnist-gmp", help="a bundled model, or a run in $GWAE_RUNS (default mnist-gmp)"
    )
    parser.add_argument("--rounds", type=int, default=40, help="drags per variant (default 40)")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    parser.add_argument("--chromium", default=os.environ.get("GWAE_CHROMIUM", found), help="path of Chromium")
    options = parser.parse_args()
    if not options.chromium:
        parser.error("no Chromium found; install one or give its path with --chromium")
    return options


@contextlib.contextmanager
def model_folder(name: str) -> Iterator[tuple[str, str]]:
    """The named model where there is one, else an untrained one of the same size, made for the occasion."""
    own = os.environ.get("GWAE_RUNS", str(ROOT / "runs"))
    if any((Path(root) / name / "decoder.onnx").is_file() for root in (ROOT / "pretrained", own)):
        yield name, own
        return
    sys.stderr.write(f"There is no model '{name}' with a decoder.onnx; an untrained one of that size stands in.\n")
    from tests.fixtures import make_run
    from trainer.export import export_decoder

    with tempfile.TemporaryDirectory() as folder:
        made = make_run(Path(folder) / "stand-in", trained=True, z_dim=16, pictures=1000)
        export_decoder(made.load_model(), made.path / "decoder.onnx")
        yield "stand-in", folder


@contextlib.contextmanager
def served(flags: tuple[str, ...], runs: str) -> Iterator[str]:
    """The app with these flags; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    streamlit = Path(sys.executable).with_name("streamlit")
    command = [str(streamlit), "run", "explorer/app.py", "--server.port", str(port), *flags]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"GWAE_RUNS": runs}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


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
