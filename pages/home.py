"""Home: what a GWAE is, and a gallery of the models there are, with their numbers and where those come from."""

from __future__ import annotations

import streamlit as st

from explorer import cache, catalog, state, widgets
from trainer.errors import UserError

SENTENCE = (
    "A Gromov-Wasserstein autoencoder learns a latent space whose distances agree with those between pictures, under a "
    "prior that is learned along with it: so its axes, clusters and densities tell something about the data."
)


def gallery(entries: list[catalog.Entry]) -> list:
    """A card per model; returns the places of the pictures, to be filled after everything else is painted."""
    places = []
    with st.container(key="gallery"):
        for entry in entries:
            with st.container(border=True, key=f"card-{entry.name}", height="stretch"):
                places.append(st.empty())
                place = places[-1]
                paint(place, entry, waiting=True)
                describe(entry)
    return places


def describe(entry: catalog.Entry) -> None:
    """Name, what it was trained on, its key numbers, and the way into it."""
    origin = "" if entry.bundled else " :gray-badge[your run]"
    with st.container(gap="xxsmall"):
        st.markdown(f"**{entry.title}**{origin}")
        st.caption(
            f"{entry.model_kind.upper()} · {entry.prior_title}  \n"
            f"{entry.data_title} {entry.image_shape[1]}×{entry.image_shape[2]} · {entry.z_dim} axes · `{entry.hash}`"
        )
    if entry.key_metrics:
        widgets.metric_row(entry.key_metrics, entry.name)
    elif not entry.note:
        st.caption("Not evaluated yet; `python -m trainer evaluate` adds its numbers.")
    if entry.note:
        st.caption(f":material/info: {entry.note}")
    if st.button("Open in Traverse", key=f"open-{entry.name}", icon=":material/tune:", width="stretch"):
        state.select_model(entry.name)
        widgets.open_page("traverse")


def paint(place, entry: catalog.Entry, waiting: bool) -> None:
    """Originals above their reconstructions; without bundled pictures, prior samples. While waiting: a neutral row.

    Both have the same size, so that nothing jumps when the model has been loaded.
    """
    path, hash_ = str(entry.path), entry.hash
    try:
        if entry.has_sprite:
            first = cache.originals(path, hash_)
            second = widgets.blank(first) if waiting else cache.reconstructions(path, hash_)
            alt = "test pictures above their reconstructions"
        else:
            n = 2 * cache.PREVIEW_TILES
            grid = widgets.blank_tiles(n, entry.image_shape) if waiting else cache.prior_pictures(path, hash_, n)
            first, second = grid[: n // 2], grid[n // 2 :]
            alt = "samples from the prior, decoded"
    except UserError as error:
        place.caption(f":material/broken_image: {error}")
        return
    place.image(widgets.strip([first, second]), width="stretch", output_format="PNG", alt=f"{entry.title}: {alt}")


def damaged(entries: list[catalog.Entry]) -> None:
    """Folders that cannot be opened, each with what to do."""
    st.subheader("Cannot be opened", anchor=False)
    for entry in entries:
        with st.container(border=True, gap="xxsmall"):
            st.markdown(f":material/folder_off: **{entry.name}**")
            st.caption(entry.broken)


widgets.page_header("GWAE Explorer", SENTENCE)
found = catalog.entries()
ready = [entry for entry in found if entry.broken is None]
pictures = []
if ready:
    st.caption("Upper row: test pictures; lower row: what the model makes of them. A number's name opens its protocol.")
    pictures = gallery(ready)
else:
    widgets.no_models()
if any(entry.broken for entry in found):
    damaged([entry for entry in found if entry.broken])
state.mirror()  # a page is linkable before its last picture is there
for spot, model in zip(pictures, ready, strict=True):
    paint(spot, model, waiting=False)
