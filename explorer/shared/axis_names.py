"""The names of a model's axes: those of the user, "z2, slant", else of the factors they carry, "z3, object hue (0.91)".

Factors come from the full record of disentanglement, else from the fast one, else axes have numbers only. Names of the
user are in the link, and for own runs also in the run folder (trainer/manage/axis_names.py).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from explorer.shared import catalog, state
from explorer.shared.escape import Text
from trainer.evaluation.disentanglement import record as records
from trainer.evaluation.disentanglement.record import Record
from trainer.jobs import disentangle, task
from trainer.manage import axis_names as store
from trainer.runs import layout
from trainer.system import mode

PROTOCOLS = ("full", "fast")


def record(entry: catalog.Entry, protocol: str, other: str = "") -> Record | None:
    """Return the stored record of a model, on its own data set or on the one named `other`, or None."""
    path = target(entry, protocol, other)
    return _record(entry, protocol, other, path, catalog.stamp(path))


def target(entry: catalog.Entry, protocol: str, other: str = "") -> Path:
    """Return the file of a record (jobs.disentangle.target, which reads the run folder), cached per version of it."""
    own = catalog.stamp(entry.path / layout.disentanglement(protocol, other))
    return _target(entry.path, entry.hash, protocol, entry.bundled, other, own, task.cache_folder())


@functools.lru_cache(maxsize=512)
def _target(
    folder: Path, hash: str, protocol: str, read_only: bool, other: str, own: tuple[int, int], cache: Path
) -> Path:
    return disentangle.target(folder, hash, protocol, read_only, other)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=catalog.keyed())
def _record(entry: catalog.Entry, protocol: str, other: str, path: Path, stamp: tuple[int, int]) -> Record | None:
    if not records.fits(path, entry.hash, protocol, other):
        return None
    return records.read(entry.run, protocol, path, other)


def carried(entry: catalog.Entry) -> list[str]:
    """Return the factor that each axis carries, as "object hue (0.91)", or an empty text."""
    stored = best_record(entry)
    return [name or "" for name in records.axis_names(stored)] if stored else [""] * entry.z_dim


def best_record(entry: catalog.Entry) -> Record | None:
    """Return the stored record that names the axes: the full one, else the fast one, else None."""
    return next(filter(None, (record(entry, protocol) for protocol in PROTOCOLS)), None)


def names(entry: catalog.Entry) -> list[str]:
    """Return every axis as "z2, slant" or "z3, object hue (0.91)", or "z3" where it has no name and no known factor."""
    own = given(entry)
    known = [own.get(axis, factor) for axis, factor in enumerate(carried(entry))]
    return [Text(", ".join(filter(None, (f"z{axis}", name)))) for axis, name in enumerate(known)]


def stamp(entry: catalog.Entry) -> tuple[tuple[int, int], ...]:
    """Return a value that changes with the factors of the axes, for the keys of caches."""
    return tuple(catalog.stamp(target(entry, protocol)) for protocol in PROTOCOLS)


# ---------------------------------------------------------------- names of the user

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
