"""What is known of each data set before it is loaded: title, licence, source, usual form. Free of torch."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.system import ROOT, mode

Progress = Callable[[int, int], None]
"""progress(done, total), called now and then."""


@dataclass(frozen=True)
class DatasetInfo:
    """What is known about a data set before it is loaded."""

    title: str
    licence: str
    may_bundle: bool  # whether pictures of it may lie in a run folder that is passed on
    url: str  # where it comes from; empty for the user's own
    size: int  # a model size that suits it
    channels: int
    splits: tuple[str, ...] = ("train", "test")

    @property
    def shows_pictures(self) -> bool:
        """Whether run folders hold pictures of it: those that may be passed on, and the user's own."""
        return self.may_bundle or self is DATASETS["folder"]


DATASETS: dict[str, DatasetInfo] = {
    "mnist": DatasetInfo(
        "MNIST", "CC BY-SA 3.0, Yann LeCun and Corinna Cortes", True,
        "https://ossci-datasets.s3.amazonaws.com/mnist/", 32, 1,
    ),
    "fashion-mnist": DatasetInfo(
        "Fashion-MNIST", "MIT, Zalando SE", True,
        "https://github.com/zalandoresearch/fashion-mnist", 32, 1,
    ),
    "omniglot": DatasetInfo(
        "Omniglot", "MIT, Brenden Lake", False,
        "https://github.com/brendenlake/omniglot", 32, 1, ("train", "test", "all"),
    ),
    "shapes3d": DatasetInfo(
        "3D Shapes", "Apache 2.0, DeepMind", True,
        "https://storage.googleapis.com/3d-shapes/3dshapes.h5", 64, 3, ("train", "test", "all"),
    ),
    "shapes3d-rendered": DatasetInfo(
        "3D Shapes (rendered)", "made here: that of this project", True, "", 64, 3, ("train", "test", "all"),
    ),
    "celeba": DatasetInfo(
        "CelebA", "non-commercial research only, the Chinese University of Hong Kong", False,
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html", 64, 3, ("train", "test", "all"),
    ),
    "folder": DatasetInfo(
        "Picture folder", "unknown: the owner of the pictures decides", False, "", 64, 3, ("train", "test", "all"),
    ),
}  # fmt: skip


def default_data_root() -> Path:
    """Return `$GWAE_DATA` where it is set, with ~ and $VARIABLES in it, else ./data.

    Where visitors may only look (trainer/system/mode.py) it is the bundled folder, whatever the environment says.
    """
    if mode.is_view():
        return ROOT / "pretrained" / "data"
    return Path(os.path.expandvars(os.environ.get("GWAE_DATA") or "data")).expanduser()
