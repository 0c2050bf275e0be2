"""Every file of a run folder: its name, content, whether it is exported, and whether pages are redrawn when it changes.

No other module contains these names. The pictures uploaded for a run lie in data/; its config.yaml names them.
"""

from pathlib import Path
from typing import NamedTuple

from trainer.errors import UserError
from trainer.runs import validation
from trainer.system import pickles


class File(NamedTuple):
    """A file; travels: `export` and `import_zip` include it; watched: pages are redrawn when it changes."""

    about: str
    travels: bool = True
    watched: bool = False


def disentanglement(protocol: str, other: str = "") -> str:
    """Return the file name of a record: disentanglement[-<other data set>][-fast].json."""
    return "-".join(filter(None, ("disentanglement", other, "" if protocol == "full" else protocol))) + ".json"


FILES: dict[str, File] = {}


def _file(name: str, about: str, **more: bool) -> str:
    FILES[name] = File(about, **more)
    return name


CONFIG = _file("config.yaml", "the settings", watched=True)
WEIGHTS = _file("model.safetensors", "weights and prior statistics; its SHA-256 makes the hash", watched=True)
DECODER = _file("decoder.onnx", "the decoder for the browser, float16")
ENCODER = _file("encoder.onnx", "the encoder for the browser, float16 where that is exact")
HISTORY = _file("history.csv", "one row per logged step")
METRICS = _file("metrics.json", "a list of Metric records, each with its protocol", watched=True)
CODES = _file("codes.parquet", "one row per test picture (trainer/evaluation/evaluate.py lists the columns)")
SPRITE = _file("sprite.png", "test pictures; `sprite_index` in the codes refers to them", watched=True)
CARD = _file("card.md", "description, data and licence, the command that reproduces it", watched=True)
MAP = _file("map.parquet", "the map of the codes with default settings")
GEOMETRY = _file("geometry.json", "the discrete Gromov-Wasserstein problem of codes and test pictures")
PAIR_HISTORY = _file("pair_history.safetensors", "distances of the same pairs at each validation of the training")
PICTURE_HISTORY = _file(
    "picture_history.safetensors", "reconstructions, samples and traversals at validations of the training"
)
TAGS = _file("tags.json", "tags of the user")
AXIS_NAMES = _file("axis_names.json", "names of the user for axes, and the weights they were given to")
OOD_HISTORY = _file("ood_history.csv", "AUROC of every score at each checkpoint of the training")
OOD_CALIBRATION = _file("ood_calibration.json", "quantiles of every score on held-out pictures")
OOD_SCORES = _file("ood_scores.parquet", "scores of ordinary pictures and outliers")
TRAIN_CODES = _file("train_codes.parquet", "codes of training pictures, for the nearest neighbours")
TRAIN_SPRITE = _file("train_sprite.png", "some of these training pictures")
CHECKPOINT = _file("training/checkpoint.safetensors", "the state from which a training resumes")
STATUS = _file("training/status.json", "progress of the training")
LOG = _file("training/log.txt", "output of the training")
PREVIEW = _file("training/preview.safetensors", "current reconstructions, samples and traversals")
SKIPPED = _file("training/skipped.txt", "training pictures that were left out, with the reason")
LOCK = _file("training/lock", "held while a process trains", travels=False)
CHANGED_DATA = _file("training/changed_data", "goes on although its pictures have changed", travels=False)
STOP = _file("training/stop", "asks the training to stop", travels=False)
REQUEST = _file("training/request.json", "asks for a training to be started", travels=False)
LAUNCH = _file("training/launch.json", "the process started for it", travels=False)
PICTURES = _file("data/pictures.zip", "pictures uploaded for this run; they are not exported", travels=False)
for other in ("", "shapes3d", "shapes3d-rendered"):
    for protocol in ("full", "fast"):
        _file(disentanglement(protocol, other), f"disentanglement on {other or 'its own data'}, {protocol} protocol")
TRAINING = "training"

TRAVELS = frozenset(name for name, file in FILES.items() if file.travels)
WATCHED = tuple(name for name, file in FILES.items() if file.watched)
RESUMABLE = frozenset({CHECKPOINT, STATUS})
"""Files that make a run resumable, all or none: a status without its checkpoint would restart the training."""
BUNDLED = (HISTORY, OOD_HISTORY, PAIR_HISTORY)
"""Files of a training that a bundled model keeps unchanged."""


def code_columns(z_dim: int) -> list[str]:
    """Return the columns of a table of codes that hold the axes: z0, z1, ..."""
    return [f"z{axis}" for axis in range(z_dim)]


def check_safetensors(path: Path, remedy: str) -> None:
    """Compare the header of a safetensors file with the size of the file; reads no tensor and needs no torch.

    Raises: UserError, ending in `remedy`, if the file is truncated or of another kind.
    """
    try:
        validation.check_safetensors(path)
    except validation.WrongError as error:
        pickles.refuse(path)  # not before: a sound header of 640 bytes begins like a pickle
        raise UserError(f"{path}: {error}; {remedy}.") from error
