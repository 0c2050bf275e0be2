"""What the benchmarks in a browser share: their command line, a model, the app served as `make app` does."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.browser.conftest import FLAGS, ROOT, healthy, wait_until

__all__ = ["FLAGS", "IDLE", "PATIENCE", "ROOT", "arguments", "model_folder", "served"]

PATIENCE = 120_000  # ms
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


def arguments(doc: str, model: str) -> argparse.Namespace:
    """The command line: model, rounds and Chromium.

    Args:
        doc: the benchmark's own text, of which the first line describes it.
        model: its default model.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--model", default=model, help=f"a bundled model, or a run in $GWAE_RUNS (default {model})")
    parser.add_argument("--rounds", type=int, default=40, help="drags per variant (default 40)")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    parser.add_argument("--chromium", default=os.environ.get("GWAE_CHROMIUM", found), help="path of Chromium")
    options = parser.parse_args()
    if not options.chromium:
        parser.error("no Chromium found; install one or give its path with --chromium")
    return options


@contextlib.contextmanager
def model_folder(name: str, needed: str, stand_in: Callable[[Path], object]) -> Iterator[tuple[str, str]]:
    """Name and folder of the model where there is one, else of one made for the occasion.

    Args:
        needed: the file that a usable model has.
        stand_in: makes a run in the folder it is given.
    """
    own = os.environ.get("GWAE_RUNS", str(ROOT / "runs"))
    if any((Path(root) / name / needed).is_file() for root in (ROOT / "pretrained", own)):
        yield name, own
        return
    sys.stderr.write(f"There is no model '{name}' with a {needed}; an untrained one stands in.\n")
    with tempfile.TemporaryDirectory() as folder:
        stand_in(Path(folder) / "stand-in")
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
        wait_until(lambda: healthy(address), 60)
        yield address
    finally:
        process.terminate()
        process.wait(20)
