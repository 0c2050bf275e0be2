"""Page states as the values of a link: bounded, typed, floats rounded. No streamlit here."""

import re
from collections.abc import Mapping
from types import UnionType
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

DECIMALS = 3
LONGEST_TEXT, LONGEST_LIST = 4096, 1024
LARGEST = 2**32
"""Bounds of the values in a link, far above what a page writes."""


class PageState(BaseModel):
    """Base of page states: frozen, finite numbers only; fields are str, int, float, bool, or lists/tuples of them."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)
    decimals: ClassVar[int] = DECIMALS
    """Of floats in the URL."""

    @field_validator("*")
    @classmethod
    def _numbers_are_bounded(cls, value: Any) -> Any:
        items = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(item, float | int) and abs(item) > LARGEST for item in items):
            raise ValueError("larger than any value a page shows")
        return value


T = TypeVar("T", bound=PageState)


def encode(state: PageState) -> dict[str, str]:
    """Return the fields that differ from their defaults as URL values: floats rounded, sequences comma-joined."""
    defaults, places = _default_values(type(state)), state.decimals
    encoded = {name: _encode(getattr(state, name), places) for name in type(state).model_fields}
    own = lambda name, text: name not in defaults or text != _encode(defaults[name], places)  # noqa: E731
    return {name: text for name, text in encoded.items() if own(name, text)}


def decode(kind: type[T], values: Mapping[str, str]) -> tuple[T, list[str]]:
    """Return the state of URL values, and the names of the fields whose values were not valid.

    An invalid value falls back to that field's default; values of other names are ignored.
    """
    fields = kind.model_fields
    own = {name: text for name, text in values.items() if name in fields}
    bad = sorted(name for name, text in own.items() if not _is_readable(text))
    given = {name: _split(fields[name].annotation, text) for name, text in own.items() if name not in bad}
    while True:
        try:
            return kind.model_validate(given), bad
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors() if item["loc"]} & set(given) or set(given)
            if not wrong:
                raise
            bad += sorted(wrong)
            given = {name: value for name, value in given.items() if name not in wrong}


def _default_values(kind: type[PageState]) -> dict[str, Any]:
    fields = kind.model_fields.items()
    return {name: field.get_default(call_default_factory=True) for name, field in fields if not field.is_required()}


def _encode(value: Any, decimals: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
        return "0" if text in ("-0", "") else text
    if isinstance(value, list | tuple):
        return ",".join(_encode(item, decimals).replace("%", "%25").replace(",", "%2C") for item in value)
    if isinstance(value, str | int):
        return str(value)
    raise TypeError(f"a page state holds str, int, float, bool and sequences of them, not {type(value).__name__}")


def _split(annotation: Any, text: str) -> Any:
    """Undo the encoding of sequences, None and numbers in a Literal; pydantic converts everything else."""
    choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    if any(choice in (list, tuple) or get_origin(choice) in (list, tuple) for choice in choices):
        return [item.replace("%2C", ",").replace("%25", "%") for item in text.split(",")] if text else []
    if text == "" and type(None) in choices:
        return None
    if any(str not in map(type, get_args(choice)) for choice in choices if get_origin(choice) is Literal):
        return _number(text)  # Literal[3, 5, 7]: pydantic compares, it does not convert
    return text


def _number(text: str) -> Any:
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else text


def _is_readable(text: str) -> bool:
    """Whether a link's value is short and without control characters."""
    items = text.split(",", LONGEST_LIST)
    return max(map(len, items)) <= LONGEST_TEXT and len(items) <= LONGEST_LIST and min(text, default=" ") >= " "
