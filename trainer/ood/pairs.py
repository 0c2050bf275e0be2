"""The named protocols: which data set is held against which, in which polarity. Importing it needs no torch.

Polarity matters more than any model: Omniglot is black on white, MNIST white on black, and as they are the mean
intensity alone separates them perfectly. So each pair says what was done, and the two stand side by side. The hard pair
is Fashion-MNIST against MNIST: digits are simpler than clothes, and many models find them the likelier pictures.
"""

from dataclasses import dataclass
from pathlib import Path

from trainer import data
from trainer.config import DataConfig
from trainer.data import idx

MATCHED = "polarity-matched"
AS_PUBLISHED = "as published"
"""The files as they are: Omniglot black on white, MNIST and Fashion-MNIST white on black."""
DRAWN = "drawn outliers"
"""The validation pair of every data set: choices are made on it, so it is reported apart from the others."""
DRAWN_REVERSED = "reversed drawn outliers"
"""The same outliers with v replaced by 255 - v: the validation counterpart of a pair of unequal polarity."""
VALIDATION = (DRAWN, DRAWN_REVERSED)
OWN = "own pictures"
"""Polarity of a user's folder in ood_scores.parquet: as it is, and apart from the named pairs."""


@dataclass(frozen=True)
class Pair:
    """Test pictures of one data set against pictures of another.

    name: as shown and stored, e.g. "mnist/omniglot polarity-matched".
    ordinary, outliers: names of data sets; split: which pictures of the second.
    polarity: AS_PUBLISHED, or MATCHED if the outliers are inverted (v becomes 255 - v).
    """

    name: str
    ordinary: str
    outliers: str
    split: str
    polarity: str = AS_PUBLISHED


PAIRS = (
    Pair("mnist/omniglot as published", "mnist", "omniglot", "all"),
    Pair("mnist/omniglot polarity-matched", "mnist", "omniglot", "all", MATCHED),
    Pair("mnist/fashion-mnist", "mnist", "fashion-mnist", "test"),
    Pair("fashion-mnist/mnist", "fashion-mnist", "mnist", "test"),
    Pair("fashion-mnist/omniglot as published", "fashion-mnist", "omniglot", "all"),
    Pair("fashion-mnist/omniglot polarity-matched", "fashion-mnist", "omniglot", "all", MATCHED),
)


def pairs_of(settings: DataConfig) -> tuple[Pair, ...]:
    """Return the named pairs whose ordinary pictures are those of this data set."""
    return tuple(pair for pair in PAIRS if pair.ordinary == settings.name)


def absent(pair: Pair, data_root: Path | None) -> str | None:
    """Return where the pair's outliers are missed and whence they come, as a sentence; None where they are on disk.

    It looks only and downloads nothing.
    """
    root = Path(data_root) if data_root is not None else data.default_data_root()
    if pair.outliers == "omniglot":
        place = root / "omniglot-py" / "images_background"
        here = place.is_dir()
    else:
        place = root / idx.FOLDERS[pair.outliers] / "raw"
        here = all(idx.find(place, file) for file in idx.split_files(pair.split))
    if here:
        return None
    info = data.DATASETS[pair.outliers]
    return f"{info.title} is not in {place}; get it from {info.url}."


def missing(pair: Pair, data_root: Path | None) -> str | None:
    """Return one sentence if the pair's outliers are not on disk, else None; looks only, downloads nothing."""
    sentence = absent(pair, data_root)
    return sentence and f"The pair {pair.name} is left out: {sentence}"


def own_pair(settings: DataConfig, title: str) -> Pair:
    """Return the pair of a user's folder called `title`, e.g. "mnist/my letters"."""
    return Pair(f"{settings.name}/{title}", settings.name, title, "all", OWN)


def title_of(pair: Pair) -> str:
    """Return what the pair's outliers are called in ood_scores.parquet."""
    return pair.outliers if pair.polarity == OWN else data.DATASETS[pair.outliers].title
