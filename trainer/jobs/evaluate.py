"""Measurement of a run in the background, and what it leaves out.

Does what `python -m trainer evaluate` does, except for disentanglement, which takes minutes on all cores and is a
separate task (trainer/jobs/disentangle.py). One at a time per user.
"""

from collections.abc import Collection
from pathlib import Path

from trainer.config import Config
from trainer.data import DATASETS, default_data_root
from trainer.errors import UserError
from trainer.jobs.task import Job, Reporter, Task
from trainer.latent.map import EVALUATED_FROM
from trainer.ood.pairs import pairs_of
from trainer.runs import layout
from trainer.runs.folder import Run

APART = ("disentanglement",)
"""Groups of `evaluate` that have a task of their own."""


def job(folder: Path, data_root: Path | None = None) -> Job:
    """Return the measurement of a run, on data below `data_root`; the results are in its metrics."""
    root = None if data_root is None else str(data_root.resolve())
    arguments = {"folder": str(Path(folder).resolve()), "data_root": root}
    return Job(TASK, Path(folder) / layout.METRICS, arguments, sources=(Path(folder) / layout.WEIGHTS,))


def _work(job: Job, report: Reporter, folder: str, data_root: str | None) -> None:
    """Raises: UserError as evaluate.evaluate."""
    from trainer.evaluation import evaluate

    run, root = Run(folder), None if data_root is None else Path(data_root)
    _require_pictures(run, root)
    with report.turn("evaluate"):
        evaluate.evaluate(run, root, progress=report, without=APART, begin=report.begin)


def _require_pictures(run: Run, data_root: Path | None) -> None:
    """Raise UserError, with what can be done from the page, where the user's pictures are missing.

    An imported run comes without the pictures that were uploaded for it.
    """
    path = run.config.data.path
    places = (Path(path).expanduser(), (data_root or default_data_root()) / path) if path else ()
    if path and not any(place.exists() for place in places):
        raise UserError(
            f"{path}: the pictures of this run are no longer there; put them back, or train a new run on their "
            "new place."
        )


def left_out(settings: Config, groups: Collection[str], pairs: Collection[str]) -> list[str]:
    """Return a sentence for each part that could not be measured, with the reason.

    Args:
        groups: groups of the metrics that were measured.
        pairs: names of the out-of-distribution pairs that were measured.
    """
    from trainer.evaluation.generation import group as generation  # torch
    from trainer.evaluation.generation.networks import NETWORKS

    sentences = []
    if "clustering" not in groups:
        sentences.append("Clusters: these pictures have no labels to compare with, and this prior has no components.")
    if not pairs_of(settings.data):
        sentences.append("Outliers: no set of outliers belongs to these pictures; scores are calibrated for your own.")
    for pair in pairs_of(settings.data):
        if pair.name not in pairs:
            info = DATASETS[pair.outliers]
            sentences.append(f"Outliers, {pair.name}: {info.title} is not on this disk; download it from {info.url}.")
    if "map" not in groups:
        sentences.append(f"Map: it takes {EVALUATED_FROM} test pictures; Clusters maps fewer on demand.")
    network = NETWORKS.get(generation.default_network(settings) or "")
    if network and "generation" not in groups:
        sentences.append(f"Generated pictures: it takes {network.least} test pictures, as many as there are features.")
    return sentences


TASK = Task(
    "evaluate",
    "Measuring",
    _work,
    {
        "reading": "Reading the test pictures",
        "reading pictures": "",
        "codes": "Encoding the test pictures",
        "encoding": "",
        "reconstruction": "Reconstruction",
        "clustering": "Clusters",
        "geometry": "Geometry of the codes",
        "generation": "Generated pictures",
        "ood": "Outliers",
        "map": "Map of the codes",
        "files": "Writing the files",
    },
)
