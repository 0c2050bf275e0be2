"""Disentanglement measured in the background, and the place of its records.

One at a time per user: a full measurement occupies all cores for minutes.
"""

import os
from pathlib import Path

from trainer.evaluation.disentanglement import record as records
from trainer.jobs.task import Job, Reporter, Task, cache_folder, keep_newest
from trainer.runs import layout
from trainer.runs.folder import Run

CACHED = 24
"""Number of records that the cache keeps, the newest; one takes a few kilobytes."""


def target(folder: Path, checkpoint: str, protocol: str, read_only: bool = False, other: str = "") -> Path:
    """Return the file in which the record of a protocol, "full" or "fast", is or would be stored.

    Args:
        folder: the run folder; its record is used if it fits.
        read_only: whether the folder may not be written (bundled models).
        other: name of the data set, if not that of the training; it has separate records.
    """
    own = Path(folder) / layout.disentanglement(protocol, other)
    if records.fits(own, checkpoint, protocol, other) or not (read_only or not os.access(folder, os.W_OK)):
        return own
    return _cache() / ("-".join(part for part in (checkpoint, other, protocol) if part) + ".json")


def stored(run: Run, read_only: bool = False, other: str = "") -> records.Record | None:
    """Return the full record of this checkpoint, else the fast one, else None; `read_only` and `other` as in target."""
    for protocol in ("full", "fast"):
        path = target(run.path, run.hash, protocol, read_only, other)
        if records.fits(path, run.hash, protocol, other):
            return records.read(run, protocol, path, other)
    return None


def job(run: Run, path: Path, protocol: str, data_root: Path | None = None, other: str = "") -> Job:
    """Return the measurement of the record in `path` (see target), on data below `data_root`."""
    root = None if data_root is None else str(data_root.resolve())
    arguments = {"folder": str(run.path.resolve()), "protocol": protocol, "data_root": root, "other": other}
    return Job(TASK, path, arguments, lambda: records.fits(path, run.hash, protocol, other))


def _work(job: Job, report: Reporter, folder: str, protocol: str, data_root: str | None, other: str) -> None:
    """Raises: UserError as group.of_run."""
    from trainer.evaluation.disentanglement import group

    root = None if data_root is None else Path(data_root)
    with report.turn("disentanglement"):
        records.write(group.of_run(Run(folder), protocol, root, report, other=other), job.target)
    if job.target.parent == _cache():
        keep_newest(job.target.parent, "*.json", CACHED)


def _cache() -> Path:
    return cache_folder() / "disentanglement"


TASK = Task(
    "disentangle",
    "Measuring",
    _work,
    {
        "reading": "Reading the model",
        "preparing pictures": "Preparing the pictures, once",
        "encoding": "Encoding pictures",
        "FactorVAE votes": "FactorVAE score: voting",
        "SAP": "SAP: separating with one axis at a time",
        "DCI trees": "DCI: growing trees",
        "InfoMEC": "InfoM, InfoC, InfoE: information by neighbours",
        "DCI-ES probes": "DCI-ES: forests of rising depth",
        "GWAE DCI forests": "DCI as in the GWAE paper: forests",
    },
)
