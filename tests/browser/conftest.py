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

from tests.fixtures import make_run, write_real_digits
from tests.trainer.runs.test_picture_history import history as history_of_pictures
from trainer.runs import layout, picture_history
from trainer.system import ROOT

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
APP = str(ROOT / "explorer" / "app.py")
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
    made = make_run(root / "small-gmp", trained=True)
    picture_history.write(history_of_pictures(3, shape=made.config.data.shape), made.path / layout.PICTURE_HISTORY)
    make_run(root / "small-vae", kind="vae")
    make_run(root / "small-damaged", pictures=20)
    (root / "small-damaged" / "model.safetensors").write_bytes(b"cut short")
    return root


class App:
    """`streamlit run <script> --server.port <free>` in `folder`, from when it is healthy until `end` or `kill`.

    Args:
        runs: the folder of the user's runs.
        data: where the app looks for data sets; default what the environment says, else `folder`/data.
    """

    def __init__(self, script: str, folder: Path, runs: Path, data: Path | None = None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [str(Path(sys.executable).with_name("streamlit")), "run", script, "--server.port", str(port)]
        self.address, self._log = f"http://127.0.0.1:{port}", runs.parent / f"server-{port}.log"
        environment = os.environ | {"GWAE_RUNS": str(runs), "GWAE_NICE": "5"}  # else a busy machine stops its trainings
        environment |= {"GWAE_DATA": str(data)} if data else {}
        with open(self._log, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        wait_until(lambda: self.process.poll() is not None or healthy(self.address), START_SECONDS)
        if self.process.poll() is not None or not healthy(self.address):
            self.end()
            pytest.fail(f"the app did not start:\n{self.said[-3000:]}")

    @property
    def said(self) -> str:
        """Its output so far."""
        return self._log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def end(self) -> None:
        """End it in peace."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


@contextlib.contextmanager
def streamlit(script: str, folder: Path, runs: Path, data: Path | None = None) -> Iterator[str]:
    """The address of an App, whose output must hold no traceback in the end."""
    app = App(script, folder, runs, data)
    try:
        yield app.address
        assert "Traceback" not in app.said, app.said[-3000:]
    finally:
        app.end()


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
    """Address of the app, started from a folder that is not the repository; shared by all browser tests.

    Its data sets are real MNIST digits, also where the environment names others: the same tests everywhere.
    """
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    digits = write_real_digits(tmp_path_factory.mktemp("digits"))
    with streamlit(APP, elsewhere, served_runs, digits) as address:
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
    """A fresh page of the shared app (see fresh_page)."""
    with fresh_page(browser, server) as opened:
        yield opened


@contextlib.contextmanager
def fresh_page(browser, server: str) -> Iterator:
    """A fresh 1440 x 1000 page with `server` as its base address: page.goto("/traverse?model=small-gmp").

    In the end the page must have asked nobody but the server, and its console must hold no error but those of
    Streamlit itself, which on a link to a page looks for the server below that page's address first.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=server)
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    foreign, errors = [], []
    opened.on("request", lambda request: foreign.append(request.url) if is_foreign(request.url, server) else None)
    note = lambda message: errors.append(f"{message.text} {message.location}") if is_fault(message) else None  # noqa: E731
    opened.on("console", note)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield opened
    finally:
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
