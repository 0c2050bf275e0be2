"""What the phases of a training are called, the same on every page."""

from __future__ import annotations

from trainer.jobs import queue

PHASES: dict[str, tuple[str, str]] = {
    "running": ("training", "blue"),
    "loading": ("reading pictures", "blue"),
    "starting": ("starting", "blue"),
    "stopping": ("stopping", "orange"),
    "silent": ("no sign of life", "red"),
    "finished": ("finished", "green"),
    "early stop": ("finished early", "green"),
    "time limit": ("ended at its time limit", "gray"),
    "stopped": ("stopped", "gray"),
    "failed": ("failed", "red"),
    "interrupted": ("interrupted", "orange"),
    "queued": ("waiting", "violet"),
    "new": ("not started", "gray"),
    "model only": ("model only", "gray"),
}
"""Words and colour of each phase."""
INTERRUPTED = (
    "Its process ended without a word: killed, out of memory, or the machine was switched off. Nothing up to the last "
    "checkpoint is lost; “Resume” goes on from there."
)


def phase(job: queue.Job) -> str:
    """The phase in words, with the place in the queue behind others."""
    return PHASES[job.phase][0] + (f", place {job.position}" if job.position > 1 else "")


def progress(job: queue.Job) -> str:
    """Where a training stands, in a line."""
    if job.phase == "loading":
        return f"Reading pictures: {job.done:,} of {job.total:,}" if job.total else "Reading pictures"
    text = f"Step {job.step:,} of {job.max_steps:,}" if job.max_steps else "No step yet"
    if job.seconds:
        text += f" · {duration(job.seconds)} so far"
    if job.phase == "running" and job.step and job.seconds:
        text += f" · about {duration((job.max_steps - job.step) * job.seconds / job.step)} left"
    return text


def duration(seconds: float) -> str:
    """Seconds in words: 40 s, 3 min, 1 h 20 min, 2 days."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 36:
        return f"{hours} h {rest // 5 * 5} min" if rest >= 5 and hours < 10 else f"{hours} h"
    return f"{round(hours / 24)} days"
