"""One training of a study in the background: train to the end, then measure.

Its lock and its target are those of measuring the run, so neither happens twice at a time.
"""

from pathlib import Path
from typing import Any

from trainer.errors import UserError
from trainer.jobs.task import Job, Reporter, Task
from trainer.runs import layout, status
from trainer.runs.folder import Run
from trainer.system import processes

ENDED = ("finished", "early stop")


def job(
    folder: Path, groups: list[str], fast: bool, measured: list[str], data_root: Path | None, precision: str
) -> Job:
    """Return the work on one run; it is ready once the run is trained to its end and has numbers of all groups.

    Args:
        groups: names of evaluate.GROUPS.
        fast: whether disentanglement is measured by its fast protocol.
        measured: what the groups are called in metrics.
        precision: of the training, as in `Hardware`.
    """
    root = None if data_root is None else str(data_root.resolve())
    arguments = {
        "folder": str(folder.resolve()),
        "groups": groups,
        "fast": fast,
        "data_root": root,
        "precision": precision,
    }
    return Job(TASK, folder / layout.METRICS, arguments, lambda: is_done(folder, set(measured)))


def is_done(folder: Path, groups: set[str]) -> bool:
    """Return whether a run is trained to its end and has numbers of its weights in all these groups."""
    if status.look(folder).phase not in ENDED:
        return False
    try:
        run = Run(folder)
        return groups <= {metric.group for metric in run.metrics if metric.checkpoint == run.hash}
    except UserError:  # a damaged file is made anew
        return False


def _work(
    job: Job, report: Reporter, folder: str, groups: list[str], fast: bool, data_root: str | None, precision: Any
) -> None:
    """Raises: UserError as fit.fit and evaluate.evaluate."""
    from trainer.evaluation import evaluate
    from trainer.training import fit, hardware

    root = None if data_root is None else Path(data_root)
    report("training", 0, 0)
    fit.fit(Run(Path(folder)), root, progress=False, hardware=hardware.Hardware(precision=precision))
    report.check()  # a training that was stopped is not measured
    evaluate.evaluate(Run(Path(folder)), root, groups, report, fast=fast)


TASK = Task("study", "Training and measuring", _work, {"training": "Training"}, threads=processes.training_threads)
