"""One training of one run folder, by one process or several: the lock, the pictures, the loop (loop.py)."""

import contextlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from trainer import data
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.runs import layout, status
from trainer.runs.folder import Run
from trainer.system import files, locks
from trainer.training import checkpoint, reading
from trainer.training.distributed import Share
from trainer.training.hardware import Fabric, Hardware, launch
from trainer.training.history import Counters, Recorder
from trainer.training.loop import Ended, Trainer, completed

__all__ = ["Ended", "Trainer", "fit"]


def fit(
    run: Run,
    data_root: Path | None = None,
    max_minutes: float | None = None,
    progress: bool = True,
    hardware: Hardware = Hardware(),
    fabric: Fabric | None = None,
    pause: Callable[[], None] = lambda: None,
) -> Ended:
    """Train the run, from its last checkpoint if it has one; a run that has ended is left as it is.

    Args:
        hardware, fabric: what it runs on, and the Fabric that was launched for it if one was.
        pause: called before every step of a player; may wait (trainer/jobs/idle.py).

    Raises: UserError on missing data, a folder without its training, a second training of the same run, a damaged
        checkpoint, a non-finite term, a full disk or an unwritable folder. StoppedError if asked to stop while the
        pictures were read.
    """
    fabric = fabric or launch(hardware)
    share = Share(fabric)
    with contextlib.ExitStack() as held:
        share.first(lambda: _take(run, held))
        kept = share.seen(run.checkpoint_path)
        counters = share.every(lambda: checkpoint.read_counters(run.checkpoint_path)) if kept else Counters()
        recorder = Recorder(run.path, run.config.optim.max_steps, asdict(hardware), writes=share.leads)
        if share.seen(run.weights_path) and kept and (reason := completed(counters, run)):
            recorder.status(reason, counters)
            return Ended(reason, counters.step, trained=False)
        root = data_root or data.default_data_root()
        images = _pictures(run, root, fabric, recorder, counters)
        made = partial(Trainer, run, images, hardware=hardware, fabric=fabric, data_root=root, pause=pause)
        advice = "lower optim.batch_size, model.width or data.size, or free some, and resume"
        with files.memory_explained(advice):
            trainer = share.every(made)
            del images, made  # the trainer holds what it needs; a second copy is 60 MB of MNIST
            return trainer.fit(max_minutes, progress)


def _pictures(run: Run, root: Path, fabric: Fabric, recorder: Recorder, counters: Counters) -> ImageSet:
    """The training pictures, in every process; the leading one reads them first and tells how far it is."""
    share = Share(fabric)
    images = share.first(lambda: reading.pictures(run, root, recorder, counters))
    for is_first in (True, False):  # then one process of each machine, which may have to download, then the others
        reads = images is None and is_first == (fabric.local_rank == 0)
        read = share.every(lambda reads=reads: data.load(run.config.data, "train", root) if reads else None)
        images = images or read
    _require_same(share, images)
    if share.seen(run.checkpoint_path):
        share.every(lambda: reading.require_same(run, reading.fingerprint(images)))
    return images


def _require_same(share: Share, images: ImageSet) -> None:
    """Raise UserError where processes read different pictures: they would draw different batches."""
    with share.alike():
        if share.most(len(images)) != -share.most(-len(images)):
            raise UserError("data: the processes found different numbers of pictures; give all machines the same.")


def _take(run: Run, held: contextlib.ExitStack) -> None:
    """Lock the folder for as long as `held` lasts, and tidy it."""
    lock = run.path / layout.LOCK
    if status.is_model_only(run.path):  # a bundle, say: training would begin anew and replace its weights
        raise UserError(
            f"{run.path}: holds a finished model without its training; "
            f"train a new one with 'python -m trainer fit {run.path / layout.CONFIG} --out runs/{run.name}'."
        )
    files.make_folder(lock.parent)
    held.enter_context(locks.exclusive(lock, f"{run.path}: a training is running here already; stop it first."))
    files.remove_leftovers(run.path, lock.parent)
