"""The real command, a real Chromium. `server` and `page` are what most tests need."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixtures import make_run

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
START_SECONDS = 120
PATIENCE = 90_000  # milliseconds; the machine may be training at the same time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def served_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs folder of the served app: one small model per kind, and a damaged folder."""
    root = tmp_path_factory.mktemp("served") / "runs"
    make_run(root / "small-gmp", trained=True)
    make_run(root / "small-vae", kind="vae")
    make_run(root / "small-damaged", pictures=20)
    (root / "small-damaged" / "model.safetensors").write_bytes(b"cut short")
    return root


@contextlib.contextmanager
def streamlit(script: str, folder: Path, runs: Path) -> Iterator[str]:
    """`streamlit run <script> --server.port <free>` in `folder`; yields its address when it is healthy."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("streamlit")), "run", script, "--server.port", str(port)]
    log = runs.parent / f"server-{port}.log"
    environment = os.environ | {"GWAE_RUNS": str(runs)}
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: process.poll() is not None or healthy(address), START_SECONDS)
        if process.poll() is not None or not healthy(address):
            pytest.fail(f"the app did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")
        yield address
        said = log.read_text(encoding="utf-8")
        assert "Traceback" not in said, said[-3000:]
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def healthy(address: str) -> bool:
    """Whether the server answers."""
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Return when the condition holds, or after so many seconds."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


@pytest.fixture(scope="session")
def server(chromium: str, served_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app, started from a folder that is not the repository; shared by all browser tests."""
    with streamlit(str(ROOT / "explorer" / "app.py"), tmp_path_factory.mktemp("elsewhere"), served_runs) as address:
        yield address


@pytest.fixture(scope="session")
def browser(chromium: str):
    """Headless Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def page(browser, server: str):
    """A fresh 1440 x 1000 page with `server` as its base address: page.goto("/traverse?model=small-gmp").

    When the test ends, the page must have asked nobody but the server, and its console must hold no error but those
    of Streamlit itself, which on a link to a page looks for the server below that page's address first.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=server)
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    foreign, errors = [], []
    opened.on("request", lambda request: foreign.append(request.url) if is_foreign(request.url, server) else None)
    note = lambda message: errors.append(f"{message.text} {message.location}") if is_fault(message) else None  # noqa: E731
    opened.on("console", note)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert foreign == []
    assert errors == []


def is_foreign(url: str, server: str) -> bool:
    """Whether a request leaves this machine's app."""
    return not url.startswith((server, server.replace("http", "ws", 1), "data:", "blob:"))


def is_fault(message) -> bool:
    """Whether a console message is an error that is not Streamlit's search for its own server."""
    return message.type == "error" and "/_stcore/" not in message.location.get("url", "")


def settled(opened, seconds: float = PATIENCE / 1000) -> None:
    """Wait until the app has finished running and has painted the result."""
    opened.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=seconds * 1000)
    opened.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture(scope="session", autouse=True)
def _no_leftovers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    for folder in tmp_path_factory.getbasetemp().glob("served*"):
        shutil.rmtree(folder, ignore_errors=True)
