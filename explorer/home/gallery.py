"""A card per model: pictures, metrics, and the button that opens it."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.shared import cache, catalog, links, share, state, widgets
from explorer.shared.escape import markdown
from trainer.errors import UserError


def _table(entries: list[catalog.Entry]) -> dict[str, list]:
    """Return the columns of a table with a row for each key metric of each model."""
    rows = [(entry, metric) for entry in entries for metric in entry.key_metrics]
    return {
        "model": [str(entry.name) for entry, _ in rows],
        "data": [str(entry.data_title) for entry, _ in rows],
        "prior": [entry.prior_title for entry, _ in rows],
        "metric": [metric.name for _, metric in rows],
        "value": [metric.value for _, metric in rows],
        "unit": [metric.unit for _, metric in rows],
        "estimator": [metric.estimator for _, metric in rows],
        "checkpoint": [metric.checkpoint for _, metric in rows],
    }


def show(entries: list[catalog.Entry]) -> list[tuple[DeltaGenerator, DeltaGenerator]]:
    """Draw a card per model; return two places each, to be filled last: of pictures that need the model, and flaws."""
    places = []
    share.table("models", _table(entries))
    with st.container(key="gallery"):
        for entry in entries:
            with st.container(border=True, key=f"card-{entry.name}", height="stretch"):
                with st.container(key=f"pictures-{entry.name}", gap=None):
                    _originals(entry)
                    pictures = st.empty()
                places.append((pictures, _describe(entry)))
    return places


def _describe(entry: catalog.Entry) -> DeltaGenerator:
    """Draw name, data set, key metrics, and the button that opens the model; return the place of its flaws."""
    origin = "" if entry.bundled else " :gray-badge[your run]"
    with st.container(gap="xxsmall"):
        st.markdown(f"**{entry.name}**{origin}")
        st.caption(
            f"{entry.model_kind.upper()} · {entry.prior_title}  \n"
            f"{entry.data_title} {entry.image_shape[1]}×{entry.image_shape[2]} · {entry.z_dim} axes · `{entry.hash}`"
        )
        place = st.empty()
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
    return place


def flaws(entry: catalog.Entry) -> None:
    """Draw a sentence on each damaged file; reading all files takes longer than drawing the page."""
    for sentence in catalog.flaws(entry):
        st.caption(f":material/broken_image: {markdown(sentence)}")


def _originals(entry: catalog.Entry) -> None:
    """Draw the row of test pictures, if the folder holds any; it needs no torch and is there at once."""
    if not entry.has_sprite:
        return
    try:
        _row(cache.originals(entry), f"Test pictures of {entry.name}")
    except UserError as error:
        _missing(entry, error)


def decoded(entry: catalog.Entry) -> None:
    """Draw reconstructions below the originals; without bundled pictures, two rows of decoded prior samples."""
    try:
        if entry.has_sprite:
            made = cache.reconstructions(entry)
            _row(made, f"Their reconstructions by {entry.name}")
            share.pictures(str(entry.name), [(f"{entry.name}, test pictures", cache.originals(entry)), ("", made)])
        else:
            samples = cache.prior_pictures(entry, 2 * cache.PREVIEW_TILES)
            _row(samples, f"Prior samples decoded by {entry.name}", rows=2)
    except UserError as error:
        _missing(entry, error)


def _missing(entry: catalog.Entry, error: UserError) -> None:
    """Draw why there are no pictures, unless a sentence on a damaged file says so."""
    if not catalog.flaws(entry):
        st.caption(f":material/broken_image: {markdown(error)}")


def _row(pictures: np.ndarray, alt: str, rows: int = 1) -> None:
    """Draw tiles as wide as the card, in `rows` rows of equal length."""
    widgets.strip(np.split(pictures, rows), alt, gap=pictures.shape[-1] // 16)
