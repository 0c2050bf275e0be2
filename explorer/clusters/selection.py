"""Sets of pictures as text, for the browser as bits, for the link compressed; and the set that is selected now."""

import base64
import zlib

import numpy as np
import streamlit as st

from explorer.clusters.atlas import Atlas
from explorer.clusters.state import ClustersState, change

LONGEST = 4000
"""Characters of a selection in a link: a little less than a link's value may have."""
_LASSO = "clusters.lasso"


def to_bits(flags: np.ndarray) -> str:
    """Return flags (n,) as bits in base64, the lowest of a byte first; empty where none is set."""
    return base64.b64encode(np.packbits(flags, bitorder="little").tobytes()).decode("ascii") if flags.any() else ""


def from_bits(text: object, count: int) -> np.ndarray:
    """Return the `count` flags of `to_bits`, bool; all False where the text is nothing of that kind."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        data = b""
    return _flags(data, count)


def to_link(flags: np.ndarray) -> str:
    """Return flags as text of letters, digits, - and _; empty where none is set or the text would be too long."""
    if not flags.any():
        return ""
    data = zlib.compress(np.packbits(flags, bitorder="little").tobytes(), 9)
    text = base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")
    return text if len(text) <= LONGEST else ""


def from_link(text: str, count: int) -> np.ndarray:
    """Return the `count` flags of `to_link`, bool; all False where the text is nothing of that kind."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        data = zlib.decompressobj().decompress(data, -(-count // 8) + 1)  # what a stranger packed may be gigabytes
    except (ValueError, zlib.error):
        data = b""
    return _flags(data, count)


def _flags(data: bytes, count: int) -> np.ndarray:
    if len(data) != -(-count // 8):
        return np.zeros(count, bool)
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little", count=count).astype(bool)


# ---------------------------------------------------------------- the selection of the session


def selected(atlas: Atlas, view: ClustersState) -> np.ndarray:
    """Return which pictures of the map are selected, bool (n,): in this session, else by the link."""
    key, rows = st.session_state.get(_LASSO, ("", None))
    if key != _owner(atlas) or rows is None:
        if not view.selected:
            return np.zeros(len(atlas.codes), bool)
        rows = from_link(view.selected, atlas.meta["codes"])
    return rows[atlas.pictures["row"].to_numpy()]


def _owner(atlas: Atlas) -> str:
    """Return whose pictures a selection is of."""
    return f"{atlas.entry.hash} {atlas.meta['codes']}"


def select(atlas: Atlas, rows: np.ndarray) -> None:
    """Select pictures by row of codes.parquet, bool (total,); the link holds them if they fit."""
    st.session_state[_LASSO] = (_owner(atlas), rows)
    change(selected=to_link(rows))


def select_pictures(atlas: Atlas, chosen: np.ndarray) -> None:
    """Select pictures of the map, bool (n,)."""
    rows = np.zeros(atlas.meta["codes"], bool)
    rows[atlas.pictures["row"].to_numpy()[chosen]] = True
    select(atlas, rows)
