"""The discrete Gromov-Wasserstein distance computed in the background, and the place of its record."""

import os
from pathlib import Path

from trainer.evaluation import gw_record
from trainer.jobs.task import Job, Reporter, Task, cache_folder, keep_newest
from trainer.runs import layout
from trainer.runs.folder import Run

CACHED = 24
"""Number of records that the cache keeps, the newest; one takes 50 kilobytes."""


def target(folder: Path, checkpoint: str, read_only: bool = False) -> Path:
    """Return the file in which the record is or would be stored; `read_only`: the folder may not be written."""
    own = Path(folder) / layout.GEOMETRY
    if gw_record.fits(own, checkpoint) or not (read_only or not os.access(folder, os.W_OK)):
        return own
    return _cache() / f"{checkpoint}.json"


def job(run: Run, data_root: Path | None = None, read_only: bool = False) -> Job:
    """Return the computation for a run, on data below `data_root`; `read_only` as in target."""
    path = target(run.path, run.hash, read_only)
    root = None if data_root is None else str(data_root.resolve())
    arguments = {"folder": str(run.path.resolve()), "data_root": root}
    return Job(TASK, path, arguments, lambda: gw_record.fits(path, run.hash))


def _work(job: Job, report: Reporter, folder: str, data_root: str | None) -> None:
    """Raises: UserError as gw_record.of_run."""
    root = None if data_root is None else Path(data_root)
    gw_record.write(gw_record.of_run(Run(folder), root, report), job.target)
    if job.target.parent == _cache():
        keep_newest(job.target.parent, "*.json", CACHED)


def _cache() -> Path:
    return cache_folder() / "geometry"


TASK = Task(
    "geometry",
    "Discrete GW",
    _work,
    {
        "reading": "Reading the test pictures",
        "decoding": "Decoding prior samples",
        "to data": "Matching prior codes with test pictures",
        "to own": "Matching prior codes with their own pictures",
        "floor": "Matching test pictures with others",
    },
)
