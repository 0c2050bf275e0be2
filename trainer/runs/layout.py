"""Every file of a run folder: its name, what it is, whether it travels, and whether pages are redrawn when it changes.

No other module spells these names. The pictures uploaded for a run lie in data/; its config.yaml names them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from trainer.errors import UserError

CONFIG = "config.yaml"
WEIGHTS = "model.safetensors"
DECODER = "decoder.onnx"
HISTORY = "history.csv"
METRICS = "metrics.json"
CODES = "codes.parquet"
SPRITE = "sprite.png"
CARD = "card.md"
MAP = "map.parquet"
TAGS = "tags.json"
OOD_HISTORY = "ood_history.csv"
OOD_CALIBRATION = "ood_calibration.json"
OOD_SCORES = "ood_scores.parquet"
TRAIN_CODES = "train_codes.parquet"
TRAIN_SPRITE = "train_sprite.png"
PICTURES = "data/pictures.zip"

TRAINING = "training"
CHECKPOINT = "training/checkpoint.safetensors"
STATUS = "training/status.json"
LOG = "training/log.txt"
PREVIEW = "training/preview.safetensors"
SKIPPED = "training/skipped.txt"
LOCK = "training/lock"
STOP = "training/stop"
REQUEST = "training/request.json"
LAUNCH = "training/launch.json"


class File(NamedTuple):
    """What a file is; travels: `export` and `import_zip` take it along; watched: pages show something of it at once."""

    about: str
    travels: bool = True
    watched: bool = False


def disentanglement(protocol: str, other: str = "") -> str:
    """Return the name of a record: disentanglement[-<other data set>][-fast].json."""
    return "-".join(filter(None, ("disentanglement", other, "" if protocol == "full" else protocol))) + ".json"


RECORDS = {
    disentanglement(protocol, other): File(f"disentanglement on {other or 'its own data'}, {protocol} protocol")
    for other in ("", "shapes3d", "shapes3d-rendered")
    for protocol in ("full", "fast")
}
FILES = {
    CONFIG: File("what was asked", watched=True),
    WEIGHTS: File("weights and prior statistics; the first digits of its SHA-256 are the model's hash", watched=True),
    DECODER: File("the decoder for the browser, float16"),
    HISTORY: File("one row per logged step"),
    METRICS: File("a list of Metric records, each with its protocol", watched=True),
    CODES: File("one row per test picture (trainer/evaluation/evaluate.py lists the columns)"),
    SPRITE: File("the test pictures that the codes' `sprite_index` refers to", watched=True),
    CARD: File("what it is, data and licence, the command that reproduces it", watched=True),
    MAP: File("the usual map of the codes"),
    TAGS: File("what its owner calls it"),
    OOD_HISTORY: File("AUROC of every score at each checkpoint of the training"),
    OOD_CALIBRATION: File("quantiles of every score on held-out pictures"),
    OOD_SCORES: File("scores of ordinary pictures and outliers"),
    TRAIN_CODES: File("codes of training pictures, to find the nearest ones"),
    TRAIN_SPRITE: File("some of these pictures"),
    **RECORDS,
    CHECKPOINT: File("what a training resumes from"),
    STATUS: File("how far the training is"),
    LOG: File("what the training printed"),
    PREVIEW: File("what the model makes of some pictures at the moment"),
    SKIPPED: File("training pictures that were left out, and why"),
    LOCK: File("held while a process trains", travels=False),
    STOP: File("asks the training to stop", travels=False),
    REQUEST: File("asks for a training to be started", travels=False),
    LAUNCH: File("the process that was started for it", travels=False),
    PICTURES: File("pictures that were uploaded for this run: they stay at home", travels=False),
}
TRAVELS = frozenset(name for name, file in FILES.items() if file.travels)
WATCHED = tuple(name for name, file in FILES.items() if file.watched)
RESUMABLE = frozenset({CHECKPOINT, STATUS})
"""What makes a run resumable, all of it or none: a status without its checkpoint would have it trained anew."""
BUNDLED = (HISTORY, OOD_HISTORY)
"""What a bundled model keeps of its training as it is."""
HEADER_LIMIT = 2**27  # bytes


def check_safetensors(path: Path, remedy: str) -> None:
    """Compare the header of a safetensors file with the file's size: no torch and no tensor is read.

    Raises: UserError, ending in `remedy`, if the file is truncated or something else.
    """
    size = path.stat().st_size
    with open(path, "rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        header = handle.read(length) if 0 < length < min(size, HEADER_LIMIT) else b""
    try:
        tensors = json.loads(header)
        end = max(value["data_offsets"][1] for key, value in tensors.items() if key != "__metadata__")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        end = -1
    if size != 8 + length + end:
        raise UserError(f"{path}: truncated or no safetensors file; {remedy}.")
