"""The Home page put together: models, trainings without a model yet, and folders that cannot be opened."""

from pathlib import Path

import streamlit as st

from explorer.home import digits, first_screen, gallery
from explorer.home import state as home
from explorer.shared import catalog, links, phases, state, widgets
from explorer.shared.escape import markdown
from trainer.runs import layout
from trainer.runs.status import Training, look, look_at_all

POLL_SECONDS = 2.5


def show() -> None:
    """Draw the page; pictures that need a model come last."""
    entries = catalog.entries()
    ready = [entry for entry in entries if entry.broken is None]
    places = []
    home.current()
    shown = digits.find()
    if shown:
        first_screen.show(shown)
    if ready:
        st.header("Models", anchor=False)
        st.caption("Upper row: test pictures; lower row: reconstructions. Click a metric to see how it was measured.")
        places = gallery.show(ready)
    else:
        widgets.no_models()
    young = [entry.path for entry in entries if entry.untrained and not entry.bundled]
    if young:
        live = any(look(folder).is_live for folder in young)
        st.fragment(_starting, run_every=POLL_SECONDS if live else None)(young)
    if broken := [entry for entry in entries if entry.broken and entry.path not in young]:
        _damaged(broken)
    state.mirror()  # a page is linkable before its last picture is there
    if shown:
        first_screen.bring(shown)
    for (place, _), entry in zip(places, ready, strict=True):
        with place.container(gap=None):
            gallery.decoded(entry)
    for (_, place), entry in zip(places, ready, strict=True):
        with place.container(gap="xxsmall"):
            gallery.flaws(entry)


def _starting(folders: list[Path]) -> None:
    """Draw trainings without a model yet, each with its state; the page is rerun when one gets a model."""
    listed = {training.folder: training for training in look_at_all(catalog.roots()[1])}
    trainings = [listed.get(folder) or look(folder) for folder in folders]
    if any((training.folder / layout.WEIGHTS).is_file() or not training.folder.is_dir() for training in trainings):
        st.rerun()
    st.header("No model yet", anchor=False)
    for training in trainings:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{markdown(training.name)}**", width="content")
            st.badge(phases.phase(training), color=phases.PHASES[training.phase][1])
            st.caption(_state(training), width="stretch")
            if st.button("Show on Train", key=f"train-{training.name}", icon=":material/model_training:"):
                links.open_run(training.name)


def _state(training: Training) -> str:
    """Return how far a training without a model is, or why it has none."""
    if training.phase == "failed":
        return markdown(training.message or "It failed; see its log.")
    if training.phase in ("running", "loading", "stopping", "silent"):
        return f"{phases.progress(training)}. The model appears with the first checkpoint."
    if training.phase == "interrupted":
        return "Its process ended before the first checkpoint; it can be started again."
    if training.phase == "queued":
        return "It starts by itself when the trainings before it have ended."
    return "It was never started." if training.phase == "new" else "It ended before its first checkpoint."


def _damaged(entries: list[catalog.Entry]) -> None:
    """Draw the folders that cannot be opened, each with the remedy."""
    st.header("Cannot be opened", anchor=False)
    for entry in entries:
        with st.container(border=True, gap="xxsmall"):
            st.markdown(f":material/folder_off: **{entry.name}**")
            st.caption(markdown(entry.broken))
