"""What is damaged in a run folder: a sentence for each file that its readers would refuse. Needs no torch."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from trainer.latent import pair_history
from trainer.manage import axis_names
from trainer.runs import layout, picture_history, validation
from trainer.runs.folder import Run


class Part(NamedTuple):
    """A file that may be damaged.

    Attributes:
        about: what is missing without it.
        check: raises where the file is not what it has to be.
        remedy: what makes it anew.
    """

    about: str
    check: Callable[[Run, Path], object]
    remedy: str = "make it anew with 'python -m trainer evaluate'"


def of_run(run: Run) -> dict[str, str]:
    """Return a sentence for every damaged file, by its name in the run folder; absent files are no damage."""
    found = {}
    for name, part in PARTS.items():
        path = run.path / name
        if path.exists():
            try:
                if path.is_dir():
                    raise validation.WrongError("it is a folder")
                part.check(run, path)
            except Exception as error:  # readers raise many types; to the user they mean the same
                found[name] = f"{name}: {part.about} cannot be used ({_reason(error)}); {part.remedy}."
    return found


def _reason(error: Exception) -> str:
    """Return why, in a few words, where the reader knows it."""
    cause = error if isinstance(error, validation.WrongError) else error.__cause__
    return str(cause) if isinstance(cause, validation.WrongError) and str(cause) else "the file is damaged"


def _weights(run: Run, path: Path) -> None:
    import numpy as np
    from safetensors.numpy import load_file

    layout.check_safetensors(path, "x")
    if not all(np.isfinite(tensor).all() for tensor in load_file(path).values() if tensor.dtype.kind == "f"):
        raise validation.WrongError("they are not finite")


def _codes(run: Run, path: Path) -> None:
    codes = run.codes
    wanted = ("id", "label", "sprite_index", *layout.code_columns(run.config.model.z_dim))
    if lacking := [name for name in wanted if name not in codes]:
        raise validation.WrongError(f"it has no column '{lacking[0]}'")


def _map(run: Run, path: Path) -> None:
    from trainer.latent import map_file

    if not {"code"} <= set(map_file.read(path).frame["kind"]) <= {"code", "prior", "centre"}:
        raise validation.WrongError("it holds other points than a map's")


def _calibration(run: Run, path: Path) -> None:
    from trainer.ood import calibration

    calibration.parsed(validation.read_json(path, validation.CalibrationSchema))


def _scores(run: Run, path: Path) -> None:
    from trainer.ood import tables

    table, _ = validation.read_table(path, tables.REQUIRED)
    if not set(table["role"]) <= {tables.ORDINARY, tables.OUTLIER} or not tables.score_columns(table):
        raise validation.WrongError("it holds other rows than scores")


def _disentanglement(run: Run, path: Path) -> None:
    from trainer.evaluation.disentanglement import record

    record.parsed(path)


def _geometry(run: Run, path: Path) -> None:
    from trainer.evaluation import gw_record

    gw_record.parsed(path)


def _auroc(run: Run, path: Path) -> None:
    rows = csv.DictReader(validation.read_bytes(path, validation.MAX_CSV).decode().splitlines())
    for row in rows:
        [int(row[name]) for name in ("step", "ordinary", "outliers")], float(row["auroc"])
    if not {"step", "pair", "score", "auroc"} <= set(rows.fieldnames or ()):
        raise validation.WrongError("it has other columns")


def _sprite(run: Run, path: Path) -> None:
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as picture:
        height, width = run.config.data.shape[1:]
        if picture.height % height or picture.width % width:
            raise validation.WrongError(f"its tiles are not {height}x{width}")
        picture.verify()


def _status(run: Run, path: Path) -> None:
    validation.read_json(path, validation.StatusSchema)


_AGAIN = "copy the run folder again or train the run anew"
_NETWORKS = "make it anew with 'python -m trainer networks'"
_DELETE = "delete the file"
PARTS = {
    layout.WEIGHTS: Part("the weights", _weights, _AGAIN),
    layout.DECODER: Part("the decoder for the browser", lambda run, path: validation.read_network(path), _NETWORKS),
    layout.ENCODER: Part("the encoder for the browser", lambda run, path: validation.read_network(path), _NETWORKS),
    layout.METRICS: Part("the measurements", lambda run, path: run.metrics),
    layout.CODES: Part("the test codes", _codes),
    layout.SPRITE: Part("the test pictures", _sprite),
    layout.MAP: Part("the stored map", _map, "move it away, and it is made anew"),
    layout.GEOMETRY: Part("the discrete GW", _geometry, "compute it again on page Geometry"),
    layout.OOD_CALIBRATION: Part("percentiles and verdicts on outliers", _calibration),
    layout.OOD_SCORES: Part("the stored outlier scores", _scores),
    layout.TRAIN_CODES: Part(
        "the nearest training pictures", lambda run, path: validation.read_table(path, validation.TRAIN_COLUMNS)
    ),
    layout.PAIR_HISTORY: Part("the replay of the pairs", lambda run, path: pair_history.read(path), _DELETE),
    layout.PICTURE_HISTORY: Part("the pictures over training", lambda run, path: picture_history.read(path), _DELETE),
    layout.OOD_HISTORY: Part("the course of AUROC over training", _auroc, _DELETE),
    layout.HISTORY: Part("the curves of the training", lambda run, path: run.history, _DELETE),
    layout.CARD: Part("the description", lambda run, path: validation.read_bytes(path, validation.MAX_JSON).decode()),
    layout.TAGS: Part("the tags", lambda run, path: validation.read_json(path, validation.TAGS), _DELETE),
    layout.AXIS_NAMES: Part("the names of axes", lambda run, path: axis_names.stored(path), _DELETE),
    layout.STATUS: Part("the state of the training", _status, _DELETE),
    layout.CHECKPOINT: Part(
        "the state to resume from", lambda run, path: layout.check_safetensors(path, "x"), "copy the run folder again"
    ),
}
PARTS |= {
    name: Part("disentanglement", _disentanglement) for name in layout.FILES if name.startswith("disentanglement")
}
