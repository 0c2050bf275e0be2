"""One typed state per page, outside widget keys and mirrored in the URL, so that a copied link reproduces the view.

Each page declares a frozen `PageState`. `load` takes the session's value, else the URL's, else the defaults; `save`
replaces it. The URL holds the selected model and the state of the open page without defaults; the states of other pages
stay in the session and are mirrored when their page is opened.
"""

import time
from typing import Any, Generic
from urllib.parse import urlencode

import streamlit as st
from pydantic import Field, ValidationError

from explorer.shared import catalog
from explorer.shared.encoding import PageState, T, decode, encode
from explorer.shared.escape import markdown
from trainer.jobs import idle

MODEL = "model"
SEED_LIMIT = 2**31 - 1

_PREFIX = "gwae.state."
_PAGE = "gwae.page"
_ACTIVE = "gwae.active"
_MODEL = "gwae.model"
_LINK = "gwae.link"
_SHOWN = "gwae.shown"  # page and query that the URL was given last
_CHANGED = "gwae.changed"  # when a state was last replaced
_FOLLOWED = "gwae.followed"  # query that the browser's Back or Forward chose
_ANEW = "gwae.anew"  # whether the page's state is to be taken from the URL
_FRAME = "gwae.frame"
_NAMES = "gwae.names"  # of the axes of models that are not the selected one, by model
LAG = 0.5
"""Seconds after a change in which the browser may still send the URL from before it."""


class Frame(PageState):
    """What every link holds beside the model: the models it is compared with, and names of its axes (axis_names)."""

    beside: tuple[str, ...] = Field((), max_length=3)
    names: tuple[str, ...] = Field((), max_length=512)


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
    if _FRAME not in st.session_state:
        _take_frame(opened[1])
    if opened[0] != page:
        st.session_state[_LINK] = (page, {})


def _follow_history(page: str) -> None:
    """Take the URL's state where Back or Forward has put another URL into the browser.

    A URL without a query, that of a page before its first run or one opened from the menu, leaves the state as it is.
    Neither is mirrored: a new entry of the history at each Back would be the end of it.
    """
    query = st.query_params.to_dict()
    shown = st.session_state.get(_SHOWN, (page, query))
    if (page, query) == shown:
        return
    if st.session_state.get(_PAGE) != page and query in ({}, shown[1]):
        return
    if st.session_state.get(_PAGE) == page and time.monotonic() - st.session_state.get(_CHANGED, -LAG) < LAG:
        return
    st.session_state[_FOLLOWED] = query
    if query:
        st.session_state[_ANEW] = True
        st.session_state[_LINK] = (page, query)
        st.session_state[_MODEL] = query.get(MODEL)
        _take_frame(query)


def _take_frame(query: dict[str, str]) -> None:
    st.session_state[_FRAME], bad = decode(Frame, query)
    _report(bad)


def _touched() -> None:
    """Note that the user has changed something: what Back or Forward chose is over."""
    st.session_state[_CHANGED] = time.monotonic()
    st.session_state.pop(_FOLLOWED, None)


def frame() -> Frame:
    """Return what links hold beside the model, as it is now."""
    return st.session_state.get(_FRAME) or Frame()


def change_frame(**fields: Any) -> None:
    """Change the models to compare with or the names of the selected model's axes, and with them the URL."""
    st.session_state[_FRAME] = Frame.model_validate(frame().model_dump() | fields)
    _touched()
    mirror()


def _report(bad: list[str]) -> None:
    if bad:
        st.toast(f"The link's value for {', '.join(bad)} is not valid; the default is shown instead.", duration="long")


def in_use() -> None:
    """Report that the app is used: trainings pause meanwhile (trainer/jobs/idle.py)."""
    idle.ask(catalog.roots()[1])


def load(kind: type[T]) -> T:
    """Return the state of the open page, mirrored in the URL: the session's, else the URL's, else the defaults."""
    if taken := {MODEL, *Frame.model_fields} & set(kind.model_fields):
        raise TypeError(f"{kind.__name__}: {', '.join(taken)} belongs to every page's URL; rename the field")
    key = _PREFIX + kind.__name__
    stored = None if st.session_state.pop(_ANEW, False) else st.session_state.get(key)
    if stored is None:
        _, link = st.session_state.get(_LINK, ("", st.query_params.to_dict()))
        stored, bad = decode(kind, link)
        _report(bad)
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
    _touched()
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


def open_page() -> str:
    """Return the name of the open page, as its address has it; empty for Home."""
    return st.session_state.get(_PAGE) or ""


def link() -> str:
    """Return the parameters of the open view's address."""
    return urlencode(st.query_params.to_dict())


def selected_name() -> str:
    """Return the name of the selected model, as far as one has been chosen."""
    return st.session_state.get(_MODEL) or ""


def select_model(name: str) -> None:
    """Select a model by its catalog name for every page; the URL follows when the page is drawn."""
    names = st.session_state.setdefault(_NAMES, {})
    names[st.session_state.get(_MODEL)] = frame().names
    beside = tuple(other for other in frame().beside if other != name)
    st.session_state[_FRAME] = Frame(beside=beside, names=names.get(name, ()))
    st.session_state[_MODEL] = name
    _touched()


def mirror() -> None:
    """Write the model and the open page's state into the URL."""
    active = st.session_state.get(_ACTIVE)
    values = {MODEL: st.session_state[_MODEL]} if st.session_state.get(_MODEL) else {}
    values |= encode(frame())
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
