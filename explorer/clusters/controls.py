"""The two popovers above the map: its layout, and the user's own picture."""

import streamlit as st

from explorer.clusters.atlas import Atlas
from explorer.clusters.state import ClustersState, change, current
from explorer.clusters.subject import OWN, pictures
from explorer.shared import catalog, widgets
from explorer.shared.state import SEED_LIMIT
from trainer.jobs import map as map_job
from trainer.system import mode

POINTS = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000]
METRICS = ["euclidean", "cosine", "manhattan"]
_NEIGHBOURS = "UMAP: few keep detail, many keep the large shape."
_MIN_DIST = "UMAP: smallest distance between points on the map."


def layout_popover(entry: catalog.Entry) -> None:
    """Settings of the map; nothing changes until "Show" is pressed, because a layout takes a while."""
    view = current()
    with st.popover("Layout", icon=":material/scatter_plot:"), st.form("clusters.layout", border=False):
        values = {
            "method": widgets.segments("Method", {"umap": "UMAP", "pca": "PCA"}, default=view.method),
            "dims": widgets.segments("Dimensions", {2: "2-D", 3: "3-D"}, default=view.dims),
            "neighbours": st.slider("Neighbours", 5, 100, min(max(view.neighbours, 5), 100), help=_NEIGHBOURS),
            "min_dist": st.slider("min_dist", 0.0, 0.9, min(view.min_dist, 0.9), 0.05, help=_MIN_DIST),
            "metric": st.selectbox("Distance", METRICS, METRICS.index(view.metric)),
            "points": st.select_slider(
                "Maximum points", sorted({*POINTS, view.points}), view.points, format_func="{:,}".format
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
    if wanted.method == "umap" and not job.fits() and not mode.is_view():
        job.start()
    st.rerun()


def upload_popover(atlas: Atlas) -> None:
    """A picture from the user's disk: it is placed on the map, and the panel shows it."""
    with st.popover("Place a picture", icon=":material/upload:"):
        with widgets.user_errors():
            OWN.uploader(atlas, lambda: pictures(atlas, list(range(min(50, len(atlas.codes))))))
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            kept = OWN.preview(atlas, 96)
            if kept:
                with st.container(gap="small"):
                    st.caption(f"The model's input. {kept.upload.note}")
                    OWN.invert_switch(atlas)
