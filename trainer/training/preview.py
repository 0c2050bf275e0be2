"""Reconstructions, samples and traversals of a model while it trains: training/preview.safetensors, replaced every few
seconds, in at most a fiftieth of the training's time; picture_history.safetensors, with a row per validation.

Neither touches weights, statistics or random state: a watched training ends bit-equal to an unwatched one.
"""

import contextlib
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor

from trainer.data.imageset import ImageSet
from trainer.data.pixels import to_uint8
from trainer.errors import UserError
from trainer.models.base import LatentModel, evaluation
from trainer.runs import layout, picture_history
from trainer.runs.picture_history import PictureHistory
from trainer.system import files

EVERY = 5.0
"""Seconds between two previews at least ..."""
SHARE = 0.02
"""... and of the training's time at most."""
PICTURES = 10
SAMPLES = 20
AXES = 3
STEPS = 10
REACH = 2.0
"""The strip goes from so many standard deviations of the codes below their mean to as many above."""
CODES = 500
"""Validation pictures whose codes tell the scales."""
PART = 50


class Scales(NamedTuple):
    """Per axis, each (z_dim,): the standard deviation of prior samples, that of the posterior means, and the root mean
    square of the posterior's sigma."""

    prior_scale: Tensor
    code_scale: Tensor
    posterior_scale: Tensor


class Preview:
    """Keeps training/preview.safetensors of a run fresh, and its picture_history.safetensors complete.

    Args:
        folder: the run folder.
        pictures: validation pictures; the first ones are shown.
        step: where the training stands; rows of the history after it are dropped.
    """

    def __init__(self, folder: Path, pictures: ImageSet, seed: int, step: int = 0):
        self.path, self.history_path = folder / layout.PREVIEW, folder / layout.PICTURE_HISTORY
        self.history = _restored(self.history_path, step)
        self.pictures = pictures.subset(slice(CODES))
        self.seed = seed
        self._due = 0.0

    def beat(self, model: LatentModel, step: int) -> None:
        """Write a preview if one is due."""
        if time.monotonic() >= self._due:
            self.write(model, step)

    def write(self, model: LatentModel, step: int) -> None:
        """Write a preview now, or none where the disk or the numbers refuse it: that does not end a training."""
        started = time.monotonic()
        with contextlib.suppress(UserError, RuntimeError):
            arrays = self.arrays(model) | {"step": np.array(step)}
            files.write_atomic(self.path, lambda path: save_file(arrays, path))
        cost = time.monotonic() - started
        self._due = time.monotonic() + max(EVERY, cost / SHARE)

    def record(self, model: LatentModel, step: int) -> None:
        """Add a row to the history; none where the model has diverged: the training's own checks name what did.

        Raises: UserError if the file cannot be written.
        """
        with contextlib.suppress(RuntimeError):
            row = picture_history.row(step, self.arrays(model))
            self.history = self.history.extended(row) if self.history else row
            picture_history.write(self.history, self.history_path)

    @torch.no_grad()
    def arrays(self, model: LatentModel) -> dict[str, np.ndarray]:
        """Return uint8 (n, C, H, W): originals, reconstructions, samples, strip (AXES x STEPS); axes, Scales."""
        with evaluation(model):
            x = self._batch(model, PICTURES)
            mean, _ = model.encode(x)
            samples = model.decode(self._prior(model)[:SAMPLES])
            axes, codes = self._strip(model, mean[:1])
            batches = {
                "originals": x,
                "reconstructions": model.decode(mean),
                "samples": samples,
                "strip": model.decode(codes),
            }
            pictures = {name: to_uint8(batch) for name, batch in batches.items()}
        values = {"axes": axes} | self.scales(model)._asdict()
        return pictures | {name: tensor.cpu().contiguous().numpy() for name, tensor in values.items()}

    @torch.no_grad()
    def scales(self, model: LatentModel) -> Scales:
        """Return how wide prior, codes and posterior are; if the first grows away from the second, samples leave the
        data.
        """
        with evaluation(model):
            mean, log_var = self._codes(model)
            prior = self._prior(model)
        correction = min(1, len(mean) - 1)
        return Scales(prior.std(0), mean.std(0, correction=correction), log_var.exp().mean(0).sqrt())

    def _batch(self, model: LatentModel, n: int) -> Tensor:
        return self.pictures.float_batch(slice(n)).to(model.device)

    def _codes(self, model: LatentModel) -> tuple[Tensor, Tensor]:
        """Mean and log variance of CODES pictures, in parts: at once they would take more memory than a step."""
        parts = [model.encode(part.to(model.device)) for part in self.pictures.float_batch(slice(CODES)).split(PART)]
        return torch.cat([mean for mean, _ in parts]), torch.cat([log_var for _, log_var in parts])

    def _prior(self, model: LatentModel) -> Tensor:
        """CODES draws from the same noise every time, so that what changes is the model.

        Standardised by their own statistics, as in a training step: the stored ones are those of the last checkpoint.
        """
        model.prior.train()
        return model.sample_prior(CODES, torch.Generator(model.device).manual_seed(self.seed)).to(model.device)

    def _strip(self, model: LatentModel, base: Tensor) -> tuple[Tensor, Tensor]:
        """The AXES axes whose codes vary most beyond the posterior's own width, and STEPS codes along each."""
        mean, log_var = self._codes(model)
        spread = mean.std(0, correction=min(1, len(mean) - 1))
        ratio = spread / (0.5 * log_var).exp().mean(0)
        axes = ratio.argsort(descending=True, stable=True)[: min(AXES, len(ratio))]
        codes = base.repeat(len(axes) * STEPS, 1)
        line = torch.linspace(-REACH, REACH, STEPS, device=base.device)
        for row, axis in enumerate(axes.tolist()):
            codes[row * STEPS : (row + 1) * STEPS, axis] = mean[:, axis].mean() + line * spread[axis]
        return axes, codes


def _restored(path: Path, step: int) -> PictureHistory | None:
    """The history up to a step; a damaged one is begun anew: a training does not fail for it."""
    try:
        kept = picture_history.read(path).until(step) if path.is_file() else None
    except UserError:
        return None
    return kept if kept is not None and len(kept.step) else None
