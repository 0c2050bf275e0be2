"""State of a training, read from its run folder alone; damaged, missing or unreadable files never raise.

trainer/jobs/queue.py describes the files and who writes them.
"""

import contextlib
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from trainer.runs import layout, validation
from trainer.system import files, locks, processes

SILENT_AFTER = 120.0
"""Seconds without a heartbeat after which a running process counts as silent; a validation takes a few."""

Phase = Literal[
    "new", "queued", "starting", "loading", "running", "stopping", "silent",
    "finished", "early stop", "time limit", "stopped", "failed", "interrupted", "model only",
]  # fmt: skip
ACTIVE = ("starting", "loading", "running", "stopping", "silent")
_CHECKPOINTED = ("finished", "early stop", "time limit", "stopped")  # endings that leave a checkpoint with the model
_ENDINGS = (*_CHECKPOINTED, "failed")


@dataclass(frozen=True)
class Training:
    """State of one training.

    phase: "new": never started; "queued"; one of ACTIVE: a process works on it ("silent": without a heartbeat);
        "interrupted": its process died; "model only": a model without a checkpoint; else how it ended.
    step, max_steps, seconds: progress; `done` of `total` pictures while loading.
    position: place in the queue, from 1.
    message: why it failed.
    """

    folder: Path
    phase: Phase
    step: int = 0
    max_steps: int = 0
    seconds: float = 0.0
    heartbeat: float = 0.0
    best_step: int = 0
    done: int = 0
    total: int = 0
    position: int = 0
    message: str = ""
    pid: int | None = None

    @property
    def name(self) -> str:
        """Name of the run folder."""
        return self.folder.name

    @property
    def is_active(self) -> bool:
        """Whether a process works on it."""
        return self.phase in ACTIVE

    @property
    def is_live(self) -> bool:
        """Whether a process works on it, or it is queued."""
        return self.is_active or self.phase == "queued"

    @property
    def can_start(self) -> bool:
        """Whether `queue.start` would begin or continue it."""
        return self.phase in ("new", "early stop", "time limit", "stopped", "failed", "interrupted")

    @property
    def share(self) -> float:
        """Progress in [0, 1]."""
        return min(1.0, self.step / self.max_steps) if self.max_steps else 0.0


def look(folder: Path) -> Training:
    """Return the state of one run, from its files alone; damaged or hand-edited files never raise."""
    folder = Path(folder)
    stored = read_json(folder / layout.STATUS)
    alive, pid = _process(folder, stored)
    counts = {name: int(number(stored, name)) for name in ("step", "max_steps", "best_step", "done", "total")}
    return Training(
        folder=folder,
        phase=_phase(folder, stored, alive, pid),
        seconds=number(stored, "seconds"),
        heartbeat=number(stored, "heartbeat"),
        message=_text(stored.get("message")),
        pid=pid,
        **counts,
    )


def _phase(folder: Path, stored: dict, alive: bool, pid: int | None) -> Phase:
    # os.path: Path.exists raises if the folder may not be searched.
    state = stored.get("state")
    if alive:
        if os.path.exists(folder / layout.STOP):
            return "stopping"
        if stored.get("pid") != pid or state not in ("loading", "running"):
            return "starting"
        return "silent" if time.time() - number(stored, "heartbeat") > SILENT_AFTER else state
    if os.path.isfile(folder / layout.REQUEST):
        return "queued"
    if is_model_only(folder):
        return "model only"
    is_lost = state in ("finished", "early stop") and not os.path.isfile(folder / layout.WEIGHTS)
    if state in _ENDINGS and not is_lost:
        return state
    begun = (layout.LAUNCH, layout.CHECKPOINT)
    return "interrupted" if stored or any(os.path.exists(folder / name) for name in begun) else "new"


def is_model_only(folder: Path) -> bool:
    """Return whether there is a model without a checkpoint: to continue it would restart and overwrite the model.

    This holds for bundled models and after the checkpoint was removed. It does not for a training that died between
    its first model and its first checkpoint: nothing is lost if that begins again.
    """
    if not os.path.isfile(Path(folder) / layout.WEIGHTS) or os.path.isfile(Path(folder) / layout.CHECKPOINT):
        return False
    stored = read_json(Path(folder) / layout.STATUS)
    return not stored or stored.get("state") in _CHECKPOINTED


def _process(folder: Path, stored: dict) -> tuple[bool, int | None]:
    """Return whether a process works on this run, and its number if known.

    The lock decides: the system releases it when its process ends, however it ends. Until a new process holds it,
    number and start time of the process decide.
    """
    if locks.is_held(folder / layout.LOCK):
        pid = stored.get("pid")
        return True, pid if processes.is_same(pid, stored.get("started")) else None
    launched = read_json(folder / layout.LAUNCH)
    pid = launched.get("pid")
    return (True, pid) if processes.is_same(pid, launched.get("started")) else (False, None)


def look_at_all(root: Path) -> list[Training]:
    """Return every run below `root`: those with a process, then the queue in order, then the others, latest first."""
    trainings = [look(folder) for folder in folders(root)]
    waiting = sorted((each for each in trainings if each.phase == "queued"), key=_queued_at)
    places = {each.folder: place for place, each in enumerate(waiting, start=1)}
    trainings = [replace(each, position=places.get(each.folder, 0)) for each in trainings]
    return sorted(
        trainings, key=lambda each: (not each.is_active, each.position or 1e9, -_touched(each.folder), each.name)
    )


def folders(root: Path) -> list[Path]:
    """Return every run folder below `root`, by name; without config.yaml only while it trains."""
    try:
        children = sorted(Path(root).iterdir())
    except OSError:
        return []
    visible = [child for child in children if not child.name.startswith(".")]
    return [child for child in visible if os.path.isfile(child / layout.CONFIG) or locks.is_held(child / layout.LOCK)]


def _touched(folder: Path) -> float:
    """Return the time of the last status, else of the creation of the folder."""
    for name in (layout.STATUS, layout.CONFIG):
        with contextlib.suppress(OSError):
            return (folder / name).stat().st_mtime
    return 0.0


def _queued_at(each: Training) -> tuple[float, str]:
    return (number(read_json(each.folder / layout.REQUEST), "queued"), each.name)


def note(folder: Path, state: str, message: str) -> None:
    """Add how a training ended to its status.json, which keeps the progress.

    Raises: UserError if the folder cannot be written.
    """
    status = folder / layout.STATUS
    stored = read_json(status) | {"state": state, "message": message, "pid": os.getpid()}
    files.write_text(status, json.dumps(stored, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object; empty if the file is missing or damaged."""
    try:
        values = validation.parse_json(validation.read_bytes(path, validation.MAX_JSON))
    except validation.WrongError:
        return {}
    return values if isinstance(values, dict) else {}


def _text(value: Any) -> str:
    """Return a message of ordinary length; empty for anything else."""
    return value[:2000] if isinstance(value, str) else ""


def number(stored: dict, name: str) -> float:
    """Return a stored number if it is finite and not negative, else 0."""
    value = stored.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if fits else 0.0
