"""Omniglot: handwritten characters, 105x105, black on white, 20 drawers for each character.

    <root>/omniglot-py/images_background/<alphabet>/<character>/<number>_<drawer>.png

A tree that is there is read as it is, the full one (30 alphabets, 964 characters, 19,280 pictures) or a part of it,
so the number of pictures belongs beside every result. Only where nothing is there, torchvision downloads the full
background set. The polarity stays that of the files: the reverse of MNIST's, which a comparison must account for.
"""

import re
from pathlib import Path

import torch

from trainer.config import DataConfig
from trainer.data import torchvision_shim
from trainer.data.collect import collect
from trainer.data.decode import decode
from trainer.data.download import fetch
from trainer.data.imageset import ImageSet
from trainer.data.registry import DatasetInfo, Progress
from trainer.errors import UserError

_PATH = re.compile(r"(?P<alphabet>[^/]+)/(?P<character>character(?P<number>\d+))/(?P<drawing>[^/]+)\.png")


def load(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None = None) -> ImageSet:
    """Load one split of Omniglot's background set, sorted by alphabet, character and drawer.

    * "test": the characters whose number in their alphabet is a multiple of 5, "train": the others (about 80 %), so
      every alphabet is in both, no character is, and a partial tree splits as the full one does; "all": both.
    * labels are characters; label_names are "<alphabet>/character07", of all characters on disk in every split.
    * ids are "omniglot-<alphabet>-character07-<number>_<drawer>".

    Raises: UserError if nothing is there and the download fails, or the tree holds no readable character.
    """
    folder = root / "omniglot-py" / "images_background"
    if not folder.is_dir():
        download = lambda: torchvision_shim.datasets().Omniglot(str(root), download=True)  # noqa: E731
        fetch(download, title=info.title, place=folder, url=info.url)
    with collect(folder) as collection:
        matches = [(entry, _PATH.fullmatch(entry.name)) for entry in collection.entries]
        matched = [(entry, match) for entry, match in matches if match]
        others = [f"{entry.name}: not <alphabet>/<character>/*.png." for entry, match in matches if not match]
        names = sorted({_label(match) for _, match in matched})
        chosen = [(entry, match) for entry, match in matched if split in (_split(match), "all")]
        decoded = decode([entry for entry, _ in chosen], data.size, data.channels, progress)
    if not decoded.kept:
        raise UserError(
            f"{info.title}: {folder} holds no readable {split} characters (<alphabet>/<character>/*.png); "
            f"delete that folder to have it downloaded again, or get it from {info.url}."
        )
    kept = [chosen[index][1] for index in decoded.kept]
    position = {name: index for index, name in enumerate(names)}
    return ImageSet(
        images=decoded.images,
        labels=torch.tensor([position[_label(match)] for match in kept]),
        label_names=tuple(names),
        ids=tuple("omniglot-{alphabet}-{character}-{drawing}".format(**match.groupdict()) for match in kept),
        name=info.title,
        split=split,
        skipped=tuple(collection.skipped + others + decoded.skipped),
    )


def _label(match: re.Match[str]) -> str:
    return f"{match['alphabet']}/{match['character']}"


def _split(match: re.Match[str]) -> str:
    return "test" if int(match["number"]) % 5 == 0 else "train"
