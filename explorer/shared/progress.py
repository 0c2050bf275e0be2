"""The progress of any background task: stage, share, Stop, and the error of a failure."""

import streamlit as st

from explorer.shared import widgets
from explorer.shared.escape import markdown
from trainer.jobs.task import Job, JobState, Task
from trainer.system import mode

POLL_SECONDS = 1.0


def show(job: Job, key: str, failed: str = "", before: str = "", after: str = "") -> JobState:
    """Draw the progress of a running job, or the error of a failed one; return its state.

    Args:
        key: of the container (`<key>-progress`) and its button (`<key>.stop`).
        failed: text before an error.
        before, after: text around the stage.
    """
    current = job.state()
    if current.is_running:
        _panel(job, key, before, after)
    elif current.status == "failed":
        st.error(f"{failed}{markdown(current.error)}", icon=":material/error:")
    return current


@st.fragment(run_every=POLL_SECONDS)
def _panel(job: Job, key: str, before: str, after: str) -> None:
    """Draw stage, progress and Stop; when the job ends, the page is rerun and shows its result."""
    current = job.state()
    if not current.is_running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key=f"{key}-progress"):
        st.progress(share(current), f"{before}{text(current, job.task)}{after}")
        disabled = current.stage == "stopping" or mode.is_view()
        if st.button("Stop", icon=":material/stop_circle:", key=f"{key}.stop", disabled=disabled):
            with widgets.user_errors():
                job.stop()
                st.rerun()


def share(current: JobState) -> float:
    """Return the finished share, in [0, 1]; all parts count alike."""
    within = min(1.0, current.done / current.total) if current.total else 0.0
    return max(0.0, (current.place - 1 + within) / current.places) if current.places else within


def text(current: JobState, task: Task) -> str:
    """Return the part of the job, its stage, and its progress as text."""
    part = task.stage(current.part or current.stage)
    sentence = f"{task.title}, part {current.place} of {current.places}: {part}" if current.places else part
    if current.part and current.stage != current.part and (detail := task.stage(current.stage)):
        sentence += f", {markdown(detail)}"
    return sentence + (f" ({current.done:,} of {current.total:,})" if current.total > 1 else "") + " …"
