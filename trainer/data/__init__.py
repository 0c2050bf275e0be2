"""Data sets by name: each one ends as a uint8 ImageSet of the model's size.

    load(config.data, "train", data_root) -> ImageSet

`DATASETS` says what each is, under which licence, and whether its pictures may be bundled with a model. Importing this
package does not import torch; loading does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.config import DataConfig
from trainer.data.registry import DATASETS, DatasetInfo, Progress, default_data_root
from trainer.errors import UserError
from trainer.system import mode

if TYPE_CHECKING:
    from trainer.data.imageset import ImageSet

__all__ = ["DATASETS", "DatasetInfo", "Progress", "default_data_root", "load"]


@mode.local_only("Reading data sets")
def load(
    data: DataConfig | str, split: str, data_root: Path | None = None, progress: Progress | None = None
) -> ImageSet:
    """Load one split of a data set; the same arguments and files give the same pictures in the same order.

    Args:
        data: the configuration's data section, or a name of DATASETS for its default size and channels.
        split: "train" or "test"; "all" for omniglot, the 3D Shapes, celeba and folder.
        data_root: folder in torchvision's layout; default `default_data_root()`.
        progress: called with (done, total) while files are decoded or pictures rendered.

    Raises: UserError if the name or split does not exist, or the data is absent, damaged or empty.
    """
    name = data if isinstance(data, str) else data.name
    info = DATASETS.get(name)
    if info is None:
        raise UserError(f"Unknown data set '{name}'; choose one of {', '.join(DATASETS)}.")
    if split not in info.splits:
        raise UserError(f"{info.title} has no split '{split}'; choose one of {', '.join(info.splits)}.")
    if isinstance(data, str):
        if name == "folder":
            raise UserError("Data set 'folder' needs data.path, a folder or zip of pictures.")
        data = DataConfig(name=name, size=info.size, channels=info.channels)
    root = Path(data_root) if data_root is not None else default_data_root()
    from trainer.data import celeba, digits, folder, omniglot, shapes3d

    loaders = {"celeba": celeba, "folder": folder, "omniglot": omniglot}
    loaders |= dict.fromkeys(("mnist", "fashion-mnist"), digits)
    loaders |= dict.fromkeys(("shapes3d", "shapes3d-rendered"), shapes3d)
    return loaders[name].load(data, info, split, root, progress)
