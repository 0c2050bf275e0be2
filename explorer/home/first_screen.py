"""The first screen: distances that agree, an axis to move, and what both are for; it answers in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer.components import distances, live_decoder
from explorer.home.claims import claims, metric, written
from explorer.home.digits import Coded, Digits
from explorer.home.state import STEPS, change, current
from explorer.shared import cache, pixels, state, widgets

KEY = "home.distances"
_SEQUENCE = "home.sequence"
_OPENED = "home.opened"
LINKED = ("disentangle", "traverse", "clusters", "ood", "generate")
"""Pages that the claims lead to."""


@st.fragment
def show(digits: Digits) -> None:
    """Draw the screen."""
    if opened := st.session_state.pop(_OPENED, None):
        state.select_model(opened["model"])
        widgets.open_page(opened["page"])
    content = distances.Distances(
        step=current().step,
        sequence=st.session_state.get(_SEQUENCE, 0),
        names=list(STEPS),
        pictures=pixels.as_base64(digits.pictures),
        shape=list(digits.pictures.shape[1:]),
        labels=digits.labels,
        models=[_model(digits.control), _model(digits.gwae)],
        hash=digits.gwae.entry.hash,
        claims=claims(digits.gwae.entry, digits.control.entry),
    )
    content.draw(KEY, on_stepped_change=_stepped, on_opened_change=_opened)


def bring(digits: Digits) -> None:
    """Send what needs the models: after everything that can be seen, and all at once, so that no server is needed."""
    from explorer.home import miniatures  # with the axes' names and all; the title would wait for it

    with widgets.user_errors():
        entry = digits.gwae.entry
        small = miniatures.all_of(entry)
        decoders = {each.hash: each for each in (entry, *(miniature.entry for miniature in small.values()))}
        for each in decoders.values():
            if decoder := cache.decoder(each):
                live_decoder.carrier(each.hash, decoder)
        contents = {name: miniature.content for name, miniature in small.items()}
        distances.bring(miniatures.axes(entry), contents, key="home.bring")


def _model(coded: Coded) -> dict[str, Any]:
    return {
        "name": coded.entry.name,
        "kind": coded.entry.model_kind.upper(),
        "whole": _whole(coded),
        "codes": pixels.as_base64(coded.codes),
        "places": pixels.as_base64(coded.places),
    }


def _whole(coded: Coded) -> str:
    """Return the correlation that was measured on many pairs, as text; empty where it was not."""
    number = metric(coded.entry, "Spearman, posterior codes", "Spearman")
    if number is None:
        return ""
    what = "test pictures" if number.split == "test" else number.split
    return f"All pairs of {number.n} {what}: {written(number)}"


def _stepped() -> None:
    report = st.session_state[KEY].stepped
    if isinstance(report, Mapping) and report.get("step") in STEPS:
        st.session_state[_SEQUENCE] = int(report["sequence"])
        change(step=report["step"])


def _opened() -> None:
    """Note which page to open: a page cannot be changed inside a callback."""
    report = st.session_state[KEY].opened
    if isinstance(report, Mapping) and report.get("page") in LINKED:
        st.session_state[_OPENED] = {"page": report["page"], "model": str(report.get("model"))}
