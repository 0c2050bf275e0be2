"""Reading the pictures of a run: its progress, and the files that were left out."""

import hashlib
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trainer import data
from trainer.config import Config
from trainer.data.imageset import ImageSet
from trainer.errors import StoppedError, UserError
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import files
from trainer.training import checkpoint
from trainer.training.conditions import CHANGED, conditions, remarks
from trainer.training.history import Counters, Recorder
from trainer.training.stopping import forget_stop

PROBES = 64
REPORT_SECONDS = 1.0
"""Seconds between two words on how far the reading is; the first comes with the first pictures, and tells how many."""

_log = logging.getLogger("trainer")


def pictures(run: Run, data_root: Path, recorder: Recorder, counters: Counters) -> ImageSet:
    """Return the training pictures, with status "loading" meanwhile; training/skipped.txt names the files left out.

    Raises: UserError as data.load; StoppedError if the training is asked to stop meanwhile.
    """
    recorder.status("loading", counters)
    images = data.load(run.config.data, "train", data_root, _report(run, recorder, counters))
    _log.info("%s: %d training pictures", images.name, len(images))
    if images.about:
        _log.info("%s: %s", images.name, images.about)
    require_enough(run.config, images)
    _note_skipped(run.path / layout.SKIPPED, images.skipped)
    return images


def require_enough(settings: Config, images: ImageSet) -> None:
    """Raise UserError where these pictures cannot train this model, before the first step rather than at the last."""
    held = max(1, round(settings.data.validation * len(images)))
    if unmet := conditions(settings, len(images) - held):
        raise UserError(f"{images.name}: {unmet[0]}")
    for sentence in remarks(settings, len(images) - held):
        _log.warning("%s: %s", images.name, sentence)


def fingerprint(images: ImageSet) -> str:
    """Return what tells these pictures from others: a hash of all ids, and of the pixels of PROBES pictures."""
    digest = hashlib.sha256("\0".join(images.ids).encode())
    rows = np.unique(np.linspace(0, len(images) - 1, PROBES).astype(int)) if len(images) else []
    digest.update(np.ascontiguousarray(images.subset(rows).images[:].numpy()).tobytes())
    return f"{len(images)}-{digest.hexdigest()[:16]}"


def require_same(run: Run, data: str) -> None:
    """Raise UserError where the pictures are others than those of the checkpoint, unless that was accepted."""
    before = checkpoint.read_data(run.checkpoint_path)
    if not before or before == data or (run.path / layout.CHANGED_DATA).exists():
        return
    then, now = (f"{int(text.partition('-')[0]):,}" for text in (before, data))
    raise UserError(
        f"{run.path}: {CHANGED} ({then} pictures then, {now} now, or others of the same number); restore them, or "
        "go on with them as they are by 'python -m trainer resume --changed-data'."
    )


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
