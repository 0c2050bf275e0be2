"""Lines of the product's code: python -m tests.benchmarks.lines [checkout]

Counts the tracked *.py and *.js below trainer, explorer and pages, without blank lines, comments, docstrings and the
libraries of others. Prints the lines of each room, then those of each language and of all. Another commit is counted
by giving its checkout (git worktree add).
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("trainer", "explorer", "pages")
SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
    tokenize.ENCODING,
}  # fmt: skip
"""Tokens that are no code by themselves."""


def python_lines(source: str) -> int:
    """Return the number of lines with code; a text that stands alone (a docstring) is none."""
    texts: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)  # a lambda's is no list
        for statement in body if isinstance(body, list) else ():
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                texts |= set(range(statement.lineno, statement.end_lineno + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT:
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(code - texts)


def script_lines(source: str) -> int:
    """Return the number of lines of JavaScript that are neither blank nor a comment."""
    lines = re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL).splitlines()
    return sum(bool(line.strip()) and not line.strip().startswith("//") for line in lines)


COUNTERS = {".py": python_lines, ".js": script_lines}


def is_vendored(path: Path) -> bool:
    """Whether a file is a library of others, kept as it came: ort* in static, or anything in a vendor folder."""
    return "vendor" in path.parts or (path.parent.name == "static" and path.name.startswith("ort"))


def count(checkout: Path) -> Counter[tuple[str, str]]:
    """Return the lines by room ("trainer/data"; "trainer" for the files at its top) and ending (".py")."""
    command = ["git", "ls-files", "-z", *ROOMS]
    listing = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout
    lines: Counter[tuple[str, str]] = Counter()
    for path in map(Path, filter(None, listing.split("\0"))):
        if path.suffix in COUNTERS and not is_vendored(path) and (checkout / path).is_file():
            room = "/".join(path.parts[: min(2, len(path.parts) - 1)])
            lines[room, path.suffix] += COUNTERS[path.suffix]((checkout / path).read_text(encoding="utf-8"))
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=Path, default=ROOT)
    lines = count(parser.parse_args().checkout)
    rooms, endings = Counter(), Counter()
    for (room, ending), number in lines.items():
        rooms[room] += number
        endings[ending] += number
    for room, number in sorted(rooms.items()):
        print(f"{number:7,}  {room}")
    by_ending = ", ".join(f"{number:,} *{ending}" for ending, number in sorted(endings.items(), reverse=True))
    print(f"{lines.total():7,}  in all: {by_ending}")


if __name__ == "__main__":
    main()
