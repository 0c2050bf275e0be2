"""The browser's code: its types, its style and the tests of its pure functions, by the tools of package.json."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from trainer.system import ROOT

TOOLS = ROOT / "node_modules"


def ran(*command: str) -> str:
    """What a command of package.json says, which must succeed; skipped, visibly, where it is not installed."""
    present = shutil.which("node") and (command[0] == "node" or TOOLS.is_dir())
    if not present:
        reason = "no Node, or no node_modules: install Debian's packages 'nodejs' and 'npm', then run `make venv`"
        if os.environ.get("GWAE_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    path = f"{TOOLS / '.bin'}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_types_hold():
    ran("tsc", "--project", "tsconfig.json")


def test_style_and_formatting():
    ran("biome", "ci")


def test_pure_functions():
    files = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.js"))
    said = ran("node", "--test", "--test-reporter=tap", *files)
    passed = int(re.search(r"^# pass (\d+)$", said, re.MULTILINE)[1])
    assert passed == sum(Path(file).read_text(encoding="utf-8").count("\ntest(") for file in files) > 0
