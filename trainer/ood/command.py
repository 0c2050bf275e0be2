"""`python -m trainer score`: the page's table as text."""

import sys
from pathlib import Path

import pandas as pd

from trainer.errors import UserError
from trainer.ood.inputs import read_pictures
from trainer.ood.pictures import PERCENTILE, as_text, score_pictures, to_csv
from trainer.runs.folder import Run
from trainer.system import files


def score(run: Run, paths: list[Path], csv: Path | None = None, fpr: float = 0.05, invert: bool = False) -> str:
    """Score the pictures of files, folders and zips; returns what to print, a paragraph per picture.

    Files that are no pictures are named on standard error, one line each, and the others are scored.

    Args:
        csv: where to write the whole table, or None.
        fpr: see trainer.ood.pictures.score_pictures.
        invert: replace v by 255 - v first.

    Raises: UserError if no picture is left, the run is not calibrated, or the file cannot be written.
    """
    pictures = read_pictures(paths, run.config.data.shape)
    for sentence in pictures.skipped:
        sys.stderr.write(f"{sentence}\n")
    if not pictures.names:
        raise UserError("None of the files is a readable picture; nothing was scored.")
    arrays = 255 - pictures.arrays if invert else pictures.arrays
    table = score_pictures(run, arrays, pictures.names, fpr)
    if csv is not None:
        files.write_text(csv, to_csv(table))
    return printed(table, fpr)


def printed(table: pd.DataFrame, fpr: float) -> str:
    """Return one paragraph per picture: verdict, then each score with its percentile among held-out pictures."""
    text = as_text(table)
    scores = [name for name in text.columns if name + PERCENTILE in text.columns]
    lines = []
    for _, row in text.iterrows():
        lines += [
            f"{row['picture']}: {row['verdict']} (at most {fpr:.4g} of ordinary pictures are called outliers)",
            *(f"  {name:<36} {row[name]:>12}  percentile {row[name + PERCENTILE]:>6}" for name in scores),
            f"  threshold of the combined score {row['threshold']}; same verdict in {row['same when shifted']} of 4 "
            f"one-pixel shifts; inverted: {row['verdict inverted']}",
            f"  nearest training pictures: {row['nearest'].replace(';', ', ') or 'none stored'}",
        ]
    return "\n".join(lines) + "\n"
