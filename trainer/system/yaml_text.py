"""One reader of YAML, for configurations and studies."""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_BYTES = 2**16
"""Of a YAML file; a whole configuration takes 2 kB."""
MAX_DEPTH, MAX_SCALAR = 8, 4096


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Numbers, true, false, null and text, as in YAML 1.2: dates, `no`, `1:30` and numbers of 20 digits are text."""

    yaml_implicit_resolvers = {}


for _kind, _pattern, _first in (
    ("null", r"(?:~|null|Null|NULL|)\Z", [*"~nN", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,18})\Z", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]{1,40}\.[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,3})?\Z", "-+.0123456789"),
    ("float", r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z", "-+."),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(_pattern), list(_first))


def read_yaml(text: str) -> Any:
    """Return the value of YAML text that a stranger may have written, in time proportional to its length.

    Aliases, merges, tags, deep nesting and long scalars are refused: whatever expands does so through one of them.

    Raises: ValueError saying what is wrong and where.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 1024} kB")
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if problem := _refused(event, depth):
                raise ValueError(f"line {event.start_mark.line + 1}, column {event.start_mark.column + 1}: {problem}")
        return _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(_place(error)) from error


def _refused(event: yaml.Event, depth: int) -> str:
    """Return what a configuration does not need and this event has, or an empty string."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        return "anchors and aliases are not read"
    if getattr(event, "tag", None):
        return "tags are not read"
    if depth > MAX_DEPTH:
        return f"more than {MAX_DEPTH} levels"
    if isinstance(event, yaml.ScalarEvent) and len(event.value) > MAX_SCALAR:
        return f"a value of more than {MAX_SCALAR} characters"
    return ""


def _place(error: yaml.YAMLError) -> str:
    """Return what YAML found wrong, and where, in a few words."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', None) or 'not YAML'}"
    return getattr(error, "reason", None) or str(error).partition("\n")[0]
