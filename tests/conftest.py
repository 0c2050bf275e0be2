"""What all tests share. Pytest loads this file first, so the threads are set before torch is imported."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

# One thread each: the tests run beside a browser and a server on few cores, and sums are then the same everywhere.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
# A user's own Streamlit settings must not decide what the tests see.
for _variable in [name for name in os.environ if name.startswith("STREAMLIT_")]:
    del os.environ[_variable]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of real data sets in torchvision's layout; the test is skipped, visibly, where there is none."""
    folder = os.environ.get("GWAE_DATA")
    if not folder:
        pytest.skip("real data: set GWAE_DATA to a folder in torchvision's layout")
    root = Path(folder).expanduser()
    if not root.is_dir():
        pytest.fail(f"GWAE_DATA={folder} is not a folder")
    return root.resolve()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; without one the test is skipped, or fails where GWAE_REQUIRE_BROWSER is set."""
    for name in (os.environ.get("GWAE_CHROMIUM"), *BROWSERS):
        if name and (path := shutil.which(name)):
            return path
    reason = "no Chromium found; install Debian's package 'chromium' or set GWAE_CHROMIUM to its path"
    if os.environ.get("GWAE_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)
