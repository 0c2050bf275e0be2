"""CelebA: 202,599 aligned and cropped faces of 178x218 pixels, in torchvision's layout; never downloaded from here.

    <root>/celeba/img_align_celeba/000001.jpg ...     (or img_align_celeba.zip, read as it is)
    <root>/celeba/list_eval_partition.txt             "000001.jpg 0": 0 train, 1 validation, 2 test

Its terms allow non-commercial research only and forbid passing pictures on, so each user fetches it personally.
Reference: Liu, Luo, Wang, Tang: Deep Learning Face Attributes in the Wild, ICCV 2015.
"""

from pathlib import Path

from trainer.config import DataConfig
from trainer.data.collect import collect
from trainer.data.decode import decode
from trainer.data.imageset import ImageSet
from trainer.data.registry import DatasetInfo, Progress
from trainer.data.zips import Limits
from trainer.errors import UserError

CROP = 148
"""Side of the centred square that is cut out first: the usual one for generative models, and that of the paper."""
LIMITS = Limits(files=250_000)
"""The complete set has 202,599 files, more than the limit of folders of one's own."""
PARTS = {"train": ("0", "1"), "test": ("2",), "all": ("0", "1", "2")}
"""Of list_eval_partition.txt; the published validation part joins training, which holds out pictures of its own."""


def folder(root: Path) -> Path:
    """Return where the pictures lie as files."""
    return root / "celeba" / "img_align_celeba"


def load(data: DataConfig, info: DatasetInfo, split: str, root: Path, progress: Progress | None = None) -> ImageSet:
    """Load one split, "train" (182,637 pictures), "test" (19,962) or "all", sorted by name; ids "celeba-000001".

    A part of the pictures is enough: those of the split that are there are read.

    Raises: UserError if the pictures or the list are absent, with the address; or nothing of the split is readable.
    """
    places = (folder(root), folder(root).with_suffix(".zip"))
    pictures = next((place for place in places if place.exists()), None)
    listing = root / "celeba" / "list_eval_partition.txt"
    if pictures is None or not listing.is_file():
        raise UserError(
            f"{info.title}: needs img_align_celeba/ and list_eval_partition.txt in {listing.parent}; its terms forbid "
            f"a download from here, so get both from {info.url} first."
        )
    parts = _partition(listing, info.title)
    with collect(pictures, LIMITS) as collection:
        chosen = [entry for entry in collection.entries if parts.get(Path(entry.name).name) in PARTS[split]]
        decoded = decode(chosen, data.size, data.channels, progress, crop=data.crop or CROP)
    if not decoded.kept:
        raise UserError(f"{info.title}: {pictures} holds no readable picture of the {split} part of {listing.name}.")
    return ImageSet(
        images=decoded.images,
        labels=None,
        label_names=(),
        ids=tuple(f"celeba-{Path(chosen[index].name).stem}" for index in decoded.kept),
        name=info.title,
        split=split,
        skipped=tuple(collection.skipped + decoded.skipped),
    )


def _partition(listing: Path, title: str) -> dict[str, str]:
    """File name -> part.

    Raises: UserError if the file is not such a list.
    """
    try:
        rows = [line.split() for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
        return dict(rows)
    except (OSError, ValueError) as error:
        raise UserError(f"{title}: {listing} is not a list of 'file part' lines; get it again.") from error
