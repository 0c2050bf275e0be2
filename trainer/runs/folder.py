"""Run and Metric: a model and its measurements in one folder, as plain text and safetensors (layout.FILES)."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import config
from trainer.errors import UserError
from trainer.runs import layout, validation
from trainer.system import files, mode, pickles

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd  # at run time only where a table is read: 70 MB that a training and a page's start do without

SPRITE_COLUMNS = 50
HASH_LENGTH = 12


@dataclass(frozen=True)
class Metric:
    """One measured number with its protocol."""

    name: str
    value: float
    group: str  # reconstruction, clustering, ood, disentanglement, generation, geometry, seeds
    data: str  # "MNIST"
    split: str  # "test"
    n: int
    seed: int | None
    estimator: str  # how it was computed
    checkpoint: str  # Run.hash
    unit: str = ""  # "dB"; empty for shares and scores
    low: float | None = None  # 95 % interval, where one was estimated; range of trainings in the group seeds
    high: float | None = None
    higher_is_better: bool = True

    @property
    def interval(self) -> str:
        """The interval as text, or an empty string; a range over seeds is called so."""
        if self.low is None or self.high is None:
            return ""
        return f"{self.low:.4g} to {self.high:.4g}" + (", range of seeds" if self.group == "seeds" else "")


class Run:
    """A validated run folder; files are read when they are used, without the data set, a GPU or the network.

    Raises: UserError on opening if the folder or config.yaml is missing or damaged; on reading, if that file is.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not (self.path / layout.CONFIG).is_file():
            pickles.refuse(self.path)
            if not self.path.is_dir():
                raise UserError(f"{self.path}: no such run folder; 'python -m trainer list' shows the existing ones.")
            raise UserError(f"{self.path}: no config.yaml, so this is not a run folder; choose one made by 'fit'.")
        self.config = _located(config.load(self.path / layout.CONFIG), self.path)

    @property
    def name(self) -> str:
        """Name of the folder, which is the name of the model on pages and in URLs."""
        return self.path.name

    @property
    def recipe(self) -> dict:
        """All settings but name and seed: what trainings of one recipe share."""
        return self.config.model_dump(exclude={"name", "seed"})

    @property
    def weights_path(self) -> Path:
        """Path of model.safetensors."""
        return self.path / layout.WEIGHTS

    @property
    def checkpoint_path(self) -> Path:
        """Path of the state from which a training resumes (trainer/training/checkpoint.py)."""
        return self.path / layout.CHECKPOINT

    @property
    def is_trained(self) -> bool:
        """Whether there is a model to load."""
        return self.weights_path.is_file()

    @cached_property
    def hash(self) -> str:
        """First 12 hex digits of the SHA-256 of model.safetensors: the model's identity."""
        if not self.is_trained:
            raise UserError(f"{self.path}: no model.safetensors yet; continue with 'python -m trainer resume'.")
        with open(self.weights_path, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()[:HASH_LENGTH]

    def load_model(self):
        """Return the trained LatentModel in evaluation mode, on the CPU.

        Raises: UserError if model.safetensors is damaged, or of another architecture.
        """
        from trainer.models import load_weights  # torch stays out of processes that only list runs

        return load_weights(self.config, self.weights_path)

    @property
    def history(self) -> pd.DataFrame:
        """history.csv, one row per logged step; empty if there is none."""
        remedy = "delete it; the next 'python -m trainer resume' starts a new one"
        return _read_table(self.path / layout.HISTORY, remedy, validation.read_numbers)

    @property
    def codes(self) -> pd.DataFrame:
        """codes.parquet; empty if there is none."""
        remedy = "make it anew with 'python -m trainer evaluate'"
        return _read_table(self.path / layout.CODES, remedy, self._codes)

    def _codes(self, path: Path) -> pd.DataFrame:
        """Return the codes. Raises: WrongError if they cannot be this model's."""
        table, _ = validation.read_table(path)
        prior = self.config.prior
        limits = {"label": 10**6, "sprite_index": validation.MAX_ROWS}
        limits |= {"component": prior.components} if prior.kind == "gmp" else {}
        for name, limit in limits.items():
            if name in table and len(table) and not -1 <= table[name].min() <= table[name].max() < limit:
                raise validation.WrongError(f"{name} lies outside its range")
        if "id" in table and not table["id"].is_unique:
            raise validation.WrongError("an id stands twice")
        return table

    @property
    def metrics(self) -> list[Metric]:
        """metrics.json; empty if there is none."""
        path = self.path / layout.METRICS
        if not path.is_file():
            return []
        try:
            return [Metric(**dict(record)) for record in validation.read_json(path, validation.METRICS)]
        except validation.WrongError as error:
            remedy = "make it anew with 'python -m trainer evaluate'"
            raise UserError(f"{path}: not a metrics file; {remedy}.") from error

    @property
    def card(self) -> str:
        """card.md, or an empty string."""
        return validation.read_text(self.path / layout.CARD)

    @property
    def sprite_path(self) -> Path | None:
        """Path of sprite.png, or None where the pictures may not be bundled."""
        path = self.path / layout.SPRITE
        return path if path.is_file() else None

    def write_metrics(self, metrics: list[Metric]) -> None:
        """Replace the stored metrics of the same groups, keep those of the others."""
        groups, stored = {metric.group for metric in metrics}, []
        with contextlib.suppress(UserError):  # a damaged file is made anew
            stored = self.metrics
        kept = [metric for metric in stored if metric.group not in groups and metric.checkpoint == self.hash]
        records = [asdict(metric) for metric in kept + metrics]
        files.write_text(self.path / layout.METRICS, json.dumps(records, indent=1) + "\n")

    def write_codes(self, codes: pd.DataFrame) -> None:
        """Replace codes.parquet atomically."""
        files.write_atomic(self.path / layout.CODES, lambda path: write_parquet(codes, path))


def _located(settings: config.Config, folder: Path) -> config.Config:
    """Return the settings with an absolute path to pictures in the run folder (data/...): runs may be renamed."""
    own = folder / settings.data.path if settings.data.path else None
    if own is None or Path(settings.data.path).is_absolute() or not own.exists():
        return settings
    return settings.model_copy(update={"data": settings.data.model_copy(update={"path": str(own.resolve())})})


@mode.local_only("Training")
def create(path: str | Path, settings: config.Config) -> Run:
    """Create a run folder that holds only config.yaml.

    Raises: UserError if the folder is not empty, or cannot be written.
    """
    path = Path(path)
    if (path / layout.CONFIG).exists():
        raise UserError(f"{path}: a run is already there; continue it with 'resume' or choose another --out.")
    if path.is_dir() and any(path.iterdir()):
        raise UserError(f"{path}: the folder holds something else already; choose another --out.")
    files.make_folder(path)
    files.write_text(path / layout.CONFIG, settings.to_yaml())
    return Run(path)


def discard_unstarted(run: Run) -> None:
    """Remove a folder made by `create` whose training never began; anything else stays."""
    training = run.path / layout.TRAINING
    if run.is_trained or _has_begun(run.path / layout.STATUS):
        return
    with contextlib.suppress(OSError):  # rmdir refuses if another file was added meanwhile
        (run.path / layout.STATUS).unlink(missing_ok=True)
        (run.path / layout.LOCK).unlink(missing_ok=True)
        if training.is_dir():
            training.rmdir()
        (run.path / layout.CONFIG).unlink()
        run.path.rmdir()


def _has_begun(status: Path) -> bool:
    """Return whether a training went beyond reading its pictures; True for an unreadable status."""
    try:
        return json.loads(status.read_text(encoding="utf-8"))["state"] != "loading"
    except FileNotFoundError:
        return False
    except (OSError, ValueError, TypeError, KeyError):
        return True


def find(*roots: str | Path) -> list[Run]:
    """Return every readable run directly below the given roots, by name; damaged ones are left out."""
    return [run for run in _opened(roots) if isinstance(run, Run)]


def unreadable(*roots: str | Path) -> list[str]:
    """Return a sentence on every run folder directly below the given roots that `find` passes over."""
    return [str(error) for error in _opened(roots) if isinstance(error, UserError)]


def _opened(roots: Sequence[str | Path]) -> Iterator[Run | UserError]:
    for root in roots:
        for child in sorted(Path(root).iterdir()) if Path(root).is_dir() else []:
            if (child / layout.CONFIG).exists():
                try:
                    yield Run(child)
                except UserError as error:
                    yield error


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table without loss; splitting the bytes of floats by significance nearly halves tables of codes."""
    floats = [name for name in table if table[name].dtype.kind == "f"]
    others = [name for name in table if name not in floats]
    table.to_parquet(
        path,
        index=False,
        compression="zstd",
        use_dictionary=others,
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
    )


def rounded(values: np.ndarray) -> np.ndarray:
    """Return float32 values rounded to 15 bits of mantissa (error 1.5e-5), which saves a third of the file.

    Infinities and NaN are unchanged.
    """
    import numpy as np

    values = np.ascontiguousarray(values, np.float32)
    bits = values.view(np.uint32)
    short = ((bits + np.uint32(0x80)) & np.uint32(0xFFFFFF00)).view(np.float32)
    return np.where(np.isfinite(values), short, values)


def _read_table(path: Path, remedy: str, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        return pd.DataFrame()
    try:
        return read(path)
    except validation.WrongError as error:
        raise UserError(f"{path}: the file is damaged; {remedy}.") from error
