"""The models that the selected one is compared with: chosen once, below the model picker, for every page and link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.shared import catalog, escape, state

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

MOST = 3
NO_REASON = "The models may differ in more than one setting; this does not say which one matters."
_PICKER = "gwae.beside_picker"


def models(entry: catalog.Entry) -> list[catalog.Entry]:
    """Return the chosen models of the same pictures, at most MOST, in the order they were chosen."""
    by_name = {other.name: other for other in catalog.comparable(entry)}
    return [by_name[name] for name in dict.fromkeys(state.frame().beside) if name in by_name]


def shown(entry: catalog.Entry, most: int = 1 + MOST) -> list[catalog.Entry]:
    """Return the selected model and those beside it, `most` in all."""
    return [entry, *models(entry)][:most]


def columns(models: Sequence[catalog.Entry], key: str) -> list[DeltaGenerator]:
    """Return a place on the page for each model: the whole width for one, else side by side below their names.

    Columns stand below each other where the page is narrow (shared/theme.css, by the key).
    """
    if len(models) == 1:
        return [st.container()]
    with st.container(key=f"beside-{key}"):
        places = st.columns(len(models), gap="large")
    for place, model in zip(places, models, strict=True):
        place.markdown(f"**{escape.markdown(model.name)}**")
    return places


def verdict(values: Mapping[str, float], better: str, alike: str, form: str = ".3f", largest: bool = False) -> str:
    """Return which of two models is better by a number, and that this does not say why.

    Args:
        values: the number of each model, by name; the smaller is better, or the larger with `largest`.
        better: what the better one does, as "lies closer to the test pictures".
        alike: what both do where the numbers are the same to the digits of `form`, as "lie equally close to them".
    """
    (best, first), (_, second) = sorted(values.items(), key=lambda item: item[1], reverse=largest)
    shown = [format(value, form).replace("%", " %") for value in (first, second)]
    if shown[0] == shown[1]:
        return f"Both models {alike}: {shown[0]}."
    return f"**{escape.markdown(best)}** {better}: {shown[0]} against {shown[1]}. {NO_REASON}"


def picker(entry: catalog.Entry) -> None:
    """Draw the choice of models to compare with, where there are any of the same pictures."""
    others = [other.name for other in catalog.comparable(entry)]
    if not others:
        return
    st.session_state[_PICKER] = [other.name for other in models(entry)]
    about = (
        "Models of the same pictures. Generate and Out of distribution show all that you choose, other pages "
        "the first, in the views that can."
    )
    options = {"max_selections": MOST, "placeholder": "No other model", "help": about, "select_all": False}
    st.multiselect("Compare with", others, key=_PICKER, on_change=_picked, **options)


def _picked() -> None:
    state.change_frame(beside=tuple(st.session_state[_PICKER]))
