"""Pictures by number: what every data set becomes, and all that training and evaluation see of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from trainer.data.rows import Rows
from trainer.errors import UserError

Indices = torch.Tensor | np.ndarray | list[int] | slice


@dataclass(frozen=True)
class ImageSet:
    """N pictures of one size, as bytes; a picture is made float only when its batch is drawn.

    images:       uint8 (N, C, H, W), in memory, or `Rows` of a file: there every index reads
    labels:       int64 (N,) indices into label_names, or None
    label_names:  names of all classes, also of those that this split has no picture of
    ids:          N stable names, unique, the same on every machine, such as "mnist-test-00012"
    name, split:  "MNIST", "test"
    factors:      int64 (N, F) generative factors, or None; factor_names: their F names
    skipped:      files that were left out, each with the reason
    about:        how a folder of pictures was understood, in words
    """

    images: torch.Tensor | Rows
    labels: torch.Tensor | None
    label_names: tuple[str, ...]
    ids: tuple[str, ...]
    name: str
    split: str
    factors: torch.Tensor | None = None
    factor_names: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    about: str = ""

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ValueError(f"images are uint8 (N, C, H, W), not {self.images.dtype} {tuple(self.images.shape)}")
        count = len(self.images)
        if len(self.ids) != count:
            raise ValueError(f"{len(self.ids)} ids for {count} images")
        if self.labels is not None and (self.labels.shape != (count,) or self.labels.dtype != torch.int64):
            raise ValueError(f"labels are int64 ({count},), not {self.labels.dtype} {tuple(self.labels.shape)}")
        if self.factors is not None and self.factors.shape != (count, len(self.factor_names)):
            raise ValueError(f"factors are ({count}, {len(self.factor_names)}), not {tuple(self.factors.shape)}")

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, indices: Indices) -> ImageSet:
        """Return the pictures at `indices`, in that order (integers or a slice; a list may be empty).

        A copy of what is in memory; nothing is read of what is in a file.
        """
        order = torch.arange(len(self))[_as_index(indices)]
        return replace(
            self,
            images=self.images.take(order) if isinstance(self.images, Rows) else self.images[order],
            labels=None if self.labels is None else self.labels[order],
            ids=tuple(self.ids[i] for i in order.tolist()),
            factors=None if self.factors is None else self.factors[order],
        )

    def float_batch(self, indices: Indices) -> torch.Tensor:
        """Return pictures at `indices` as float32 (B, C, H, W) in [0, 1]: byte / 255."""
        return self.images[_as_index(indices)].to(torch.float32).div_(255)


def _as_index(indices: Indices) -> torch.Tensor | slice:
    if isinstance(indices, slice):
        return indices
    return torch.as_tensor(indices, dtype=torch.int64)


def split_validation(images: ImageSet, share: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """Divide into training and validation pictures, at random but the same for the same seed.

    Both parts keep the original order; validation has round(share * N) pictures, at least one. The permutation
    comes from NumPy's legacy generator, the one whose stream is frozen across versions, so that a resumed run
    sees its own split again.

    Args:
        share: validation's share, in (0, 1).
        seed: any non-negative integer.

    Returns: (training, validation), disjoint, together all of `images`.
    Raises: UserError if there are fewer than two pictures.
    """
    if not 0 < share < 1:
        raise ValueError(f"share is in (0, 1), not {share}")
    if len(images) < 2:
        raise UserError(f"{images.name} has {len(images)} training pictures; at least 2 are needed.")
    generator = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    order = generator.permutation(len(images))
    count = min(max(1, round(share * len(images))), len(images) - 1)
    return images.subset(np.sort(order[count:])), images.subset(np.sort(order[:count]))
