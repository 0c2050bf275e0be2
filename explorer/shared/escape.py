"""Text of others on a page: names, titles, messages and link values are data, and never become markup.

markdown   for a string that Streamlit renders as Markdown: everything it could take for markup is escaped
Text       a string that does so by itself wherever it is formatted into a sentence: f"**{entry.title}**"
spreadsheet  for a cell of a CSV file that a spreadsheet would run as a formula
"""

from __future__ import annotations

import re

_MARKUP = re.compile(
    r"[\\`*\[\]<>$|~]"  # code, emphasis, links and pictures, HTML, mathematics, tables
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis at the edges of words; a_b is none
    r"|:(?=[\w+-])"  # :red[...], :material/home:, :smile:
    r"|^[ \t]*(?:[#+=-]|\d+[.)])"  # headings, lists, rules
)


def markdown(text: object) -> str:
    """Return text that Markdown shows as it is; line breaks become spaces."""
    plain = " ".join(str.__str__(text).split("\n") if isinstance(text, str) else str(text).split("\n"))
    return _MARKUP.sub(_escaped, plain)


def _escaped(match: re.Match[str]) -> str:
    found = match[0]
    return f"{found[:-1]}\\{found[-1]}"


def code(text: object) -> str:
    """Return text as a span of code, whatever backticks are in it."""
    text = " ".join(str(text).split("\n"))
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks}{text}{ticks}" if len(ticks) == 1 else f"{ticks} {text} {ticks}"


class Text(str):
    """A name that someone else chose: compares and keys as it is, and is escaped where a sentence is formatted."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return format(markdown(self), spec)
