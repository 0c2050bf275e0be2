"""What the axes of a model carry, for every page that names them: "z3, object hue (0.91)".

Known only where disentanglement was measured; the names come from the full record, else from the fast one.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.shared import catalog
from trainer.evaluation.disentanglement import record as records
from trainer.jobs import disentangle, task
from trainer.runs import layout

if TYPE_CHECKING:
    from trainer.evaluation.disentanglement.record import Record

PROTOCOLS = ("full", "fast")


def record(entry: catalog.Entry, protocol: str, other: str = "") -> Record | None:
    """The stored record of a model, on its own data set or on the one named `other`; None where there is none."""
    path = target(entry, protocol, other)
    return _record(entry, protocol, other, path, catalog.stamp(path))


def target(entry: catalog.Entry, protocol: str, other: str = "") -> Path:
    """File of a record, as jobs.disentangle.target, which reads the file in the run folder: once per version of it."""
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


def carried(entry: catalog.Entry) -> list[str | None]:
    """What each axis carries, as "object hue (0.91)", or None; empty where nothing was measured."""
    found = next(filter(None, (record(entry, protocol) for protocol in PROTOCOLS)), None)
    return [] if found is None else records.axis_names(found)


def names(entry: catalog.Entry) -> list[str]:
    """Every axis as "z3, object hue (0.91)", or "z3" where it carries nothing that is known."""
    known = carried(entry)
    carries = [of(known, axis) for axis in range(entry.z_dim)]
    return [f"z{axis}, {what}" if what else f"z{axis}" for axis, what in enumerate(carries)]


def of(known: list[str | None], axis: int) -> str:
    """What `axis` carries in a list of `carried`, or an empty text."""
    return (known[axis] or "") if axis < len(known) else ""


def stamp(entry: catalog.Entry) -> tuple[tuple[int, int], ...]:
    """Changes when the names may: for the keys of caches that hold them."""
    return tuple(catalog.stamp(target(entry, protocol)) for protocol in PROTOCOLS)
