"""`python -m trainer score`: the page's table as text, CSV or JSON, with the detectors of the literature beside it."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd

from trainer.errors import UserError
from trainer.models.base import LatentModel
from trainer.ood import calibration as calibrations
from trainer.ood import neighbours
from trainer.ood.calibration import Calibration
from trainer.ood.detectors import ratio, registry
from trainer.ood.detectors.base import Background
from trainer.ood.inputs import Pictures, read_pictures
from trainer.ood.pictures import PERCENTILE, as_text, prepared, score_pictures, to_csv, to_json
from trainer.ood.preparation import AS_IT_IS, INVERTED, Prepared, of_run
from trainer.runs.folder import Run
from trainer.system import files

Form = Literal["text", "csv", "json"]
LIMIT = 10_000
"""Pictures at once, two minutes of work; a folder of more is a data set, which `evaluate --outliers` measures."""


def score(
    run: Run,
    paths: list[Path],
    csv: Path | None = None,
    fpr: float = 0.05,
    invert: bool = False,
    form: Form = "text",
    as_it_is: bool = False,
    background: Path | None = None,
) -> str:
    """Score the pictures of files, folders and zips; returns what to print.

    Files that are no pictures, and detectors that the model lacks, are named on standard error, one line each.

    Args:
        csv: where to write the whole table too, or None.
        fpr: see trainer.ood.pictures.score_pictures.
        invert: replace v by 255 - v first, and change nothing else.
        as_it_is: change nothing; otherwise each picture is read as what passes most easily for one of the model's own
            (trainer/ood/preparation.py).
        background: run folder of the background model that the run was evaluated with, or None.
        form: "text", a paragraph per picture; "csv", the whole table, safe to open in a spreadsheet; or "json".

    Raises: UserError if no picture is left or there are more than LIMIT, the run is not calibrated, or the file cannot
        be written.
    """
    calibration, model = calibrations.read(run), run.load_model()
    behind = background and _background(run, calibration, Run(background))
    pictures = read_pictures(paths, run.config.data.shape, LIMIT)
    for sentence in [*pictures.skipped, *_lacking(run, model, calibration, behind)]:
        sys.stderr.write(f"{sentence}\n")
    if not pictures.names:
        raise UserError("None of the files is a readable picture; nothing was scored.")
    read = _read_as(run, model, pictures, invert, as_it_is)
    loaded = {"model": model, "background": behind}
    table = score_pictures(run, read.arrays, pictures.names, fpr, detectors=True, versions=read.versions, **loaded)
    if csv is not None:
        files.write_text(csv, to_csv(table))
    about = {"checkpoint": run.hash, "fpr": fpr, "inverted": invert, "left_out": list(pictures.skipped)}
    if form == "json":
        return to_json(table, **about)
    return to_csv(table) if form == "csv" else printed(table, fpr)


def _read_as(run: Run, model: LatentModel, pictures: Pictures, invert: bool, as_it_is: bool) -> Prepared:
    """Return the pictures in the version that is asked for."""
    if as_it_is or invert:
        arrays, version = (255 - pictures.arrays, INVERTED) if invert else (pictures.arrays, AS_IT_IS)
        return Prepared(arrays, (version,) * len(arrays))
    return prepared(run, model, pictures.arrays, pictures.details, of_run(run))


def _background(run: Run, calibration: Calibration, other: Run) -> Background:
    """The background model with its variance. Raises: UserError unless the run was evaluated with these weights."""
    found, reference = ratio.background_of(other, run.config), calibration.reference
    if reference is None or reference.background is None or reference.background[0] != found.checkpoint:
        again = f"python -m trainer evaluate {run.path} --only ood --background {other.path}"
        raise UserError(f"{run.path} was not evaluated with this background model; '{again}' does it.")
    return replace(found, variance=reference.background[1])


def _lacking(run: Run, model, calibration: Calibration, background: Background | None) -> list[str]:
    """A sentence for each detector that cannot score, with the reason, or one for all of them."""
    if calibration.reference is None:
        again = f"python -m trainer evaluate {run.path} --only ood"
        return [f"The detectors of the literature are not calibrated for this run; '{again}' does it."]
    reasons = registry.lacking(model, registry.known_of(neighbours.read(run), 1.0, 0.0, background))
    return [f"No {name}: {reason}." for name, reason in reasons.items()]


def printed(table: pd.DataFrame, fpr: float) -> str:
    """Return one paragraph per picture: verdict, then each score with its percentile among held-out pictures."""
    text = as_text(table)
    scores = [name for name in text.columns if name + PERCENTILE in text.columns]
    lines = []
    for _, row in text.iterrows():
        lines += [
            f"{row['picture']}: {row['verdict']} (at most {fpr:.4g} of ordinary pictures are called outliers)",
            f"  {row['why']} Read: {row['read as']}.",
            *(f"  {name:<36} {row[name]:>12}  percentile {row[name + PERCENTILE]:>6}" for name in scores),
            f"  threshold of the combined score {row['threshold']}; same verdict in {row['same when shifted']} of 4 "
            f"one-pixel shifts; inverted: {row['verdict inverted']}",
            f"  nearest training pictures: {row['nearest'].replace(';', ', ') or 'none stored'}",
        ]
    return "\n".join(lines) + "\n"
