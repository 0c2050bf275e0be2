"""The points of the map as a list: sorted by any column, gone through by keys, each opened in the panel beside it."""

import numpy as np
import streamlit as st

from explorer.clusters import inspector
from explorer.clusters.atlas import Atlas, colourings
from explorer.clusters.selection import selected
from explorer.clusters.state import current, look_at
from explorer.clusters.subject import resolve
from explorer.shared import share

KEY = "clusters.list"


@st.fragment
def show(atlas: Atlas) -> None:
    """List and panel; the list holds the selected pictures, or all where none are."""
    view = current()
    chosen = selected(atlas, view)
    rows = np.flatnonzero(chosen) if chosen.any() else np.arange(len(atlas.pictures))
    table = atlas.pictures.iloc[rows]
    columns = {"id": "Picture"}
    if "label_name" in table:
        columns["label_name"] = "Label"
    columns |= {column: colouring.title for column, colouring in colourings(atlas).items() if column != "label"}
    shown = table[list(columns)].rename(columns=columns).round(3)
    share.table("test-pictures", shown)
    with st.container(key="clusters-work"):
        listed, panel = st.columns([2.1, 1], gap="medium")
    with listed:
        st.dataframe(
            shown,
            key=KEY,
            height=560,
            hide_index=True,
            on_select=lambda: _picked(table["row"].tolist()),
            selection_mode="single-row",
        )
        what = "selected test pictures" if chosen.any() else "test pictures of the map"
        st.caption(f"{len(rows):,} {what}. Tick a row for the picture and its details; click a header to sort.")
    with panel, st.container(gap="small", key="clusters-panel"):
        inspector.panel(atlas, resolve(atlas, view))


def _picked(rows: list[int]) -> None:
    ticked = st.session_state[KEY]["selection"]["rows"]
    if ticked and ticked[0] < len(rows):
        look_at("code", rows[ticked[0]])
