"""A run measured in a process of its own (trainer/jobs/task.py): start, stop, and what it leaves out.

`python -m trainer.jobs.evaluate RUN` is what the app starts. It does what `python -m trainer evaluate` does, but for
disentanglement, which takes minutes on every core and has a job of its own (trainer/jobs/disentangle.py). One at a time
per user.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from trainer.config import Config
from trainer.errors import UserError
from trainer.jobs.task import Job, JobState, Reporter, cache_folder, lock
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import files

APART = ("disentanglement",)
"""Groups of `evaluate` that are measured elsewhere."""


def state(folder: Path) -> JobState:
    """How far the measurement of a run is: running, failed, or absent; what was measured, metrics.json tells.

    A failure counts until the run was measured or trained after it.
    """
    job = _job(folder)
    found = job.state()
    if found.status == "running" and job.stop.exists():
        return JobState("running", "stopping")
    since = max(_time(job.target), _time(Path(folder) / layout.WEIGHTS))
    if found.status == "failed" and since > _time(job.status):
        return JobState("absent")
    return found


def start(folder: Path, data_root: Path | None = None) -> subprocess.Popen | None:
    """Measure in a detached process of lowest priority, which outlives the caller; None if one is at it already.

    Raises: UserError if the folder cannot be written.
    """
    if _job(folder).state().status == "running":
        return None
    command = [str(Path(folder).resolve())]
    command += ["--data-root", str(Path(data_root).resolve())] if data_root is not None else []
    return _job(folder).launch(command, "trainer.jobs.evaluate")


def stop(folder: Path) -> None:
    """Ask the measurement to stop; it does at its next sign of progress. Without one: nothing happens.

    Raises: UserError if the folder cannot be written.
    """
    if _job(folder).state().status == "running":
        files.write_text(_job(folder).stop, "")


def work(folder: Path, data_root: Path | None = None) -> None:
    """The body of a job: one per run, one at a time per user. A second process for the same run ends at once.

    Raises: UserError as evaluate.evaluate; the status file says it too.
    """
    job = _job(folder)
    with job.working() as own:
        if own:
            _measure(job, Path(folder), data_root)


def _measure(job: Job, folder: Path, data_root: Path | None) -> None:
    from trainer.evaluation import evaluate

    run, report = Run(folder), Reporter(job)
    _require_pictures(run, data_root)
    report("waiting", 0, 0)
    files.make_folder(cache_folder())
    with lock(cache_folder() / "evaluate.lock", wait=True, while_waiting=lambda: report("waiting", 0, 0)):
        evaluate.evaluate(run, data_root, progress=report, without=APART, begin=report.begin)


def _require_pictures(run: Run, data_root: Path | None) -> None:
    """Raise UserError, with what can be done from the page, where the user's own pictures are gone.

    So they are in a run that came as a zip: pictures that were uploaded stay at home.
    """
    from trainer.data import default_data_root

    path = run.config.data.path
    places = (Path(path).expanduser(), (data_root or default_data_root()) / path) if path else ()
    if path and not any(place.exists() for place in places):
        raise UserError(
            f"{path}: the pictures of this run are no longer there; put them back, or train a new run on where they "
            "are now."
        )


def left_out(settings: Config, groups: Collection[str], pairs: Collection[str]) -> list[str]:
    """A sentence on everything that a measurement could not tell of such a run, and why.

    Args:
        groups: of the metrics that were measured.
        pairs: names of the out-of-distribution pairs that were.
    """
    from trainer.data import DATASETS
    from trainer.latent import map as mapping
    from trainer.ood.pairs import pairs_of

    said = []
    if "clustering" not in groups:
        said.append("Clusters: these pictures have no labels to compare with, and this prior has no components.")
    if not pairs_of(settings.data):
        said.append("Outliers: no set of outliers belongs to these pictures; scores are calibrated for your own.")
    for pair in pairs_of(settings.data):
        if pair.name not in pairs:
            info = DATASETS[pair.outliers]
            said.append(f"Outliers, {pair.name}: {info.title} is not on this disk; get it from {info.url}.")
    if "map" not in groups:
        said.append(f"Map: it takes {mapping.EVALUATED_FROM} test pictures; Clusters lays out fewer on demand.")
    return said


def _job(folder: Path) -> Job:
    return Job(Path(folder) / layout.METRICS, status_suffix=".status")


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def main(arguments: list[str] | None = None) -> int:
    """Measure; 0 if it ended as meant or was stopped, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m trainer.jobs.evaluate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data-root", type=Path)
    options = parser.parse_args(arguments)
    try:
        work(options.folder, options.data_root)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
