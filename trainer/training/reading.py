"""Reading the pictures of a run: its progress, and the files that were left out."""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

from trainer import data
from trainer.data.imageset import ImageSet
from trainer.errors import StoppedError
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import files
from trainer.training.history import Counters, Recorder
from trainer.training.stopping import forget_stop

REPORT_SECONDS = 1.0
"""Seconds between two words on how far the reading is; the first comes with the first pictures, and tells how many."""

_log = logging.getLogger("trainer")


def pictures(run: Run, data_root: Path, recorder: Recorder, counters: Counters) -> ImageSet:
    """The training pictures, with status "loading" meanwhile; training/skipped.txt names the files left out.

    Raises: UserError as data.load; StoppedError if the training is asked to stop meanwhile.
    """
    recorder.status("loading", counters)
    images = data.load(run.config.data, "train", data_root, _report(run, recorder, counters))
    _log.info("%s: %d training pictures", images.name, len(images))
    _note_skipped(run.path / layout.SKIPPED, images.skipped)
    return images


def _report(run: Run, recorder: Recorder, counters: Counters) -> Callable[[int, int], None]:
    """Return a progress callback that writes the heartbeat and stops the reading if asked to."""
    stop = run.path / layout.STOP
    forget_stop(stop)
    reported = -math.inf

    def report(done: int, total: int) -> None:
        nonlocal reported
        if stop.exists():
            stop.unlink()
            raise StoppedError
        if time.monotonic() - reported > REPORT_SECONDS:
            recorder.status("loading", counters, done=done, total=total)
            reported = time.monotonic()

    return report


def _note_skipped(path: Path, skipped: tuple[str, ...]) -> None:
    """A sentence per file; no file where there is none."""
    if not skipped:
        files.remove(path)
        return
    files.write_text(path, "\n".join(skipped) + "\n")
    count = f"{len(skipped):,} files were" if len(skipped) > 1 else "1 file was"
    _log.warning("%s left out (training/%s); the first: %s", count, path.name, skipped[0])
