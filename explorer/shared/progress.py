"""A background task on a page, whichever it is: its stage, how far it is, Stop, and why it failed."""

import streamlit as st

from explorer.shared import widgets
from explorer.shared.escape import markdown
from trainer.jobs.task import Job, JobState, Task

POLL_SECONDS = 1.0


def show(job: Job, key: str, failed: str = "", before: str = "", after: str = "") -> JobState:
    """Show how far a job is while it runs, and why it failed; return its state.

    Args:
        key: of the container (`<key>-progress`) and its button (`<key>.stop`).
        failed: comes before the sentence on a failure.
        before, after: stand around the stage.
    """
    found = job.state()
    if found.is_running:
        _panel(job, key, before, after)
    elif found.status == "failed":
        st.error(f"{failed}{found.error}", icon=":material/error:")
    return found


@st.fragment(run_every=POLL_SECONDS)
def _panel(job: Job, key: str, before: str, after: str) -> None:
    """Stage, progress and Stop; when the job ends, the page is run again and finds its result."""
    found = job.state()
    if not found.is_running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key=f"{key}-progress"):
        st.progress(share(found), f"{before}{text(found, job.task)}{after}")
        stopping = found.stage == "stopping"
        if st.button("Stop", icon=":material/stop_circle:", key=f"{key}.stop", disabled=stopping):
            with widgets.user_errors():
                job.stop()
                st.rerun()


def share(found: JobState) -> float:
    """Return how much of the whole is done, in [0, 1]; parts count alike."""
    within = min(1.0, found.done / found.total) if found.total else 0.0
    return max(0.0, (found.place - 1 + within) / found.places) if found.places else within


def text(found: JobState, task: Task) -> str:
    """Return where a job is: the part, what is being done in it, and how far."""
    part = task.stage(found.part or found.stage)
    said = f"{task.title}, part {found.place} of {found.places}: {part}" if found.places else part
    if found.part and found.stage != found.part and (detail := task.stage(found.stage)):
        said += f", {markdown(detail)}"
    return said + (f" ({found.done:,} of {found.total:,})" if found.total > 1 else "") + " …"
