"""The record of a discrete Gromov-Wasserstein problem of a run: its values, coupling, and maps of both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, FiniteFloat

from trainer.batching import Progress, silent
from trainer.errors import UserError
from trainer.latent import distances
from trainer.runs import validation
from trainer.runs.folder import Run
from trainer.system import files

_MOST = 500
"""Points at most: geometry.SAMPLES."""
_Whole = Annotated[int, Field(ge=0, le=validation.MAX_WHOLE)]
_Coupled = Annotated[list[_Whole], Field(min_length=2, max_length=2)]
_Number = Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)]  # distances are over their mean
_Value = Annotated[FiniteFloat, Field(ge=0, le=1e6)]
_Few = Annotated[list[_Value], Field(max_length=_MOST)]
_Place = Annotated[list[_Number], Field(min_length=2, max_length=2)]
_Places = Annotated[list[_Place], Field(max_length=_MOST)]


class Record(validation.Schema):
    """geometry.json: a discrete Gromov-Wasserstein problem of n prior codes and n test pictures.

    Attributes:
        paired, own, data_gw, floor: values with distances over their mean: of codes and their own pictures, each code
            coupled to its own; the same, coupled best; of codes and test pictures; of test pictures and others.
        rows: of the test pictures in codes.parquet.
        coupled, mass: the coupling of codes and test pictures: pairs (code, picture), and the mass of each.
        code_distortion, picture_distortion: how badly each point is matched (transport.shares).
        code_places, picture_places: maps of both (distances.places).
    """

    format: validation.Word
    checkpoint: validation.Hash
    data: validation.Word
    split: validation.Word
    seed: _Whole
    n: Annotated[int, Field(ge=2, le=_MOST)]
    paired: _Value
    own: _Value
    data_gw: _Value
    floor: _Value
    rows: Annotated[list[_Whole], Field(max_length=_MOST)]
    coupled: Annotated[list[_Coupled], Field(min_length=1, max_length=_MOST**2)]
    mass: Annotated[list[Annotated[FiniteFloat, Field(ge=0, le=1)]], Field(max_length=_MOST**2)]
    code_distortion: _Few
    picture_distortion: _Few
    code_places: _Places
    picture_places: _Places


FORMAT = "gwae-geometry 1"
_LEAST = 1e-6  # of a point's mass; below, an entry of the coupling is rounding


def of_run(
    run: Run, data_root: Path | None = None, progress: Progress = silent, seed: int = 0, n: int | None = None
) -> Record:
    """Return the record of prior codes against test pictures, with the protocol of `evaluate --only geometry`.

    Args:
        progress: called as progress(what, done, total); may raise to stop.
        seed: of samples, choice of pictures and starts.
        n: points at most; None for geometry.SAMPLES.

    Raises: UserError for absent data or fewer than 4 test pictures, a broken checkpoint.
    """
    from trainer import data
    from trainer.evaluation import geometry
    from trainer.evaluation.evaluate import measured
    from trainer.latent import transport

    run = Run(run.path)
    checkpoint, model = run.hash, run.load_model()
    progress("reading", 0, 0)
    images = measured(data.load(run.config.data, "test", data_root))
    rows = geometry.chosen(len(images), seed, n or geometry.SAMPLES)
    n = len(rows.first)
    if n < 2:
        raise UserError(f"{run.path}: the discrete GW takes at least 4 test pictures.")
    progress("decoding", 0, 0)
    pairs = geometry.of_prior(model, seed * geometry.DRAWS)
    d_z, own = (distances.between(part[:n]) for part in (pairs.codes, pairs.pictures))
    first, second = (distances.between(images.float_batch(half)) for half in rows)
    to_data = transport.solve(d_z, first, seed, progress=progress, title="to data")
    to_own = transport.solve(d_z, own, seed, paired=True, progress=progress, title="to own")
    floor = transport.solve(second, first, seed, progress=progress, title="floor")
    values = {"paired": transport.paired_value(d_z, own), "own": to_own.value, "data_gw": to_data.value}
    values["floor"] = floor.value
    about = {"format": FORMAT, "checkpoint": checkpoint, "data": images.name, "split": images.split, "seed": seed}
    return Record(**about, n=n, rows=rows.first.tolist(), **values, **_drawn(d_z, first, to_data.coupling))


def _drawn(d_z: np.ndarray, d_x: np.ndarray, coupling: np.ndarray) -> dict[str, list]:
    """What the page draws of the coupling: its entries, how well each point is matched, and the two maps.

    The map of the pictures is turned and mirrored so that matched points lie alike: distances do not say where is up.
    """
    from scipy.linalg import orthogonal_procrustes

    from trainer.latent import transport

    n = len(coupling)
    of_codes, of_pictures = transport.shares(d_z, d_x, coupling)
    codes, pictures = distances.places(d_z), distances.places(d_x)
    turn, _ = orthogonal_procrustes(pictures, n * coupling.T @ codes)
    kept = np.argwhere(coupling > _LEAST / n)
    short = lambda values: np.round(values, 5).tolist()  # noqa: E731
    return {
        "coupled": kept.tolist(),
        "mass": [float(f"{coupling[i, j]:.4g}") for i, j in kept],
        "code_distortion": short(of_codes),
        "picture_distortion": short(of_pictures),
        "code_places": short(codes),
        "picture_places": short(pictures @ turn),
    }


def write(record: Record, path: Path) -> None:
    """Store the record. Raises: UserError if the folder cannot be written."""
    files.write_text(path, record.model_dump_json() + "\n")


def read(path: Path) -> Record:
    """Return a stored record. Raises: UserError if it is damaged."""
    try:
        return parsed(path)
    except validation.WrongError as error:
        raise UserError(f"{path}: the record of the discrete GW is damaged; compute it again.") from error


def parsed(path: Path) -> Record:
    """Return a stored record. Raises: WrongError if it is of another form, or its parts do not fit each other."""
    record = validation.read_json(path, Record)
    if record.format != FORMAT:
        raise validation.WrongError("it is of another version")
    parts = (record.rows, record.code_distortion, record.picture_distortion, record.code_places, record.picture_places)
    if any(len(part) != record.n for part in parts) or len(record.mass) != len(record.coupled):
        raise validation.WrongError("its parts are of different lengths")
    if any(not 0 <= place < record.n for pair in record.coupled for place in pair):
        raise validation.WrongError("its coupling names points that are not there")
    return record


def fits(path: Path, checkpoint: str) -> bool:
    """Return whether the file is a sound record of these weights."""
    try:
        return path.is_file() and parsed(path).checkpoint == checkpoint
    except validation.WrongError:
        return False
