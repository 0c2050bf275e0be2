"""Measuring a run of one's own from a page: the button, how far it is, Stop, and what went wrong.

The work is a process of its own (trainer/jobs/evaluate.py); every page that needs its results offers it.
"""

from __future__ import annotations

import streamlit as st

from explorer.shared import catalog, widgets
from explorer.shared.escape import markdown
from trainer.data import default_data_root
from trainer.jobs import evaluate, queue
from trainer.jobs.task import JobState

POLL_SECONDS = 1.0
PARTS = {
    "starting": "Starting",
    "waiting": "Waiting for another measurement to be finished",
    "stopping": "Stopping",
    "reading": "Reading the test pictures",
    "codes": "Encoding the test pictures",
    "reconstruction": "Reconstruction",
    "clustering": "Clusters",
    "geometry": "Geometry of the codes",
    "ood": "Outliers",
    "map": "Map of the codes",
    "files": "Writing the files",
}
_PLAIN = {"codes": "encoding", "reading": "reading pictures"}
"""Steps that the name of their part says already."""
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
    if state(entry).status == "running":
        progress(entry)
        st.caption("What this page shows is being measured; that goes on while you are elsewhere.")
        return
    widgets.empty_state(title, f"{sentence} It takes minutes, in the background.", icon=icon)
    failure(entry)
    with st.container(horizontal=True, horizontal_alignment="center"):
        button(entry, again=again or entry.is_outdated, primary=True)


def outdated(entry: catalog.Entry) -> None:
    """A line on codes and numbers of earlier weights, and the way to those of the present ones; else nothing."""
    if not entry.is_outdated:
        return
    running = state(entry).status == "running"
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="medium", key="measuring-outdated"):
        st.caption(f":material/history: {older_weights(entry)}", width="stretch")
        if not running and not entry.bundled:
            button(entry, again=True)
    if running:
        progress(entry)
    else:
        failure(entry)


def missing(entry: catalog.Entry, sentence: str) -> None:
    """A line on what is not measured, and the button; the progress once it runs."""
    if state(entry).status == "running":
        progress(entry)
        return
    failure(entry)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="medium", key="measuring-missing"):
        st.caption(f":material/info: {sentence}", width="stretch")
        button(entry)


def older_weights(entry: catalog.Entry) -> str:
    """The sentence on numbers that belong to earlier weights."""
    return (
        f"What was measured of {markdown(entry.name)} belongs to earlier weights (`{entry.older[0].checkpoint}`, now "
        f"`{entry.hash}`): the training has gone on since."
    )


# ---------------------------------------------------------------- the job


def state(entry: catalog.Entry) -> JobState:
    """How far the measurement of a model is; bundled ones are not measured from here."""
    return JobState("absent") if entry.bundled else evaluate.state(entry.path)


def button(entry: catalog.Entry, again: bool = False, primary: bool = False) -> None:
    """Starts the measurement; not while the run is training, as its weights change."""
    job = queue.look(entry.path)
    trains = job.is_live
    if st.button(
        "Measure again" if again else "Measure this model",
        icon=":material/straighten:",
        key="measuring.start",
        type="primary" if primary else "secondary",
        disabled=trains,
        help="It can be measured once its training has ended." if trains else WHAT,
    ):
        with widgets.user_errors():
            start(entry)
            st.rerun()


def start(entry: catalog.Entry) -> None:
    """Measure in the background, on the data that trainings use.

    Raises: UserError if the run folder cannot be written.
    """
    evaluate.start(entry.path, default_data_root().expanduser())


def failure(entry: catalog.Entry) -> None:
    """The sentence on a measurement that ended without a result; else nothing."""
    found = state(entry)
    if found.status == "failed":
        st.error(f"Not measured: {found.error}", icon=":material/error:")


@st.fragment(run_every=POLL_SECONDS)
def progress(entry: catalog.Entry) -> None:
    """The running measurement; when it ends, the page is run again and finds what it made."""
    found = state(entry)
    if found.status != "running":
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="measuring-progress"):
        st.progress(share(found), told(found))
        if st.button("Stop", icon=":material/stop_circle:", key="measuring.stop", disabled=found.stage == "stopping"):
            with widgets.user_errors():
                evaluate.stop(entry.path)
                st.rerun()


def share(found: JobState) -> float:
    """How much of all parts is done, in [0, 1]."""
    within = min(1.0, found.done / found.total) if found.total else 0.0
    return min(1.0, max(0.0, (found.place - 1 + within) / found.places)) if found.places else 0.0


def told(found: JobState) -> str:
    """Where a measurement stands: the part, what is being done in it, and how far."""
    part = PARTS.get(found.part or found.stage, found.part or found.stage)
    text = f"Measuring, part {found.place} of {found.places}: {part}" if found.places else part
    if found.part and found.stage not in (found.part, _PLAIN.get(found.part)):
        text += f", {markdown(found.stage)}"
    if found.total > 1:
        text += f" ({found.done:,} of {found.total:,})"
    return f"{text} …"
