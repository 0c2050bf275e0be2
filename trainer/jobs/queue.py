"""Trainings in separate processes: start, stop, resume and queue; their whole state is in the run folders.

In `<run>/training/`, beside what trainer/training/loop.py keeps there:

    request.json   options of the training; exists while the run waits in the queue
    launch.json    the process started for it: number and start time
    log.txt        output of that process
    stop           asks the training to end; holds the number of its process

In the folder of the runs: `.jobs.lock`, held while trainings are started, and `.jobs.json`, the number of parallel
trainings.
There is no daemon: every open page (`dispatch`) and every training that ends (trainer/jobs/__main__.py) starts the next
one. So a training and its queue survive a refreshed page, a second window, and the end of the server.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from trainer.errors import UserError
from trainer.jobs import train
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.runs.status import ACTIVE, Training, folders, look, look_at_all, note, number, read_json
from trainer.system import files, locks, mode, processes

LIMIT_VARIABLE = "GWAE_TRAININGS"
MOST = 16
LOCK_SECONDS = 10.0

_children: list[subprocess.Popen] = []  # child processes that this process has to reap


@mode.local_only("Training")
def start(folder: Path, data_root: Path | None = None, max_minutes: float | None = None) -> Training:
    """Train or continue a run in the background, at once or from the queue; return its state.

    A finished training ends again at once, unless its config.yaml now asks for more steps.

    Raises: UserError if it is training or waiting already, is a model without its training, is damaged, or its folder
        cannot be written.
    """
    run = Run(folder)
    with deciding(run.path.parent):
        phase = look(run.path).phase
        if phase in (*ACTIVE, "queued"):
            raise UserError(f"{run.name}: is {'waiting' if phase == 'queued' else 'training'} already.")
        if phase == "model only":
            raise UserError(f"{run.name}: a model without its training cannot be continued; train a new one like it.")
        files.make_folder(run.path / layout.TRAINING)
        request = {"queued": time.time(), "max_minutes": max_minutes}
        request |= {"data_root": str(Path(data_root).resolve()) if data_root is not None else None}
        files.write_text(run.path / layout.REQUEST, json.dumps(request) + "\n")
        _dispatch(run.path.parent)
    return look(run.path)


@mode.local_only("Stopping a training")
def stop(folder: Path) -> None:
    """Ask a training to end with a checkpoint, or remove it from the queue; otherwise do nothing.

    Raises: UserError if the folder cannot be written.
    """
    folder = Path(folder)
    with deciding(folder.parent):
        files.remove(folder / layout.REQUEST)
        training = look(folder)
        if training.is_active:
            files.write_text(folder / layout.STOP, f"{training.pid or ''}\n")


@mode.local_only("Stopping a training")
def end_by_force(folder: Path) -> None:
    """Kill the process of a training that no longer responds; the last checkpoint stays.

    Raises: UserError if its process cannot be identified.
    """
    for name in (layout.STATUS, layout.LAUNCH):
        stored = read_json(Path(folder) / name)
        if processes.is_same(stored.get("pid"), stored.get("started")) and look(folder).is_active:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(stored["pid"], signal.SIGKILL)
            return
    if look(folder).is_active:
        raise UserError(f"{Path(folder).name}: its process cannot be identified here; end it where it was started.")


def dispatch(root: Path) -> None:
    """Start waiting trainings while fewer than `limit` run; cheap if none waits, and never blocks.

    Does nothing if another process is starting trainings, or the folder cannot be written.
    """
    if mode.is_view():
        return
    if any(os.path.isfile(folder / layout.REQUEST) for folder in folders(root)):
        with contextlib.suppress(UserError), deciding(root, wait=0):
            _dispatch(root)


def limit(root: Path) -> int:
    """Return the number of parallel trainings: as stored by `set_limit`, else $GWAE_TRAININGS, else 1."""
    stored = int(number(read_json(Path(root) / ".jobs.json"), "limit"))
    wanted = os.environ.get(LIMIT_VARIABLE, "")
    return min(MOST, stored or (int(wanted) if wanted.isdecimal() else 0) or 1)


@mode.local_only("Training")
def set_limit(root: Path, count: int) -> None:
    """Store the number of parallel trainings, 1 to MOST, and start waiting ones.

    Raises: UserError if the folder cannot be written.
    """
    files.write_text(Path(root) / ".jobs.json", json.dumps({"limit": max(1, min(MOST, count))}) + "\n")
    dispatch(root)


@contextlib.contextmanager
def deciding(root: Path, wait: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of the queue: only one process at a time starts or ends trainings in this folder.

    Raises: BusyError if another process holds it for longer than `wait` seconds.
    """
    files.make_folder(Path(root))
    busy = f"{root}: another window is starting a training; try again."
    with locks.exclusive(Path(root) / ".jobs.lock", busy, wait):
        yield


def _dispatch(root: Path) -> None:
    _children[:] = [child for child in _children if child.poll() is None]  # poll reaps
    trainings = look_at_all(root)
    free = limit(root) - sum(training.is_active for training in trainings)
    for waiting in [training for training in trainings if training.phase == "queued"]:
        if free <= 0:
            break
        try:
            _launch(waiting.folder)
            free -= 1
        except (UserError, OSError, ValueError) as error:  # the next one still gets its turn
            _give_up(waiting.folder, error)


def _launch(folder: Path) -> None:
    """Start the process of a waiting run; request.json is removed last, so that a crash in between loses nothing.

    Raises: UserError, OSError or ValueError if the process could not be started.
    """
    request = read_json(folder / layout.REQUEST)
    options = {"max_minutes": number(request, "max_minutes") or None}
    options |= {"data_root": str(root) if (root := request.get("data_root")) else None}
    files.remove(folder / layout.STOP)
    child = train.TASK.launch(folder, options, folder / layout.LOG)
    _children.append(child)
    launched = {"pid": child.pid, "started": processes.start_time(child.pid), "time": time.time()}
    with contextlib.suppress(UserError):  # a full disk: the lock shows the process a few seconds later
        files.write_text(folder / layout.LAUNCH, json.dumps(launched) + "\n")
        files.remove(folder / layout.REQUEST)


def _give_up(folder: Path, error: Exception) -> None:
    """Remove a run that cannot be started from the queue, and note why."""
    why = f"Its process could not be started ({error}); correct what is wrong in {folder / layout.TRAINING}."
    with contextlib.suppress(UserError):
        note(folder, "failed", str(error) if isinstance(error, UserError) else why)
    with contextlib.suppress(UserError):
        files.remove(folder / layout.REQUEST)
