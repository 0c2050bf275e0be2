"""The OoD page: its three views, and an offer to measure while a model has no scores."""

from pathlib import Path

import streamlit as st

from explorer.ood import benchmark, drawing, own_pictures
from explorer.ood.detector import has_scores, read_detector
from explorer.ood.state import VIEWS, change, current, page
from explorer.shared import catalog, links, measuring, widgets

CSS = Path(__file__).with_suffix(".css")
"""Charts side by side where there is room for two, and a quiet table that scrolls rather than being cut."""


def show(entry: catalog.Entry) -> None:
    """The whole page for one model.

    Raises: UserError if the model's files are damaged or of other weights.
    """
    current()  # takes the link's state before anything below changes it
    if st.session_state.pop(links.DRAWING, False):
        change(view="draw")
    st.html(CSS)
    if not has_scores(entry) or entry.is_outdated:
        _offer(entry)
        return
    detector = read_detector(entry)
    if widgets.view_selector(page, VIEWS) == "measured":
        benchmark.show(detector)
    elif current().view == "draw":
        drawing.show(detector)
    else:
        own_pictures.show(detector)


def _offer(entry: catalog.Entry) -> None:
    """No scores, or only those of other weights, which say nothing about these."""
    title = f"{entry.name} has no out-of-distribution scores yet"
    sentence = "The scores of ordinary pictures and of every set of outliers on the disk must be measured first."
    if entry.is_outdated:
        title, sentence = f"The scores of {entry.name} are outdated", measuring.older_weights(entry)
    command = f"python -m trainer evaluate {entry.path} --only ood"
    measuring.offer(entry, title, sentence, ":material/troubleshoot:", command)
