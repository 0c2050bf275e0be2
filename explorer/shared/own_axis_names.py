"""The names that the user gives to axes: in the link, of own runs also in the folder (trainer/manage/axis_names.py).

Apart from `axis_names`, as every page brings them to the link, and only some need the factors that axes carry.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from explorer.shared import catalog, state
from trainer.manage import axis_names as store
from trainer.runs import layout
from trainer.system import mode

_ADOPTED = "gwae.names_adopted"  # model, and its stored names as the link was given them last


def given(entry: catalog.Entry) -> dict[int, str]:
    """Return the user's names by axis: those of the link if it has any for this model, else those of the run."""
    selected = state.selected_name() == entry.name
    return (selected and _of_link(entry, state.frame().names)) or dict(_stored(entry).by_axis)


def give(entry: catalog.Entry, axis: int, name: str) -> None:
    """Name an axis of the selected model; an empty name takes it away. Own runs keep it, bundled ones in the link.

    Raises: UserError if the disk refuses.
    """
    named = {**given(entry), axis: store.clean(name)}
    named = {number: text for number, text in named.items() if text and number < entry.z_dim}
    if is_kept(entry):
        store.write(entry.path, entry.hash, named, entry.z_dim)
        st.session_state[_ADOPTED] = (entry.name, _as_link(named))
    state.change_frame(names=_as_link(named))


def is_kept(entry: catalog.Entry) -> bool:
    """Return whether names are stored with the run."""
    return not entry.bundled and not mode.is_view()


def bring_to_link(entry: catalog.Entry) -> None:
    """Put the stored names of the selected model into the link, unless it has names of its own."""
    stored = _as_link(_stored(entry).by_axis)
    shown, adopted = state.frame().names, st.session_state.get(_ADOPTED)
    if shown in ((), adopted[1] if adopted and adopted[0] == entry.name else ()):
        if shown != stored:
            state.change_frame(names=stored)
        st.session_state[_ADOPTED] = (entry.name, stored)


def earlier_weights(entry: catalog.Entry) -> str:
    """Return the hash of the weights that the stored names were given to, if these are others; else an empty text."""
    stored = _stored(entry)
    return stored.checkpoint if stored.by_axis and stored.checkpoint != entry.hash else ""


def _stored(entry: catalog.Entry) -> store.Names:
    return _read(entry.path, catalog.stamp(entry.path / layout.AXIS_NAMES))


@functools.lru_cache(maxsize=64)
def _read(folder: Path, stamp: tuple[int, int]) -> store.Names:
    return store.read(folder)


def _as_link(named: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(f"{axis}_{name}" for axis, name in sorted(named.items()))


def _of_link(entry: catalog.Entry, texts: tuple[str, ...]) -> dict[int, str]:
    """Return the names of a link; what names no axis of the model is left out."""
    pairs = (text.partition("_") for text in texts)
    named = {int(axis): store.clean(name) for axis, _, name in pairs if re.fullmatch("[0-9]{1,4}", axis, re.ASCII)}
    return {axis: name for axis, name in named.items() if name and axis < entry.z_dim}
