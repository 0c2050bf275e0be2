"""The Home page put together: the models, the trainings that have none yet, and the folders that cannot be opened."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.home import gallery
from explorer.shared import catalog, links, phases, state, widgets
from explorer.shared.escape import markdown
from trainer.runs import layout
from trainer.runs.status import Training, look, look_at_all

POLL_SECONDS = 2.5


def show() -> None:
    """The whole page; what needs the model is drawn last."""
    found = catalog.entries()
    ready = [entry for entry in found if entry.broken is None]
    places = []
    if ready:
        st.caption(
            "Upper row: test pictures; lower row: what the model makes of them. A number's name opens its protocol."
        )
        places = gallery.show(ready)
    else:
        widgets.no_models()
    young = [entry.path for entry in found if entry.untrained and not entry.bundled]
    if young:
        live = any(look(folder).is_live for folder in young)
        st.fragment(_starting, run_every=POLL_SECONDS if live else None)(young)
    if broken := [entry for entry in found if entry.broken and entry.path not in young]:
        _damaged(broken)
    state.mirror()  # a page is linkable before its last picture is there
    for place, entry in zip(places, ready, strict=True):
        with place.container(gap=None):
            gallery.decoded(entry)


def _starting(folders: list[Path]) -> None:
    """Trainings that have no model yet, each with where it stands; the page is run again when one of them has."""
    known = {training.folder: training for training in look_at_all(catalog.roots()[1])}
    found = [known.get(folder) or look(folder) for folder in folders]
    if any((training.folder / layout.WEIGHTS).is_file() or not training.folder.is_dir() for training in found):
        st.rerun()
    st.subheader("No model yet", anchor=False)
    for training in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{markdown(training.name)}**", width="content")
            st.badge(phases.phase(training), color=phases.PHASES[training.phase][1])
            st.caption(_stands(training), width="stretch")
            if st.button("Show on Train", key=f"train-{training.name}", icon=":material/model_training:"):
                links.open_run(training.name)


def _stands(training: Training) -> str:
    """What is to be known of a training without a model: how far it is, or why it has none."""
    if training.phase == "failed":
        return markdown(training.message or "It failed; its log tells more.")
    if training.phase in ("running", "loading", "stopping", "silent"):
        return f"{phases.progress(training)}. The first checkpoint makes it a model."
    if training.phase == "interrupted":
        return "Its process ended before the first checkpoint; it can be started again."
    if training.phase == "queued":
        return "It starts by itself when the trainings before it have ended."
    return "It was never started." if training.phase == "new" else "It ended before its first checkpoint."


def _damaged(entries: list[catalog.Entry]) -> None:
    """Folders that cannot be opened, each with what to do."""
    st.subheader("Cannot be opened", anchor=False)
    for entry in entries:
        with st.container(border=True, gap="xxsmall"):
            st.markdown(f":material/folder_off: **{entry.name}**")
            st.caption(entry.broken)
