"""A card per model: pictures, metrics, and the button that opens it."""

import numpy as np
import streamlit as st

from explorer.shared import cache, catalog, links, state, widgets
from explorer.shared.escape import markdown
from trainer.errors import UserError


def show(entries: list[catalog.Entry]) -> list:
    """Draw a card per model; return the places of the pictures that need the model, to be filled last."""
    places = []
    with st.container(key="gallery"):
        for entry in entries:
            with st.container(border=True, key=f"card-{entry.name}", height="stretch"):
                with st.container(key=f"pictures-{entry.name}", gap=None):
                    _originals(entry)
                    places.append(st.empty())
                _describe(entry)
    return places


def _describe(entry: catalog.Entry) -> None:
    """Draw name, data set, key metrics, and the button that opens the model."""
    origin = "" if entry.bundled else " :gray-badge[your run]"
    with st.container(gap="xxsmall"):
        st.markdown(f"**{entry.name}**{origin}")
        st.caption(
            f"{entry.model_kind.upper()} · {entry.prior_title}  \n"
            f"{entry.data_title} {entry.image_shape[1]}×{entry.image_shape[2]} · {entry.z_dim} axes · `{entry.hash}`"
        )
    if not entry.has_sprite:
        st.caption("Both rows: samples from the prior, decoded.")
    if entry.key_metrics:
        widgets.metric_row(entry.key_metrics, entry.name)
    elif entry.bundled and not entry.note:
        st.caption("Not evaluated yet; `python -m trainer evaluate` adds its metrics.")
    if entry.note:
        st.caption(f":material/info: {markdown(entry.note)}")
    if not entry.bundled and not entry.metrics:
        label = "Measure it again" if entry.older else "Not measured yet: measure it"
        if st.button(label, key=f"measure-{entry.name}", icon=":material/straighten:", type="tertiary"):
            links.open_run(entry.path.name)
    if st.button("Open in Traverse", key=f"open-{entry.name}", icon=":material/tune:", width="stretch"):
        state.select_model(entry.name)
        widgets.open_page("traverse")


def _originals(entry: catalog.Entry) -> None:
    """Draw the row of test pictures, if the folder holds any; it needs no torch and is there at once."""
    if not entry.has_sprite:
        return
    try:
        _row(cache.originals(entry), f"Test pictures of {entry.name}")
    except UserError as error:
        st.caption(f":material/broken_image: {markdown(error)}")


def decoded(entry: catalog.Entry) -> None:
    """Draw reconstructions below the originals; without bundled pictures, two rows of decoded prior samples."""
    try:
        if entry.has_sprite:
            _row(cache.reconstructions(entry), f"Their reconstructions by {entry.name}")
        else:
            samples = cache.prior_pictures(entry, 2 * cache.PREVIEW_TILES)
            _row(samples, f"Prior samples decoded by {entry.name}", rows=2)
    except UserError as error:
        st.caption(f":material/broken_image: {markdown(error)}")


def _row(pictures: np.ndarray, alt: str, rows: int = 1) -> None:
    """Draw tiles as wide as the card, in `rows` rows of equal length."""
    widgets.strip(np.split(pictures, rows), alt, gap=pictures.shape[-1] // 16)
