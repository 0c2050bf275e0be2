"""Measuring a run from any page: the button, and the progress."""

import streamlit as st

from explorer.shared import catalog, progress, widgets
from explorer.shared.escape import markdown
from trainer.data import default_data_root
from trainer.jobs import evaluate
from trainer.jobs.task import Job, JobState
from trainer.runs.status import look
from trainer.system import mode

WHAT = "Reconstruction, clusters, outliers and a map of the codes from the test pictures. Minutes, in the background."


def offer(entry: catalog.Entry, title: str, sentence: str, icon: str, command: str, again: bool = False) -> None:
    """Draw the empty state of a page that needs a measurement, with the button; while it runs, the progress.

    Args:
        command: measures a bundled model, whose folder the app does not write to.
        again: whether the model was measured before.
    """
    if mode.is_view():
        widgets.empty_state(title, f"{sentence} {mode.not_offered('Measuring')}", icon=icon)
        return
    if entry.bundled:
        widgets.empty_state(title, f"{sentence} The command below measures it.", command, icon=icon)
        return
    if show(entry).is_running:
        st.caption("Measuring goes on while you use other pages.")
        return
    widgets.empty_state(title, f"{sentence} It takes minutes, in the background.", icon=icon)
    with st.container(horizontal=True, horizontal_alignment="center"):
        button(entry, again=again or entry.is_outdated, primary=True)


def outdated(entry: catalog.Entry) -> None:
    """Draw a line on codes and metrics of earlier weights, the button, and the progress; else nothing."""
    if entry.is_outdated:
        line(entry, "history", older_weights(entry), not entry.bundled and not _job(entry).state().is_running)
        show(entry)


def missing(entry: catalog.Entry, sentence: str) -> None:
    """Draw a line on what is not measured, and the button; while it runs, the progress."""
    if not show(entry).is_running:
        line(entry, "info", sentence)


def line(entry: catalog.Entry, icon: str, sentence: str, is_offered: bool = True) -> None:
    """Draw a sentence and, if it is offered, the button."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="medium", key=f"measuring-{icon}"):
        st.caption(f":material/{icon}: {sentence}", width="stretch")
        if is_offered:
            button(entry, again=entry.is_outdated)


def older_weights(entry: catalog.Entry) -> str:
    """Return the sentence on metrics of earlier weights."""
    return (
        f"The metrics of {markdown(entry.name)} belong to earlier weights (`{entry.older[0].checkpoint}`, now "
        f"`{entry.hash}`): the training has continued since."
    )


def show(entry: catalog.Entry) -> JobState:
    """Draw the progress or the error of a measurement, and return its state; bundled models are not measured here."""
    if entry.bundled:
        return JobState("absent")
    return progress.show(_job(entry), "measuring", "Not measured: ")


def button(entry: catalog.Entry, again: bool = False, primary: bool = False) -> None:
    """Draw the button that starts the measurement; disabled during training, as the weights change."""
    if mode.is_view():
        widgets.not_offered("Measuring")
        return
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
