"""The models on disk: bundled ones in pretrained/, the user's own in runs/. No streamlit and no torch here.

A damaged folder is an entry like the others, with the sentence that says what to do; it never hides the rest.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from explorer.shared.escape import Text
from trainer.config import Config
from trainer.data.registry import DATASETS
from trainer.errors import UserError
from trainer.manage import flaws as damages
from trainer.runs import layout
from trainer.runs.folder import Metric, Run
from trainer.system import ROOT

RUNS_VARIABLE = "GWAE_RUNS"

_KEY_NAMES = ("PSNR", "SSIM", "cluster accuracy", "k-means accuracy", "DCI disentanglement", "GW to data")


@dataclass(frozen=True)
class Entry:
    """One model on the pages; a changed folder makes a new entry.

    `broken` explains why a folder cannot be opened.
    """

    name: str  # unique: of the folder, as config.name may be shared by several runs
    path: Path
    bundled: bool
    run: Run = field(default=None, compare=False, repr=False)  # type: ignore[assignment] # None where it is broken
    hash: str = ""
    data_title: str = ""
    prior_title: str = ""
    model_kind: str = ""
    z_dim: int = 0
    image_shape: tuple[int, int, int] = (0, 0, 0)
    metrics: tuple[Metric, ...] = ()  # of this very checkpoint only
    older: tuple[Metric, ...] = ()  # of earlier checkpoints: the training continued after they were measured
    has_sprite: bool = False
    note: str = ""  # a flaw that does not prevent opening it
    broken: str | None = None
    untrained: bool = False  # a run without a model yet; then `broken` is set

    def key(self, *names: str) -> tuple:
        """Return the identity of what is made from these weights and these files of the folder as they are now."""
        return (str(self.path), self.hash, *(stamp(self.path / name) for name in names))

    @property
    def is_outdated(self) -> bool:
        """Whether all metrics, and so the codes, belong to earlier weights."""
        return bool(self.older) and not self.metrics

    @property
    def key_metrics(self) -> tuple[Metric, ...]:
        """Return the metrics of a card, the most important first."""
        by_name = {metric.name: metric for metric in self.metrics}
        return tuple(by_name[name] for name in _KEY_NAMES if name in by_name)[:3]


def keyed(*names: str) -> dict[type, Callable[[Entry], tuple]]:
    """Return the `hash_funcs` of a st.cache_* whose result is read from these files of the Entry it is given."""
    return {Entry: lambda entry: entry.key(*names)}


def roots() -> tuple[Path, Path]:
    """Return the folders of the bundled models and of the user's runs ($GWAE_RUNS, else runs/ in the repository)."""
    own = os.environ.get(RUNS_VARIABLE)
    return ROOT / "pretrained", Path(own).expanduser() if own else ROOT / "runs"


def entries() -> list[Entry]:
    """Return an entry for every run folder: bundled first, then the user's; GWAEs first, each by name.

    The bundled ones are in the order of the data sets, so that digits open by themselves.
    """
    listed: list[Entry] = []
    pretrained, runs = roots()
    for root, bundled in ((pretrained, True), (runs, False)):
        taken = {entry.name for entry in listed}
        for folder in _folders(root):
            name = folder.name if folder.name not in taken else f"runs/{folder.name}"
            listed.append(_entry(Text(name), str(folder), bundled, _signature(folder)))
    # The models this app is about come first, and with them the one that opens by itself; the sort is stable.
    return sorted(listed, key=lambda entry: (not entry.bundled, entry.model_kind != "gwae", _data_order(entry)))


def _data_order(entry: Entry) -> int:
    known = list(DATASETS) if entry.bundled and entry.run else []
    return known.index(entry.run.config.data.name) if known else 0


def usable() -> list[Entry]:
    """Return the entries that can be opened."""
    return [entry for entry in entries() if entry.broken is None]


def find(name: str) -> Entry | None:
    """Return the usable entry of this name, or None."""
    return next((entry for entry in usable() if entry.name == name), None)


def of_folder(folder: Path) -> Entry | None:
    """Return the usable entry of a run folder, or None; a bundled model may have the same name."""
    return next((entry for entry in usable() if entry.path == Path(folder)), None)


def matched_control(entry: Entry) -> Entry | None:
    """Return the VAE on the same pictures and number of axes whose beta weighs the posterior's entropy as this GWAE."""
    own = entry.run.config
    wanted = (own.data, own.model.z_dim, 2 * own.objective.lambda_h)
    found = ((other, other.run.config) for other in usable() if own.model.kind == "gwae" and other.model_kind == "vae")
    return next((other for other, its in found if (its.data, its.model.z_dim, its.objective.beta) == wanted), None)


def _folders(root: Path) -> list[Path]:
    """Return the sub-folders that hold at least one file of a run."""
    try:
        children = sorted(child for child in root.iterdir() if child.is_dir() and not child.name.startswith("."))
    except OSError:
        return []
    return [child for child in children if any((child / name).exists() for name in layout.WATCHED)]


def _signature(folder: Path) -> tuple[tuple[int, int], ...]:
    """Return the stamp of each file an entry is made from: the same signature, the same entry."""
    return tuple(stamp(folder / name) for name in layout.WATCHED)


def stamp(path: Path) -> tuple[int, int]:
    """Return (mtime_ns, size) of a file, (0, -1) if there is none, for the keys of caches."""
    try:
        status = path.stat()
    except OSError:
        return (0, -1)
    return (status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=512)
def _entry(name: str, path: str, bundled: bool, signature: tuple[tuple[int, int], ...]) -> Entry:
    """Read one folder; a changed `signature` makes the cache read it again."""
    folder, untrained = Path(path), False
    try:
        run = Run(folder)
        untrained = not run.is_trained
        if untrained:
            raise UserError(
                f"{path} has no model yet; wait for its training, or continue it with 'python -m trainer resume'."
            )
        layout.check_safetensors(run.weights_path, "copy the folder again or train the run anew")
        return _described(name, run, bundled)
    except UserError as error:
        sentence = str(error)
    except OSError as error:
        sentence = f"{folder}: cannot be read ({error.strerror or error}); check the folder's permissions."
    return Entry(name=name, path=folder, bundled=bundled, broken=sentence, untrained=untrained)


def _described(name: str, run: Run, bundled: bool) -> Entry:
    settings, note, metrics, older = run.config, "", (), ()
    try:
        stored = run.metrics
        metrics = tuple(metric for metric in stored if metric.checkpoint == run.hash)
        older = tuple(metric for metric in stored if metric.checkpoint != run.hash)
        if older:
            note = "Stored numbers of an older checkpoint are not shown; measure the model again."
    except UserError as error:
        note = str(error)
    return Entry(
        name=name,
        path=run.path,
        bundled=bundled,
        run=run,
        hash=run.hash,
        data_title=data_title(settings),
        prior_title=prior_title(settings),
        model_kind=settings.model.kind,
        z_dim=settings.model.z_dim,
        image_shape=settings.data.shape,
        metrics=metrics,
        older=older,
        has_sprite=run.sprite_path is not None,
        note=note,
    )


def comparable(entry: Entry) -> list[Entry]:
    """Return the other models of the same pictures: the same data set, size and channels."""
    same = lambda other: (other.data_title, other.image_shape) == (entry.data_title, entry.image_shape)  # noqa: E731
    return [other for other in usable() if other.name != entry.name and same(other)]


def flaws(entry: Entry) -> tuple[str, ...]:
    """Return a sentence on each damaged file; that on metrics.json is the entry's note."""
    return _flaws(entry.key(*sorted(layout.TRAVELS)), entry)


@lru_cache(maxsize=512)
def _flaws(key: tuple, entry: Entry) -> tuple[str, ...]:
    """Read all files once; a changed `key` makes the cache read them again."""
    said = damages.of_run(entry.run)
    return tuple(said[name] for name in said if name != layout.METRICS or not entry.note)


def data_title(settings: Config) -> str:
    """Return the title of the data set."""
    data = settings.data
    return Text(Path(data.path).name) if data.path else DATASETS[data.name].title


def prior_title(settings: Config) -> str:
    """Return the title of the prior."""
    return {
        "np": "neural prior",
        "fnp": "factorised neural prior",
        "gmp": f"mixture of {settings.prior.components} Gaussians",
        "normal": "standard normal",
    }[settings.prior.kind]
