"""Trainings in processes of their own: start, stop, resume, watch, queue. A run folder says all there is to know.

In `<run>/training/`, beside what trainer/fit.py keeps there:

    request.json   how it is to be trained; there while the run waits in the queue
    launch.json    the process that was started for it: number and start time
    log.txt        what that process said
    stop           made by whoever wants it to end; holds the number of the process that is meant

In the folder of the runs: `.jobs.lock`, held by whoever starts trainings, and `.jobs.json`, how many may run at once.
There is no daemon: whoever looks (`dispatch`, called by every open page) or finishes (trainer/job.py) starts the next
one. So a training and its queue survive a refreshed page, a second window, and the end of the server.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from trainer import files, processes
from trainer.errors import UserError
from trainer.run import Run

LIMIT_VARIABLE = "GWAE_TRAININGS"
MOST = 16
SILENT_AFTER = 120.0
"""Seconds without a heartbeat after which a living process counts as silent; validations take a few."""
LOCK_SECONDS = 10.0

Phase = Literal[
    "new", "queued", "starting", "loading", "running", "stopping", "silent",
    "finished", "early stop", "time limit", "stopped", "failed", "interrupted", "model only",
]  # fmt: skip
ACTIVE = ("starting", "loading", "running", "stopping", "silent")
_ENDINGS = ("finished", "early stop", "time limit", "stopped", "failed")
_children: list[subprocess.Popen] = []  # started by this process, which has to reap them


@dataclass(frozen=True)
class Job:
    """What is known of one training.

    phase: "new": never started; "queued"; ACTIVE: a process is at it ("silent": without a sign of life); "interrupted":
        its process died in the middle; "model only": a model without its training; else how it ended.
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
    def can_start(self) -> bool:
        """Whether `start` would begin or continue it."""
        return self.phase in ("new", "early stop", "time limit", "stopped", "failed", "interrupted")

    @property
    def share(self) -> float:
        """Progress in [0, 1]."""
        return min(1.0, self.step / self.max_steps) if self.max_steps else 0.0


# --- looking ------------------------------------------------------------------------------------------------------


def look(folder: Path) -> Job:
    """The state of one run, from its files alone; damaged or hand-edited ones never raise."""
    training = Path(folder) / "training"
    said = read_json(training / "status.json")
    alive, pid = _process(training, said)
    counts = {name: int(_number(said, name)) for name in ("step", "max_steps", "best_step", "done", "total")}
    return Job(
        folder=Path(folder),
        phase=_phase(training, said, alive, pid),
        seconds=_number(said, "seconds"),
        heartbeat=_number(said, "heartbeat"),
        message=str(said.get("message", "")),
        pid=pid,
        **counts,
    )


def _phase(training: Path, said: dict, alive: bool, pid: int | None) -> Phase:
    state = said.get("state")
    if alive:
        if (training / "stop").exists():
            return "stopping"
        if said.get("pid") != pid or state not in ("loading", "running"):
            return "starting"
        return "silent" if time.time() - _number(said, "heartbeat") > SILENT_AFTER else state
    if (training / "request.json").is_file():
        return "queued"
    if state in _ENDINGS:
        return state
    if said or (training / "launch.json").exists() or (training / "checkpoint.safetensors").exists():
        return "interrupted"
    return "model only" if (training.parent / "model.safetensors").is_file() else "new"


def _process(training: Path, said: dict) -> tuple[bool, int | None]:
    """Whether a process is at this run, and its number as far as known.

    The lock decides: the system opens it when its holder dies, however that was. Before a new process has it, the
    process's number and start time do.
    """
    if files.is_held(training / "lock"):
        pid = said.get("pid")
        return True, pid if processes.is_same(pid, said.get("started")) else None
    launched = read_json(training / "launch.json")
    pid = launched.get("pid")
    return (True, pid) if processes.is_same(pid, launched.get("started")) else (False, None)


def look_at_all(root: Path) -> list[Job]:
    """Every run below `root`, those with a process first, then the queue in its order, then the latest first."""
    found = [look(folder) for folder in _folders(root)]
    waiting = sorted((job for job in found if job.phase == "queued"), key=_queued_at)
    places = {job.folder: place for place, job in enumerate(waiting, start=1)}
    found = [replace(job, position=places.get(job.folder, 0)) for job in found]
    return sorted(found, key=lambda job: (not job.is_active, job.position or MOST**4, -_touched(job.folder), job.name))


def _folders(root: Path) -> list[Path]:
    try:
        children = sorted(Path(root).iterdir())
    except OSError:
        return []
    return [child for child in children if not child.name.startswith(".") and (child / "config.yaml").is_file()]


def _touched(folder: Path) -> float:
    """When the training last said something, else when the folder was made."""
    for name in ("training/status.json", "config.yaml"):
        with contextlib.suppress(OSError):
            return (folder / name).stat().st_mtime
    return 0.0


def _queued_at(job: Job) -> tuple[float, str]:
    return (_number(read_json(job.folder / "training" / "request.json"), "queued"), job.name)


# --- acting -------------------------------------------------------------------------------------------------------


def start(folder: Path, data_root: Path | None = None, max_minutes: float | None = None) -> Job:
    """Train or continue a run in the background: at once, or when its turn comes.

    A finished one ends again at once, unless its config.yaml asks for more by now.

    Raises: UserError if it is training or waiting already, is a model without its training, is broken, or its folder
        cannot be written.
    """
    run = Run(folder)
    training = run.path / "training"
    with deciding(run.path.parent):
        job = look(run.path)
        if job.is_active or job.phase == "queued":
            raise UserError(f"{run.name}: is {'waiting' if job.phase == 'queued' else 'training'} already.")
        if job.phase == "model only":
            raise UserError(f"{run.name}: a model without its training cannot be continued; train a new one like it.")
        files.make_folder(training)
        request = {"queued": time.time(), "max_minutes": max_minutes}
        request |= {"data_root": str(Path(data_root).resolve()) if data_root is not None else None}
        files.write_text(training / "request.json", json.dumps(request) + "\n")
        _dispatch(run.path.parent)
    return look(run.path)


def stop(folder: Path) -> None:
    """Ask a training to end with a checkpoint, or take it out of the queue. Without either nothing happens.

    Raises: UserError if the folder cannot be written.
    """
    training = Path(folder) / "training"
    with deciding(Path(folder).parent):
        (training / "request.json").unlink(missing_ok=True)
        job = look(folder)
        if job.is_active:
            files.write_text(training / "stop", f"{job.pid or ''}\n")


def end_by_force(folder: Path) -> None:
    """Kill the process of a training that answers no more; its last checkpoint stays. The right process or none."""
    training = Path(folder) / "training"
    said = read_json(training / "status.json")
    for told in (said, read_json(training / "launch.json")):
        if processes.is_same(told.get("pid"), told.get("started")) and look(folder).is_active:
            os.kill(told["pid"], signal.SIGKILL)
            return
    if look(folder).is_active:
        raise UserError(f"{Path(folder).name}: its process cannot be found from here; end it where it was started.")


def dispatch(root: Path) -> None:
    """Start waiting trainings while fewer than `limit` run. Cheap where none waits; never waits for a lock."""
    if any((folder / "training" / "request.json").exists() for folder in _folders(root)):
        with contextlib.suppress(files.BusyError), deciding(root, wait=0):
            _dispatch(root)


def limit(root: Path) -> int:
    """How many trainings may run at once: what `set_limit` stored, else $GWAE_TRAININGS, else 1."""
    stored = int(_number(read_json(Path(root) / ".jobs.json"), "limit"))
    wanted = os.environ.get(LIMIT_VARIABLE, "")
    return min(MOST, stored or (int(wanted) if wanted.isdecimal() else 0) or 1)


def set_limit(root: Path, count: int) -> None:
    """Store how many trainings may run at once, 1 to MOST.

    Raises: UserError if the folder cannot be written.
    """
    files.write_text(Path(root) / ".jobs.json", json.dumps({"limit": max(1, min(MOST, count))}) + "\n")
    dispatch(root)


@contextlib.contextmanager
def deciding(root: Path, wait: float = LOCK_SECONDS) -> Iterator[None]:
    """Only one process at a time decides what runs in this folder.

    Raises: BusyError if another one does for longer than `wait` seconds.
    """
    files.make_folder(Path(root))
    busy = f"{root}: another window is starting a training just now; try again."
    with files.exclusive(Path(root) / ".jobs.lock", busy, wait):
        yield


def _dispatch(root: Path) -> None:
    _children[:] = [child for child in _children if child.poll() is None]  # reaps those that ended
    jobs = look_at_all(root)
    free = limit(root) - sum(job.is_active for job in jobs)
    for job in [job for job in jobs if job.phase == "queued"][: max(0, free)]:
        _launch(job.folder)


def _launch(folder: Path) -> None:
    """Start the process of a waiting run; request.json goes last, so that a crash in between loses nothing."""
    training = folder / "training"
    request = read_json(training / "request.json")
    command = [sys.executable, "-m", "trainer.job", str(folder.resolve())]
    if request.get("data_root"):
        command += ["--data-root", str(request["data_root"])]
    if _number(request, "max_minutes"):
        command += ["--max-minutes", str(_number(request, "max_minutes"))]
    (training / "stop").unlink(missing_ok=True)
    with open(training / "log.txt", "a", encoding="utf-8") as log:
        child = subprocess.Popen(
            command,
            cwd=Path(__file__).resolve().parents[1],
            env=processes.training_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _children.append(child)
    told = {"pid": child.pid, "started": processes.start_time(child.pid), "time": time.time()}
    files.write_text(training / "launch.json", json.dumps(told) + "\n")
    (training / "request.json").unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none or it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(said: dict, name: str) -> float:
    """A finite, non-negative number; 0 for anything else."""
    value = said.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if fits else 0.0
