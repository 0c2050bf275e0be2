"""Measuring a run from a page: the button, and how far it is; every page that needs the results offers it."""

import streamlit as st

from explorer.shared import catalog, progress, widgets
from explorer.shared.escape import markdown
from trainer.data import default_data_root
from trainer.jobs import evaluate
from trainer.jobs.task import Job, JobState
from trainer.runs.status import look

WHAT = "Reconstruction, clusters, outliers and a map of the codes, from its test pictures: minutes, in the background."


def offer(entry: catalog.Entry, title: str, sentence: str, icon: str, command: str, again: bool = False) -> None:
    """What a page shows while it lacks what a measurement makes: why, and the button; the progress once it runs.

    Args:
        command: what does it for a bundled model, whose folder is not written to from here.
        again: whether something was measured before.
    """
    if entry.bundled:
        widgets.empty_state(title, f"{sentence} The command below does it.", command, icon=icon)
        return
    if show(entry).is_running:
        st.caption("What this page shows is being measured; that goes on while you are elsewhere.")
        return
    widgets.empty_state(title, f"{sentence} It takes minutes, in the background.", icon=icon)
    with st.container(horizontal=True, horizontal_alignment="center"):
        button(entry, again=again or entry.is_outdated, primary=True)


def outdated(entry: catalog.Entry) -> None:
    """A line on codes and numbers of earlier weights, and the way to those of the present ones; else nothing."""
    if not entry.is_outdated:
        return
    running = _job(entry).state().is_running
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="medium", key="measuring-outdated"):
        st.caption(f":material/history: {older_weights(entry)}", width="stretch")
        if not running and not entry.bundled:
            button(entry, again=True)
    show(entry)


def missing(entry: catalog.Entry, sentence: str) -> None:
    """A line on what is not measured, and the button; the progress once it runs."""
    if show(entry).is_running:
        return
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="medium", key="measuring-missing"):
        st.caption(f":material/info: {sentence}", width="stretch")
        button(entry)


def older_weights(entry: catalog.Entry) -> str:
    """The sentence on numbers that belong to earlier weights."""
    return (
        f"What was measured of {markdown(entry.name)} belongs to earlier weights (`{entry.older[0].checkpoint}`, now "
        f"`{entry.hash}`): the training has gone on since."
    )


def show(entry: catalog.Entry) -> JobState:
    """Show how far the measurement is, or why it failed; bundled models are not measured from here."""
    if entry.bundled:
        return JobState("absent")
    return progress.show(_job(entry), "measuring", "Not measured: ")


def button(entry: catalog.Entry, again: bool = False, primary: bool = False) -> None:
    """Starts the measurement; not while the run is training, as its weights change."""
    trains = look(entry.path).is_live
    if st.button(
        "Measure again" if again else "Measure this model",
        icon=":material/straighten:",
        key="measuring.start",
        type="primary" if primary else "secondary",
        disabled=trains,
        help="It can be measured once its training has ended." if trains else WHAT,
    ):
        with widgets.user_errors():
            _job(entry).start()
            st.rerun()


def _job(entry: catalog.Entry) -> Job:
    """Return the measurement of a model, on the data that trainings use."""
    return evaluate.job(entry.path, default_data_root().expanduser())
