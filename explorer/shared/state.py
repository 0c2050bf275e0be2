"""One typed state per page, outside widget keys and mirrored in the URL, so that a copied link reproduces the view.

Each page declares a frozen `PageState`. `load` takes the session's value, else the URL's, else the defaults; `save`
replaces it. The URL holds the selected model and the state of the open page without defaults; the states of other pages
stay in the session and are mirrored when their page is opened.
"""

import re
import time
from collections.abc import Mapping
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin

import streamlit as st
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from explorer.shared import catalog
from explorer.shared.escape import markdown
from trainer.jobs import idle

MODEL = "model"
DECIMALS = 3
LONGEST_TEXT, LONGEST_LIST = 4096, 1024
LARGEST = 2**32
"""Bounds of the values in a link, far above what a page writes."""

SEED_LIMIT = 2**31 - 1

_PREFIX = "gwae.state."
_PAGE = "gwae.page"
_ACTIVE = "gwae.active"
_MODEL = "gwae.model"
_LINK = "gwae.link"
_SHOWN = "gwae.shown"  # page and query that the URL was given last
_CHANGED = "gwae.changed"  # when a state was last replaced
_FOLLOWED = "gwae.followed"  # query that the browser's Back or Forward chose
LAG = 0.5
"""Seconds after a change in which the browser may still send the URL from before it."""


class PageState(BaseModel):
    """Base of page states: frozen, finite numbers only; fields are str, int, float, bool, or lists/tuples of them."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _numbers_are_bounded(cls, value: Any) -> Any:
        items = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(item, float | int) and abs(item) > LARGEST for item in items):
            raise ValueError("larger than any value a page shows")
        return value


T = TypeVar("T", bound=PageState)


# ---------------------------------------------------------------- URL encoding, without streamlit


def encode(state: PageState) -> dict[str, str]:
    """Return the fields that differ from their defaults as URL values: floats to 3 decimals, sequences comma-joined."""
    defaults = _default_values(type(state))
    encoded = {name: _encode(getattr(state, name)) for name in type(state).model_fields}
    return {name: text for name, text in encoded.items() if name not in defaults or text != _encode(defaults[name])}


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


def _encode(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        text = f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")
        return "0" if text in ("-0", "") else text
    if isinstance(value, list | tuple):
        return ",".join(_encode(item).replace("%", "%25").replace(",", "%2C") for item in value)
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


# ---------------------------------------------------------------- the session


def begin_page(page: str) -> None:
    """Prepare a page before it runs: until the page loads its state, the URL holds only the model.

    The link that opened the session counts for the page it opened; values that another page left in the URL do not.
    """
    in_use()
    _follow_history(page)
    st.session_state[_ACTIVE] = None
    st.session_state[_PAGE] = page
    opened = st.session_state.setdefault(_LINK, (page, st.query_params.to_dict()))
    if opened[0] != page:
        st.session_state[_LINK] = (page, {})


def _follow_history(page: str) -> None:
    """Take the URL's state where Back or Forward has put another URL into the browser.

    A URL without a query, that of a page before its first run, leaves the state as it is. Neither is mirrored: a new
    entry of the history at each Back would be the end of it.
    """
    query = st.query_params.to_dict()
    if (page, query) == st.session_state.get(_SHOWN, (page, query)) or st.session_state.get(_PAGE) != page:
        return
    if time.monotonic() - st.session_state.get(_CHANGED, -LAG) < LAG:
        return
    st.session_state[_FOLLOWED] = query
    if query:
        st.session_state.pop(st.session_state.get(_ACTIVE), None)
        st.session_state[_LINK] = (page, query)
        st.session_state[_MODEL] = query.get(MODEL)


def in_use() -> None:
    """Report that the app is used: trainings pause meanwhile (trainer/jobs/idle.py)."""
    idle.ask(catalog.roots()[1])


def load(kind: type[T]) -> T:
    """Return the state of the open page, mirrored in the URL: the session's, else the URL's, else the defaults."""
    if MODEL in kind.model_fields:
        raise TypeError(f"{kind.__name__}: '{MODEL}' is the selected model's name in the URL; rename the field")
    key = _PREFIX + kind.__name__
    stored = st.session_state.get(key)
    if stored is None:
        _, link = st.session_state.get(_LINK, ("", st.query_params.to_dict()))
        stored, bad = decode(kind, link)
        if bad:
            names = ", ".join(bad)
            st.toast(f"The link's value for {names} is not valid; the default is shown instead.", duration="long")
    elif type(stored) is not kind:  # a page script defines its class anew on every run
        stored = _revive(kind, stored)
    st.session_state[key] = stored
    st.session_state[_ACTIVE] = key
    mirror()
    return stored


def save(state: PageState) -> None:
    """Replace the state of its page; the URL follows at once if that page is the open one."""
    in_use()
    key = _PREFIX + type(state).__name__
    st.session_state[key] = state
    st.session_state[_CHANGED] = time.monotonic()
    st.session_state.pop(_FOLLOWED, None)
    if st.session_state.get(_ACTIVE) == key:
        mirror()


class Page(Generic[T]):
    """The state of one page; widgets follow it and change it.

    Streamlit's own `bind="query-params"` names the parameter after the widget's key, and `st.query_params` may not set
    it any more; half of these fields belong to no widget.
    """

    def __init__(self, name: str, kind: type[T]) -> None:
        self.name, self.kind = name, kind

    def current(self) -> T:
        """Return the state as it is now, inside a run or a callback."""
        return load(self.kind)

    def change(self, **fields: Any) -> None:
        """Change fields of the state, and with it the URL."""
        save(self.kind.model_validate(self.current().model_dump() | fields))

    def is_of_another(self, entry: catalog.Entry) -> bool:
        """Return whether the page's last run was of another model, whose places and pictures mean nothing now."""
        key = f"{self.name}.checkpoint"
        before = st.session_state.get(key, entry.hash)
        st.session_state[key] = entry.hash
        return before != entry.hash

    def bound(self, field: str, value: Any = None, /, **also: Any) -> dict[str, Any]:
        """Return the arguments that tie a widget to a field: key and on_change.

        Args:
            value: what the widget shows instead of the field's own value.
            also: fields that change along with it.
        """
        key = f"{self.name}.{field}"
        shown = getattr(self.current(), field) if value is None else value
        st.session_state[key] = list(shown) if isinstance(shown, tuple) else shown
        return {"key": key, "on_change": self._take, "args": (field, key, also)}

    def _take(self, field: str, key: str, also: dict[str, Any]) -> None:
        value = st.session_state[key]
        if value is not None:
            self.change(**{field: value}, **also)


def selected_model() -> catalog.Entry | None:
    """Return the model chosen in the sidebar or by the URL, or None if no model can be opened."""
    choices = catalog.usable()
    if not choices:
        return None
    wanted = st.session_state.get(_MODEL) or st.query_params.get(MODEL)
    chosen = next((entry for entry in choices if entry.name == wanted), None)
    if chosen is None:
        chosen = choices[0]
        if wanted:
            st.toast(f"There is no model '{markdown(wanted)}' here; {chosen.name} is shown instead.", duration="long")
    st.session_state[_MODEL] = chosen.name
    return chosen


def select_model(name: str) -> None:
    """Select a model by its catalog name for every page; the URL follows when the page is drawn."""
    st.session_state[_MODEL] = name
    st.session_state[_CHANGED] = time.monotonic()
    st.session_state.pop(_FOLLOWED, None)


def mirror() -> None:
    """Write the model and the open page's state into the URL."""
    active = st.session_state.get(_ACTIVE)
    values = {MODEL: st.session_state[_MODEL]} if st.session_state.get(_MODEL) else {}
    if active and active in st.session_state:
        values |= encode(st.session_state[active])
    if st.query_params.to_dict() not in (values, st.session_state.get(_FOLLOWED)):
        st.query_params.from_dict(values)
    st.session_state[_SHOWN] = (st.session_state.get(_PAGE), st.query_params.to_dict())


def _revive(kind: type[T], stored: PageState) -> T:
    try:
        return kind.model_validate(stored.model_dump())
    except ValidationError:
        return decode(kind, {})[0]
