"""The Clusters page put together: controls in one row, the open view below."""

from pathlib import Path

import streamlit as st

from explorer.clusters import components, listing, points, subject
from explorer.clusters import map as clusters_map
from explorer.clusters.atlas import Atlas, by_pca, coloured, colourings, from_file
from explorer.clusters.controls import layout_popover, upload_popover
from explorer.clusters.state import LAYERS, VIEWS, bound, current, page
from explorer.shared import beside, cache, catalog, measuring, progress, test_pictures, widgets
from trainer.jobs import map as map_job
from trainer.jobs.task import Job
from trainer.latent.map import MINIMUM
from trainer.system import mode

CSS = Path(__file__).with_suffix(".css")


def show(entry: catalog.Entry) -> None:
    """The whole page for one model.

    Raises: UserError if the model, its codes or its map cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    st.html(CSS)
    # The focus belongs to one model: another one starts without it.
    moved, fresh = "what it points to may have moved.", {"focus": "", "at": (), "code": ()}
    widgets.follow_model(page, entry, moved, lambda: fresh)
    codes = cache.codes(entry)
    if len(codes) < MINIMUM or not {"id", "z0"} <= set(codes):
        _without_codes(entry, len(codes))
        return
    if not test_pictures.may_show(entry):
        widgets.empty_state(
            "The map shows test pictures",
            f"Pictures of {entry.data_title} may not be passed on, nor reconstructions of them. Where the data lie on "
            "this computer, the map opens. Samples of the prior are on page Generate.",
            icon=":material/visibility_off:",
        )
        return
    measuring.outdated(entry)
    view = current()
    atlas, job, is_ready = _atlas(entry)
    _controls(atlas)
    if view.method == "umap" and not is_ready:
        _waiting(job)
    if view.view == "map":
        other = _beside(entry)
        clusters_map.show(atlas, other)
        for side, each in enumerate(filter(None, (atlas, other))):
            if each.settings.dims == 2:
                points.bring_rest(each, side)
    elif view.view == "list":
        listing.show(atlas)
    elif view.view == "components":
        components.show(atlas)
    else:
        components.agreement(atlas)
    subject.warm_up(atlas)  # last: the page is painted, and the first click need not wait for torch


def _atlas(entry: catalog.Entry) -> tuple[Atlas, Job, bool]:
    """Return the map of a model as the state asks for it, else the linear one; its task, and whether it is ready."""
    settings = current().settings
    job = map_job.job(entry.run, settings, entry.bundled)
    is_ready = settings.method == "umap" and job.fits()
    return from_file(entry, job.target) if is_ready else by_pca(entry, settings), job, is_ready


def _beside(entry: catalog.Entry) -> Atlas | None:
    """Return the map of the model to compare with; None where there is none, or, with a sentence, where it has none."""
    for other in beside.models(entry)[:1]:
        with widgets.user_errors():
            if len(cache.codes(other)) >= MINIMUM and test_pictures.may_show(other):
                return _atlas(other)[0]
            st.caption(f":material/info: {other.name} has too few measured test pictures that may be shown for a map.")
    return None


def _without_codes(entry: catalog.Entry, count: int) -> None:
    """Not measured, or measured on too few pictures."""
    if count and entry.metrics:
        widgets.empty_state(
            "Too few test pictures for a map",
            f"{entry.name} was measured on {count}; a map needs at least {MINIMUM}. Train on more pictures.",
            icon=":material/scatter_plot:",
        )
        return
    measuring.offer(
        entry,
        f"The test pictures of {entry.name} are not measured yet",
        f"The map shows their codes, and needs at least {MINIMUM} of them; measuring makes both.",
        ":material/scatter_plot:",
        f"python -m trainer evaluate {entry.path}",
    )


def _controls(atlas: Atlas) -> None:
    """The view; for the map also colour, layers, layout and one's own picture."""
    widgets.view_selector(page, VIEWS)
    if current().view != "map":
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="clusters-controls"):
        offered = colourings(atlas)
        tied = bound("colour")
        if st.session_state[tied["key"]] not in offered:
            st.session_state[tied["key"]] = coloured(atlas, "")[0] or None
        titles = {name: colouring.title for name, colouring in offered.items()}
        st.selectbox("Colour by", list(offered), format_func=titles.__getitem__, width=265, **tied)
        layers = [name for name in LAYERS if name == "prior" or atlas.components]
        tied = bound("layers")
        st.session_state[tied["key"]] = [name for name in st.session_state[tied["key"]] if name in layers]
        st.pills("Layers", layers, format_func=LAYERS.__getitem__, selection_mode="multi", **tied)
        layout_popover(atlas.entry)
        upload_popover(atlas)


def _waiting(job: Job) -> None:
    """The progress of the wanted map, or the button that computes it; the linear map is shown meanwhile."""
    state = progress.show(job, "clusters", after=" meanwhile the linear map (PCA) is shown.")
    if state.is_running:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="clusters-waiting"):
        st.markdown(
            ":material/info: This is the linear map (PCA). The UMAP map of these settings is not computed yet.",
            width="stretch",
        )
        if mode.is_view():
            widgets.not_offered("Computing another map")
        elif st.button("Compute it", icon=":material/scatter_plot:", key="clusters.compute"):
            with widgets.user_errors():
                job.start()
                st.rerun()
