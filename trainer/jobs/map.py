"""Maps of the codes computed in the background, and the place of their files.

One at a time per user: the compiled code of UMAP is not safe under concurrency, and two at once are slower than one
after the other.
"""

import os
from pathlib import Path
from typing import Any

from trainer.jobs.task import Job, Reporter, Task, cache_folder, keep_newest
from trainer.latent import map, map_file
from trainer.latent.map_file import MapSettings
from trainer.runs import layout
from trainer.runs.folder import Run

CACHED = 24
"""Number of maps with other settings kept per folder, the newest; one takes about half a megabyte."""


def target(folder: Path, checkpoint: str, settings: MapSettings, read_only: bool = False) -> Path:
    """Return the file in which the map of these settings is or would be stored.

    Args:
        folder: the run folder; its map is used if it fits.
        read_only: whether the folder may not be written (bundled models).
    """
    own = Path(folder) / layout.MAP
    if map_file.fits(own, checkpoint, settings):
        return own
    if read_only or not os.access(folder, os.W_OK):
        return cache_folder() / "maps" / f"{checkpoint}-{settings.key}.parquet"
    return own if settings == MapSettings() else Path(folder) / "maps" / f"{checkpoint}-{settings.key}.parquet"


def job(run: Run, settings: MapSettings, read_only: bool = False) -> Job:
    """Return the computation of a map; `read_only` as in target."""
    path = target(run.path, run.hash, settings, read_only)
    arguments = {"folder": str(run.path.resolve()), "settings": settings.model_dump()}
    return Job(TASK, path, arguments, lambda: map_file.fits(path, run.hash, settings))


def _work(job: Job, report: Reporter, folder: str, settings: dict[str, Any]) -> None:
    """Raises: UserError as map.of_run."""
    with report.turn("map"):
        map_file.write(map.of_run(Run(folder), MapSettings(**settings), report), job.target)
    if job.target.name != layout.MAP:
        keep_newest(job.target.parent, "*.parquet", CACHED)


TASK = Task(
    "map",
    "Map",
    _work,
    {
        "waiting": "Waiting for another map to end",
        "reading": "Reading the codes",
        "preparing": "Preparing UMAP",
        "neighbours": "Finding neighbours",
        "layout": "Laying out",
        "outlines": "Drawing the contours of the components",
        "trustworthiness": "Measuring trustworthiness",
        "clusters": "Clustering",
    },
    status_suffix=".json",
)
