"""How well distances of codes and of pictures agree in the middle of a training, cheaply."""

import importlib
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from trainer.batching import evenly
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.latent import pair_history, transport
from trainer.latent.distances import between, correlations, distortion, slope
from trainer.models.base import LatentModel, evaluation
from trainer.runs import layout
from trainer.system import memory, modules

SAMPLES = 128
"""Prior samples: 8,128 pairs. Spearman is then known to about 0.02, for less than the time of one step."""
STARTS = 2
"""Random starts of the discrete GW: a hundredth of a second; its course matters, not its last digit."""


class Geometry:
    """Measures a model under training at each validation, and keeps pair_history.safetensors of the run.

    Nothing feeds back into the training: neither weights, mode nor the global random generator change.

    Args:
        folder: the run folder.
        pictures: held-out pictures, which the discrete GW matches with prior codes.
        seed: of the noise, the same at each validation.
        step: where the training stands; rows after it are dropped.
    """

    def __init__(self, folder: Path, pictures: ImageSet, seed: int, step: int = 0):
        self.path, self.seed = folder / layout.PAIR_HISTORY, seed
        self._pictures = pictures.subset(slice(2 * SAMPLES))
        self.history = _restored(self.path).until(step)

    @torch.no_grad()
    def measure(self, model: LatentModel, step: int) -> dict[str, float]:
        """Return Spearman, distortion and the discrete GW of prior samples as the columns that a validation adds to
        history.csv, and write their pairs; none where the model has diverged.

        L_GW and C have columns of their own ("validation gw", "distance coefficient"); `evaluate` measures the same on
        more samples (trainer.evaluation.geometry).

        Raises: UserError if the file cannot be written.
        """
        with evaluation(model):
            z = model.sample_prior(SAMPLES, torch.Generator(model.device).manual_seed(self.seed)).to(model.device)
            x = model.decode(z)
        if not (z.isfinite().all() and x.isfinite().all()):
            return {}  # the training's own checks name what diverged
        d_z, d_x = map(between, (z, x))
        log_scale = getattr(model, "log_scale", None)
        line = slope(z, d_z, d_x, None if log_scale is None else log_scale.exp().item())
        drawn = evenly(len(d_z), pair_history.PAIRS)
        self.history = self.history.extended(step, line, d_z[drawn], d_x[drawn])
        pair_history.write(self.history, self.path)
        agreement = {"spearman": correlations(d_z, d_x)["Spearman"], "distortion": distortion(d_z, d_x)}
        return agreement | self._discrete(z)

    def _discrete(self, z: torch.Tensor) -> dict[str, float]:
        """GW of codes to held-out pictures, and its floor: these pictures to as many others."""
        n = min(SAMPLES, len(self._pictures) // 2)
        if n < 2:
            return {}
        memory.release()  # POT comes on top of what was measured before
        with modules.without("sklearn"):  # POT's solver of L_GW does without it, and pandas: 90 MB of every training
            importlib.import_module("ot")
        d_x, floor = self._held_out
        return {"gw to data": transport.solve(between(z[:n]), d_x, self.seed, STARTS).value, "gw floor": floor}

    @cached_property
    def _held_out(self) -> tuple[np.ndarray, float]:
        """Distances of half of the pictures, and the floor."""
        n = min(SAMPLES, len(self._pictures) // 2)
        first, second = (between(self._pictures.float_batch(part)) for part in (slice(n), slice(n, 2 * n)))
        return first, transport.solve(second, first, self.seed, STARTS).value


def _restored(path: Path) -> pair_history.PairHistory:
    """The history so far; a damaged one is begun anew: a training does not fail for it."""
    try:
        return pair_history.read(path) if path.is_file() else pair_history.EMPTY
    except UserError:
        return pair_history.EMPTY
