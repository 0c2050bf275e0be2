"""Trainings in processes of their own: start, stop, resume, watch, queue. A run folder says all there is to know.

In `<run>/training/`, beside what trainer/training/loop.py keeps there:

    request.json   how it is to be trained; there while the run waits in the queue
    launch.json    the process that was started for it: number and start time
    log.txt        what that process said
    stop           made by whoever wants it to end; holds the number of the process that is meant

In the folder of the runs: `.jobs.lock`, held by whoever starts trainings, and `.jobs.json`, how many may run at once.
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
from trainer.system import files, locks, processes

LIMIT_VARIABLE = "GWAE_TRAININGS"
MOST = 16
LOCK_SECONDS = 10.0

_children: list[subprocess.Popen] = []  # started by this process, which has to reap them


def start(folder: Path, data_root: Path | None = None, max_minutes: float | None = None) -> Training:
    """Train or continue a run in the background: at once, or when its turn comes.

    A finished one ends again at once, unless its config.yaml asks for more by now.

    Raises: UserError if it is training or waiting already, is a model without its training, is broken, or its folder
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


def stop(folder: Path) -> None:
    """Ask a training to end with a checkpoint, or take it out of the queue. Without either nothing happens.

    Raises: UserError if the folder cannot be written.
    """
    folder = Path(folder)
    with deciding(folder.parent):
        files.remove(folder / layout.REQUEST)
        found = look(folder)
        if found.is_active:
            files.write_text(folder / layout.STOP, f"{found.pid or ''}\n")


def end_by_force(folder: Path) -> None:
    """Kill the process of a training that answers no more; its last checkpoint stays. The right process or none."""
    for name in (layout.STATUS, layout.LAUNCH):
        told = read_json(Path(folder) / name)
        if processes.is_same(told.get("pid"), told.get("started")) and look(folder).is_active:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(told["pid"], signal.SIGKILL)
            return
    if look(folder).is_active:
        raise UserError(f"{Path(folder).name}: its process cannot be found from here; end it where it was started.")


def dispatch(root: Path) -> None:
    """Start waiting trainings while fewer than `limit` run. Cheap where none waits; never waits for a lock.

    Nothing happens where another process does so just now, or the folder cannot be written.
    """
    if any(os.path.isfile(folder / layout.REQUEST) for folder in folders(root)):
        with contextlib.suppress(UserError), deciding(root, wait=0):
            _dispatch(root)


def limit(root: Path) -> int:
    """How many trainings may run at once: what `set_limit` stored, else $GWAE_TRAININGS, else 1."""
    stored = int(number(read_json(Path(root) / ".jobs.json"), "limit"))
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
    with locks.exclusive(Path(root) / ".jobs.lock", busy, wait):
        yield


def _dispatch(root: Path) -> None:
    _children[:] = [child for child in _children if child.poll() is None]  # reaps those that ended
    trainings = look_at_all(root)
    free = limit(root) - sum(training.is_active for training in trainings)
    for waiting in [training for training in trainings if training.phase == "queued"]:
        if free <= 0:
            break
        try:
            _launch(waiting.folder)
            free -= 1
        except (UserError, OSError, ValueError) as error:  # the next one's turn has to come all the same
            _give_up(waiting.folder, error)


def _launch(folder: Path) -> None:
    """Start the process of a waiting run; request.json goes last, so that a crash in between loses nothing.

    Raises: UserError, OSError or ValueError if there is no process now.
    """
    request = read_json(folder / layout.REQUEST)
    options = {"max_minutes": number(request, "max_minutes") or None}
    options |= {"data_root": str(root) if (root := request.get("data_root")) else None}
    files.remove(folder / layout.STOP)
    child = train.TASK.launch(folder, options, folder / layout.LOG)
    _children.append(child)
    told = {"pid": child.pid, "started": processes.start_time(child.pid), "time": time.time()}
    with contextlib.suppress(UserError):  # a full disk: its lock will tell of the process, a few seconds later
        files.write_text(folder / layout.LAUNCH, json.dumps(told) + "\n")
        files.remove(folder / layout.REQUEST)


def _give_up(folder: Path, error: Exception) -> None:
    """A run that cannot be started leaves the queue, and says why."""
    why = f"Its process could not be started ({error}); correct what is wrong in {folder / layout.TRAINING}."
    with contextlib.suppress(UserError):
        note(folder, "failed", str(error) if isinstance(error, UserError) else why)
    with contextlib.suppress(UserError):
        files.remove(folder / layout.REQUEST)
