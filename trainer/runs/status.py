"""Where a training stands, read from its run folder alone; what is damaged, missing or unreadable never raises.

trainer/jobs/queue.py says which files there are, and who writes them.
"""

import contextlib
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from trainer.runs import layout
from trainer.system import files, locks, processes

SILENT_AFTER = 120.0
"""Seconds without a heartbeat after which a living process counts as silent; validations take a few."""

Phase = Literal[
    "new", "queued", "starting", "loading", "running", "stopping", "silent",
    "finished", "early stop", "time limit", "stopped", "failed", "interrupted", "model only",
]  # fmt: skip
ACTIVE = ("starting", "loading", "running", "stopping", "silent")
_CHECKPOINTED = ("finished", "early stop", "time limit", "stopped")  # endings that leave a checkpoint with the model
_ENDINGS = (*_CHECKPOINTED, "failed")


@dataclass(frozen=True)
class Training:
    """What is known of one training from its files.

    phase: "new": never started; "queued"; ACTIVE: a process is at it ("silent": without a sign of life); "interrupted":
        its process died in the middle; "model only": a model without its training, or without its checkpoint; else how
        it ended.
    step, max_steps, seconds: where it stands; `done` of `total` pictures while loading.
    position: 1 is the next one of the queue.
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
        """Whether a process is at it."""
        return self.phase in ACTIVE

    @property
    def is_live(self) -> bool:
        """Whether a process is at it, or waits for its turn."""
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
    """The state of one run, from its files alone; damaged or hand-edited ones never raise."""
    folder = Path(folder)
    said = read_json(folder / layout.STATUS)
    alive, pid = _process(folder, said)
    counts = {name: int(number(said, name)) for name in ("step", "max_steps", "best_step", "done", "total")}
    return Training(
        folder=folder,
        phase=_phase(folder, said, alive, pid),
        seconds=number(said, "seconds"),
        heartbeat=number(said, "heartbeat"),
        message=str(said.get("message", "")),
        pid=pid,
        **counts,
    )


def _phase(folder: Path, said: dict, alive: bool, pid: int | None) -> Phase:
    # os.path: Path.exists raises where a folder may not be searched.
    state = said.get("state")
    if alive:
        if os.path.exists(folder / layout.STOP):
            return "stopping"
        if said.get("pid") != pid or state not in ("loading", "running"):
            return "starting"
        return "silent" if time.time() - number(said, "heartbeat") > SILENT_AFTER else state
    if os.path.isfile(folder / layout.REQUEST):
        return "queued"
    if is_model_only(folder):
        return "model only"
    is_lost = state in ("finished", "early stop") and not os.path.isfile(folder / layout.WEIGHTS)
    if state in _ENDINGS and not is_lost:
        return state
    begun = (layout.LAUNCH, layout.CHECKPOINT)
    return "interrupted" if said or any(os.path.exists(folder / name) for name in begun) else "new"


def is_model_only(folder: Path) -> bool:
    """Whether there is a model that cannot be trained on: without a checkpoint, one would train anew, over the model.

    So it is with a bundled model, and where the checkpoint was removed. A training that died between writing its first
    model and its first checkpoint is none of these: nothing is lost if it begins again.
    """
    if not os.path.isfile(Path(folder) / layout.WEIGHTS) or os.path.isfile(Path(folder) / layout.CHECKPOINT):
        return False
    said = read_json(Path(folder) / layout.STATUS)
    return not said or said.get("state") in _CHECKPOINTED


def _process(folder: Path, said: dict) -> tuple[bool, int | None]:
    """Whether a process is at this run, and its number as far as known.

    The lock decides: the system opens it when its holder dies, however that was. Before a new process has it, the
    process's number and start time do.
    """
    if locks.is_held(folder / layout.LOCK):
        pid = said.get("pid")
        return True, pid if processes.is_same(pid, said.get("started")) else None
    launched = read_json(folder / layout.LAUNCH)
    pid = launched.get("pid")
    return (True, pid) if processes.is_same(pid, launched.get("started")) else (False, None)


def look_at_all(root: Path) -> list[Training]:
    """Every run below `root`, those with a process first, then the queue in its order, then the latest first."""
    found = [look(folder) for folder in folders(root)]
    waiting = sorted((each for each in found if each.phase == "queued"), key=_queued_at)
    places = {each.folder: place for place, each in enumerate(waiting, start=1)}
    found = [replace(each, position=places.get(each.folder, 0)) for each in found]
    return sorted(
        found, key=lambda each: (not each.is_active, each.position or len(found) + 1, -_touched(each.folder), each.name)
    )


def folders(root: Path) -> list[Path]:
    """Every run folder below `root`, by name; one whose config.yaml was removed only while it still trains."""
    try:
        children = sorted(Path(root).iterdir())
    except OSError:
        return []
    visible = [child for child in children if not child.name.startswith(".")]
    return [child for child in visible if os.path.isfile(child / layout.CONFIG) or locks.is_held(child / layout.LOCK)]


def _touched(folder: Path) -> float:
    """When the training last said something, else when the folder was made."""
    for name in (layout.STATUS, layout.CONFIG):
        with contextlib.suppress(OSError):
            return (folder / name).stat().st_mtime
    return 0.0


def _queued_at(each: Training) -> tuple[float, str]:
    return (number(read_json(each.folder / layout.REQUEST), "queued"), each.name)


def note(folder: Path, state: str, message: str) -> None:
    """Put an ending into status.json, on top of what stands there (where the training was).

    Raises: UserError if the folder cannot be written.
    """
    status = folder / layout.STATUS
    said = read_json(status) | {"state": state, "message": message, "pid": os.getpid()}
    files.write_text(status, json.dumps(said, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none or it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def number(said: dict, name: str) -> float:
    """A finite, non-negative number; 0 for anything else."""
    value = said.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if fits else 0.0
