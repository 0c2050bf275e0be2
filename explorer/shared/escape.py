"""Text of others on a page: names, titles, messages and link values are data, and never become markup.

markdown   for a string that Streamlit renders as Markdown: everything it could take for markup is escaped
figure     for a Plotly figure, whose names and texts may hold tags
Text       a string that does so by itself wherever it is formatted into a sentence: f"**{entry.title}**"
spreadsheet  for a cell of a CSV file that a spreadsheet would run as a formula
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MARKUP = re.compile(
    r"[\\`*\[\]<>$|~]"  # code, emphasis, links and pictures, HTML, mathematics, tables
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis at the edges of words; a_b is none
    r"|:(?=[\w+-])"  # :red[...], :material/home:, :smile:
    r"|^[ \t]*(?:[#+=-]|\d+[.)](?=\s|$))"  # headings, lists, rules
)


_ADDRESS = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|@(?=[-\w]+\.)", re.IGNORECASE)
JOINER = "\u2060"
"""Invisible and without width; put into bare addresses, of which links are made after escapes have been taken away."""


def markdown(text: object) -> str:
    """Return text that Markdown shows as it is; line breaks become spaces."""
    plain = " ".join(str.__str__(text).split("\n") if isinstance(text, str) else str(text).split("\n"))
    return _ADDRESS.sub(lambda match: match[0] + JOINER, _MARKUP.sub(_escaped, plain))


_TAG = re.compile(r"<(?!br>|/?(?:i|extra)>)")


def figure(figure: Figure) -> Figure:
    """Escape all tags in the names, texts and axes of a Plotly figure but line breaks and italics; return it."""
    for trace in figure.data:
        for key in ("name", "text", "hovertemplate", "x", "y"):
            value = getattr(trace, key, None)
            shown = _untagged(value)
            if shown is not value:
                trace[key] = shown
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        axis.update(title_text=_untagged(axis.title.text), ticktext=_untagged(axis.ticktext))
    return figure


def _untagged(value: Any) -> Any:
    """Return text, or a list of texts, without tags; the same object where there are none."""
    if isinstance(value, str):
        return _TAG.sub("&lt;", value) if "<" in value else value
    if isinstance(value, list | tuple) or getattr(getattr(value, "dtype", None), "kind", "") == "O":
        shown = [_untagged(each) for each in value]
        return shown if any(new is not old for new, old in zip(shown, value, strict=True)) else value
    return value


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
