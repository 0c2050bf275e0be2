"""`python -m trainer.jobs.train RUN`: the process of one background training (trainer/jobs/queue.py starts it)."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from pathlib import Path

from trainer.errors import UserError
from trainer.jobs import idle, queue
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import locks, processes
from trainer.training.stopping import StoppedError

_log = logging.getLogger("trainer")


def main(arguments: list[str] | None = None) -> int:
    """Train, note how it ended, and start whoever waits; 0 if it ended as meant, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m trainer.jobs.train", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--max-minutes", type=float)
    options = parser.parse_args(arguments)
    processes.lower_priority()
    logging.basicConfig(format="%(asctime)s  %(message)s", datefmt="%Y-%m-%d %H:%M:%S", stream=sys.stderr)
    _log.setLevel(logging.INFO)
    with contextlib.suppress(OSError):  # whoever started this process may have died before doing so
        (options.folder / layout.REQUEST).unlink()
    try:
        return _train(Run(options.folder), options.data_root, options.max_minutes)
    except locks.BusyError as error:  # another process trains it: what it says there stays
        _log.error("%s", error)
        return 2
    except UserError as error:
        return _failed(options.folder, str(error))
    except BaseException as error:
        _failed(options.folder, f"The program failed ({error!r}); the log below tells more.")
        raise
    finally:
        if queue.read_json(options.folder / layout.LAUNCH).get("pid") == os.getpid():
            with contextlib.suppress(OSError):
                (options.folder / layout.LAUNCH).unlink()  # this process no longer counts
        queue.dispatch(options.folder.parent)


def _train(run: Run, data_root: Path | None, max_minutes: float | None) -> int:
    _log.info("process %d starts %s", os.getpid(), run.path)
    from trainer.training import fit  # seconds, and hundreds of megabytes

    try:
        ended = fit.fit(run, data_root, max_minutes, progress=False, pause=idle.Courtesy(run.path))
    except StoppedError:
        _note(run.path, "stopped", "")
        _log.info("stopped while the pictures were read")
        return 0
    _log.info("%s at step %d", ended.reason, ended.step)
    return 0


def _failed(folder: Path, sentence: str) -> int:
    _log.error("%s", sentence)
    _note(folder, "failed", sentence)
    return 2


def _note(folder: Path, state: str, message: str) -> None:
    try:
        queue.note(folder, state, message)
    except UserError as error:  # a full disk: the log has it
        _log.error("%s", error)


if __name__ == "__main__":
    sys.exit(main())
