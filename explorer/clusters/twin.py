"""The map of another model below the first one: the same colours, the same pictures selected and in focus."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from explorer.clusters import points, selection
from explorer.clusters.atlas import Atlas, coloured
from explorer.clusters.state import current, look_at
from explorer.components.scatter import scatter
from explorer.shared.escape import markdown

KEY = "clusters.twin"


def show(atlas: Atlas, other: Atlas, key: str, rows: np.ndarray) -> None:
    """Draw the other model's map.

    Args:
        key: of the first map's colouring; where this one lacks it, its usual one.
        rows: which pictures of the first map are selected, bool (n,).
    """
    st.markdown(f"**{markdown(other.entry.name)}**")
    if other.settings.dims != 2:
        st.caption("Two maps stand together in two dimensions alone.")
        return
    key, colouring = coloured(other, key)
    points.bring(other, key, colouring, side=1)
    bits = selection.to_bits(same(other, atlas, rows))
    content = points.content(other, key, colouring, current().layers, _focus(atlas, other), (), bits)
    scatter(content, key=KEY, on_picked=lambda: _picked(atlas, other), on_selected=lambda: _selected(atlas, other))
    points.offer(other, colouring, current().layers)
    st.caption("The same pictures are selected and in focus on both maps: click here, or draw a lasso here, as above.")


def same(other: Atlas, atlas: Atlas, rows: np.ndarray) -> np.ndarray:
    """Return which pictures of one map are those chosen on another, by their ids, bool (n,)."""
    return other.pictures["id"].isin(atlas.pictures["id"][rows]).to_numpy()


def _row(of: Atlas, to: Atlas, row: int) -> int | None:
    """Return the row of codes.parquet in which one model has the picture that another has in `row`; None without."""
    known = of.pictures.loc[of.pictures["row"] == row, "id"]
    place = pd.Index(to.pictures["id"]).get_indexer(known)
    return int(to.pictures["row"].iloc[place[0]]) if len(place) and place[0] >= 0 else None


def _focus(atlas: Atlas, other: Atlas) -> dict:
    view = current()
    row = _row(atlas, other, view.index) if view.focus == "code" else None
    if row is None:
        return {"kind": "", "index": 0, "at": ()}
    at = other.places[int(np.flatnonzero(other.pictures["row"].to_numpy() == row)[0])]
    return {"kind": "code", "index": row, "at": tuple(float(value) for value in at)}


def _picked(atlas: Atlas, other: Atlas) -> None:
    report = st.session_state[KEY].picked
    if isinstance(report, dict) and report.get("kind") == "code" and isinstance(report.get("index"), int):
        row = _row(other, atlas, report["index"])
        if row is not None:
            look_at("code", row)


def _selected(atlas: Atlas, other: Atlas) -> None:
    report = st.session_state[KEY].selected
    if isinstance(report, dict):
        chosen = selection.from_bits(report.get("bits"), len(other.codes))
        selection.select_pictures(atlas, same(atlas, other, chosen))
