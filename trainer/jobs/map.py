"""Maps computed in a process of their own (trainer/jobs/task.py): where they are kept, one at a time.

UMAP runs one at a time per user: its compiled code is not safe under concurrency, and two are slower than one after
the other.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from trainer.jobs.task import Job, JobState, Reporter, cache_folder, keep_newest, lock
from trainer.latent import map as mapping
from trainer.latent import map_file
from trainer.latent.map_file import MapSettings
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import files

KEPT = 24
"""Maps of other settings kept per folder, the newest ones; one takes about half a megabyte."""


def target(folder: Path, checkpoint: str, settings: MapSettings, read_only: bool = False) -> Path:
    """File in which the map of these settings is or would be kept.

    Args:
        folder: the run folder; its own map.parquet is taken where it fits.
        read_only: whether nothing may be written there (bundled models).
    """
    own = Path(folder) / layout.MAP
    if map_file.fits(own, checkpoint, settings):
        return own
    if read_only or not os.access(folder, os.W_OK):
        return cache_folder() / "maps" / f"{checkpoint}-{settings.key}.parquet"
    return own if settings == MapSettings() else Path(folder) / "maps" / f"{checkpoint}-{settings.key}.parquet"


def state(path: Path, checkpoint: str, settings: MapSettings) -> JobState:
    """How far the map in `path` is."""
    return JobState("ready") if map_file.fits(path, checkpoint, settings) else Job(path).state()


def start(folder: Path, path: Path, settings: MapSettings) -> subprocess.Popen:
    """Compute a map in a detached process of lowest priority; it outlives the caller.

    Raises: UserError if its folder cannot be written.
    """
    command = ["map", str(Path(folder).resolve()), "--out", str(path.resolve()), "--job"]
    return Job(path).launch([*command, "--settings", settings.model_dump_json()])


def work(folder: Path, path: Path, settings: MapSettings) -> None:
    """The body of a job: one per target, one at a time per user. A second process for the same target ends at once.

    Raises: UserError as mapping.of_run; the status file says it too.
    """
    job = Job(path)
    with job.working() as own:
        if not own:
            return
        job.say(stage="waiting")
        files.make_folder(cache_folder())
        with lock(cache_folder() / "map.lock", wait=True):
            map_file.write(mapping.of_run(Run(folder), settings, Reporter(job)), path)
    if path.name != layout.MAP:
        keep_newest(path.parent, "*.parquet", KEPT)
