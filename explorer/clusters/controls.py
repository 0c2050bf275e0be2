"""How the map is laid out, and a picture of one's own put on it: the two popovers above the map."""

from __future__ import annotations

import streamlit as st

from explorer.clusters.atlas import Atlas
from explorer.clusters.state import ClustersState, change, current
from explorer.clusters.subject import OWN, pictures
from explorer.shared import catalog
from explorer.shared.state import SEED_LIMIT
from trainer.errors import UserError
from trainer.jobs import map as map_job

POINTS = [1_000, 2_000, 5_000, 10_000, 20_000]
METRICS = ["euclidean", "cosine", "manhattan"]


def layout_popover(entry: catalog.Entry) -> None:
    """Settings of the map; nothing changes until "Show" is pressed, because a layout takes a while."""
    view = current()
    with st.popover("Layout", icon=":material/scatter_plot:"), st.form("clusters.layout", border=False):
        values = {
            "method": st.segmented_control(
                "Method", ["umap", "pca"], format_func=str.upper, default=view.method, required=True
            ),
            "dims": st.segmented_control(
                "Dimensions", [2, 3], format_func="{}-D".format, default=view.dims, required=True
            ),
            "neighbours": st.slider(
                "Neighbours",
                5,
                100,
                min(max(view.neighbours, 5), 100),
                help="UMAP: few keep detail, many the whole.",
            ),
            "min_dist": st.slider(
                "Smallest distance",
                0.0,
                0.9,
                min(view.min_dist, 0.9),
                0.05,
                help="UMAP: how close points may lie.",
            ),
            "metric": st.selectbox("Distance", METRICS, METRICS.index(view.metric)),
            "points": st.select_slider(
                "Test codes at most", sorted({*POINTS, view.points}), view.points, format_func="{:,}".format
            ),
            "layout_seed": st.number_input("Seed", 0, SEED_LIMIT, view.layout_seed, step=1),
        }
        if st.form_submit_button("Show", type="primary", width="stretch"):
            _show_layout(entry, values)


def _show_layout(entry: catalog.Entry, values: dict) -> None:
    """Take the settings over, and start computing their map where there is none."""
    wanted = ClustersState.model_validate(current().model_dump() | values)
    change(**values, focus="" if wanted.focus == "place" else wanted.focus)  # a place is one of the old map
    job = map_job.job(entry.run, wanted.settings, entry.bundled)
    if wanted.method == "umap" and not job.fits():
        job.start()
    st.rerun()


def upload_popover(atlas: Atlas) -> None:
    """A picture from the visitor's disk: where it falls on the map, with everything the panel tells."""
    with st.popover("Place a picture", icon=":material/upload:"):
        try:
            OWN.uploader(atlas, lambda: pictures(atlas, list(range(min(50, len(atlas.codes))))))
        except UserError as error:
            st.error(str(error), icon=":material/error:")
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            kept = OWN.preview(atlas, 96)
            if kept:
                with st.container(gap="small"):
                    st.caption(f"What the model sees. {kept.upload.note}")
                    OWN.invert_switch(atlas)
