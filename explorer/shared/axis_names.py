"""The names of a model's axes: those of the user, "z2, slant", else of the factors they carry, "z3, object hue (0.91)".

Factors come from the full record of disentanglement, else from the fast one, else axes have numbers only.
"""

from __future__ import annotations

import functools
from pathlib import Path

import streamlit as st

from explorer.shared import catalog, own_axis_names
from explorer.shared.escape import Text
from trainer.evaluation.disentanglement import record as records
from trainer.evaluation.disentanglement.record import Record
from trainer.jobs import disentangle, task
from trainer.runs import layout

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
    own = own_axis_names.given(entry)
    known = [own.get(axis, factor) for axis, factor in enumerate(carried(entry))]
    return [Text(", ".join(filter(None, (f"z{axis}", name)))) for axis, name in enumerate(known)]


def stamp(entry: catalog.Entry) -> tuple[tuple[int, int], ...]:
    """Return a value that changes with the factors of the axes, for the keys of caches."""
    return tuple(catalog.stamp(target(entry, protocol)) for protocol in PROTOCOLS)
