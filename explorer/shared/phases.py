"""The phases of a training as text, the same on every page."""

from trainer.runs.status import Training

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
"""Label and colour of each phase."""
INTERRUPTED = (
    "Its process ended without a report: killed, out of memory, or the machine was switched off. Nothing up to the "
    "last checkpoint is lost; “Resume” continues from there."
)


def phase(training: Training) -> str:
    """Return the label of the phase, with the place in the queue behind others."""
    return PHASES[training.phase][0] + (f", place {training.position}" if training.position > 1 else "")


def progress(training: Training) -> str:
    """Return the progress of a training in one line."""
    if training.phase == "loading":
        return f"Reading pictures: {training.done:,} of {training.total:,}" if training.total else "Reading pictures"
    text = f"Step {training.step:,} of {training.max_steps:,}" if training.max_steps else "No step yet"
    if training.phase == "running" and training.total:
        text += f" · placing the mixture, {training.done / training.total:.0%}"
    if training.seconds:
        text += f" · {duration(training.seconds)} so far"
    if training.phase == "running" and training.step and training.seconds:
        text += f" · about {duration((training.max_steps - training.step) * training.seconds / training.step)} left"
    return text


def duration(seconds: float) -> str:
    """Return a duration as text: 40 s, 3 min, 1 h 20 min, 2 days."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 36:
        return f"{hours} h {rest // 5 * 5} min" if rest >= 5 and hours < 10 else f"{hours} h"
    return f"{round(hours / 24)} days"
