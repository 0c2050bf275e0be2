"""What counts as a line of code (tests/benchmarks/lines.py)."""

from __future__ import annotations

import subprocess

from tests.benchmarks.lines import count, python_lines, script_lines

PYTHON = '''"""What it is."""

import os  # counted


LIMIT = 3
"""Why three."""


def f(x):
    """What it returns."""
    # why
    return """a text
    of two lines"""
'''
SCRIPT = """/* what it is
 * of two lines */
// why

const a = 1; // counted
/** @type {number} */
export const b = a;
"""


def test_blank_lines_comments_and_docstrings_are_no_code():
    assert python_lines(PYTHON) == 5
    assert python_lines("f = lambda: 0\n") == 1
    assert script_lines(SCRIPT) == 2


def test_rooms_are_counted_without_the_libraries_of_others(tmp_path):
    files = {
        "trainer/errors.py": PYTHON,
        "trainer/data/idx.py": PYTHON,
        "trainer/data/deep/er.py": "x = 1\n",
        "explorer/static/js/shared/dom.js": SCRIPT,
        "explorer/static/ort.min.js": SCRIPT,
        "explorer/static/vendor/other.js": SCRIPT,
        "explorer/static/README.md": "text\n",
        "tests/test_a.py": PYTHON,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "trainer" / "untracked.py").write_text("x = 1\n", encoding="utf-8")
    expected = {("trainer", ".py"): 5, ("trainer/data", ".py"): 6, ("explorer/static", ".js"): 2}
    assert count(tmp_path) == expected
