"""Documents, docstrings and comments name files and modules that exist."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("trainer", "explorer", "pages", "tests")
PATH = re.compile(r"(?<![\w./<>*-])(?:trainer|explorer|pages|tests|docs|pretrained)/[\w./-]*\w(?![\w<*])")
"""A path in the checkout. One with a placeholder, such as explorer/<page>, is cut before it."""
SHORT = re.compile(r"(?<![\w./<>*-])(?:[a-z_]\w*/)*[a-z_]\w*\.py\b")
"""A module named from a room on, or by its name alone: `training/loop.py`, `loop.py`."""
DOTTED = re.compile(r"(?<![\w./-])(?:trainer|explorer|tests)(?:[./]\w+)*\.[A-Za-z_]\w*")
"""A module, or what it defines: `trainer.data.load`, `trainer/jobs/queue.start`."""
FILE = r"/\w+\.(py|md|js|css|html|yaml|toml)$"


def prose(path: Path, text: str) -> Iterator[str]:
    """Yield the lines of a document, or a module's comments and the lines of its docstrings."""
    if path.suffix != ".py":
        yield from text.splitlines()
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from node.value.value.splitlines()


def names(path: Path) -> set[str]:
    """Return every name that a module defines, imports, or lists in __all__."""
    result = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            result.add(node.name)
        elif isinstance(node, ast.alias):
            result.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            result.add(node.id)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            result |= set(ast.literal_eval(node.value))
    return result


def is_defined(dotted: str) -> bool:
    """Whether a dotted name is a module, a package, or stands in the module that its first part names."""
    parts, place = re.split("[./]", dotted), ROOT
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    module = place / "__init__.py"
    if parts and (place / f"{parts[0]}.py").is_file():
        module = place / f"{parts.pop(0)}.py"
    return not parts or (module.is_file() and parts[0] in names(module))


def missing(line: str) -> list[str]:
    """Return the files and modules that a line names and that do not exist."""
    dotted = [name for name in DOTTED.findall(line) if not re.search(FILE, name)]
    files = [path for path in PATH.findall(line) if path not in dotted and not (ROOT / path).exists()]
    short = [path for path in SHORT.findall(line) if not path.startswith(ROOMS)]
    short = [path for path in short if not any(any((ROOT / room).rglob(path)) for room in ROOMS)]
    return sorted({*files, *short, *(name for name in dotted if not is_defined(name))})


def documents() -> list[Path]:
    code = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "explorer").rglob("*.md"), *code])


def test_everything_that_is_named_exists():
    stale = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in documents()
        if path.name != Path(__file__).name
        for line in prose(path, path.read_text(encoding="utf-8"))
        for name in missing(line)
    ]
    assert not stale


@pytest.mark.parametrize(
    "line",
    [
        "see trainer/training/loop.py and docs/scaling.md",
        "`training/loop.py` and `loop.py`",
        "as trainer.data.load, trainer.runs.folder and tests.fixtures",
        "trainer/jobs/queue.start, trainer/jobs/task.py, trainer.ood.pairs.PAIRS",
        "explorer/<page>/page.py and trainer/configs/*.yaml; www.example.com/docs/other.py",
    ],
)
def test_what_exists_is_accepted(line):
    assert missing(line) == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("see trainer/job.py", ["trainer/job.py"]),
        ("as training/intake.py does", ["training/intake.py"]),
        ("in job_state.py", ["job_state.py"]),
        ("docs/other.md", ["docs/other.md"]),
        ("as trainer.data.unpack", ["trainer.data.unpack"]),
        ("trainer.watch and trainer/jobs/queue.begin", ["trainer.watch", "trainer/jobs/queue.begin"]),
    ],
)
def test_what_does_not_exist_is_reported(line, wrong):
    assert missing(line) == wrong


def test_comments_and_docstrings_are_read_and_code_is_not(tmp_path):
    text = '"""About it."""\nx = "trainer/a.py"  # why\n\n\ndef f():\n    """Return\n    one."""\n'
    assert sorted(line.strip() for line in prose(tmp_path / "a.py", text)) == ["# why", "About it.", "Return", "one."]
