"""The process of one background training, its log, and how it ends (queue.py starts it)."""

import contextlib
import logging
import os
import sys
from pathlib import Path

from trainer.errors import StoppedError, UserError
from trainer.jobs import idle
from trainer.jobs.task import Task
from trainer.runs import layout, status
from trainer.runs.folder import Run
from trainer.system import locks, processes

_log = logging.getLogger("trainer")


def work(folder: Path, data_root: str | None = None, max_minutes: float | None = None) -> int:
    """Train and note how it ended; return 0 if it ended or was stopped, 2 on bad input."""
    logging.basicConfig(format="%(asctime)s  %(message)s", datefmt="%Y-%m-%d %H:%M:%S", stream=sys.stderr)
    _log.setLevel(logging.INFO)
    with contextlib.suppress(OSError):  # the process that started this one may have died before removing it
        (folder / layout.REQUEST).unlink()
    try:
        return _train(Run(folder), None if data_root is None else Path(data_root), max_minutes)
    except locks.BusyError as error:  # another process trains it: its status stays
        _log.error("%s", error)
        return 2
    except UserError as error:
        return _failed(folder, str(error))
    except BaseException as error:
        _failed(folder, f"The program failed ({error!r}); see the log below.")
        raise
    finally:
        if status.read_json(folder / layout.LAUNCH).get("pid") == os.getpid():
            with contextlib.suppress(OSError):
                (folder / layout.LAUNCH).unlink()  # this process has ended


def _train(run: Run, data_root: Path | None, max_minutes: float | None) -> int:
    _log.info("process %d starts %s", os.getpid(), run.path)
    from trainer.training import fit  # takes seconds and hundreds of megabytes

    try:
        ended = fit.fit(run, data_root, max_minutes, progress=False, pause=idle.Pause(run.path))
    except StoppedError:
        _note(run.path, "stopped", "")
        _log.info("stopped while reading the pictures")
        return 0
    _log.info("%s at step %d", ended.reason, ended.step)
    return 0


def _failed(folder: Path, sentence: str) -> int:
    _log.error("%s", sentence)
    _note(folder, "failed", sentence)
    return 2


def _note(folder: Path, state: str, message: str) -> None:
    try:
        status.note(folder, state, message)
    except UserError as error:  # a full disk: the log has the message
        _log.error("%s", error)


TASK = Task("train", "Training", work, threads=processes.training_threads)
