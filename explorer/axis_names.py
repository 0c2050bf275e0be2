"""What the axes of a model carry, for every page that names them: "z3, object hue (0.91)".

Known only where disentanglement was measured; the names come from the full record, else from the fast one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer import catalog
from trainer import disentangle_job

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.metrics.disentanglement.record import Record

PROTOCOLS = ("full", "fast")


def record(entry: catalog.Entry, protocol: str, other: str = "") -> Record | None:
    """The stored record of a model, on its own data set or on the one named `other`; None where there is none."""
    path = disentangle_job.target(entry.path, entry.hash, protocol, entry.bundled, other)
    return _record(str(entry.path), entry.hash, protocol, other, str(path), catalog.stamp(path))


@st.cache_resource(max_entries=64, show_spinner=False)
def _record(folder: str, hash: str, protocol: str, other: str, path: str, stamp: tuple[int, int]) -> Record | None:
    from pathlib import Path

    from trainer.metrics.disentanglement import record as records
    from trainer.run import Run

    if not records.fits(Path(path), hash, protocol, other):
        return None
    return records.read(Run(folder), protocol, Path(path), other)


def carried(entry: catalog.Entry) -> list[str | None]:
    """What each axis carries, as "object hue (0.91)", or None; empty where nothing was measured."""
    from trainer.metrics.disentanglement import record as records

    found = next(filter(None, (record(entry, protocol) for protocol in PROTOCOLS)), None)
    return [] if found is None else records.axis_names(found)


def name(entry: catalog.Entry, axis: int) -> str:
    """ "z3, object hue (0.91)", or "z3" where it carries nothing that is known."""
    what = of(carried(entry), axis)
    return f"z{axis}, {what}" if what else f"z{axis}"


def of(names: list[str | None], axis: int) -> str:
    """What `axis` carries in a list of `carried`, or an empty text."""
    return (names[axis] or "") if axis < len(names) else ""


def stamp(entry: catalog.Entry) -> tuple[tuple[int, int], ...]:
    """Changes when the names may: for the keys of caches that hold them."""
    paths: list[Path] = [disentangle_job.target(entry.path, entry.hash, p, entry.bundled) for p in PROTOCOLS]
    return tuple(catalog.stamp(path) for path in paths)
