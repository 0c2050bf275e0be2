"""Is the latent space shaped like the data? Distances of codes against those of their pictures."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from trainer.batching import batches
from trainer.evaluation.context import Context
from trainer.latent import transport
from trainer.latent.distances import between, correlations, distortion, slope
from trainer.models.base import LatentModel
from trainer.runs.folder import Metric
from trainer.training import losses

SAMPLES = 500
"""Points per draw: 124,750 pairs, and a discrete GW problem that POT solves in half a second."""
DRAWS = 5
STUDENT_T = 2.776445  # 97.5 % quantile of Student's t with DRAWS - 1 = 4 degrees of freedom
LOWER_IS_BETTER = ("distortion", "L_GW")
ABOUT = {
    "distortion": "mean |c d_Z - d_X| / mean d_X at the best c, ",
    "L_GW": "mean |C d_Z / s - d_X|, as the training's term, ",
    "C": "learned; not estimated, ",
}
"""What the estimator of a number says before how its pairs were drawn."""


class Pairs:
    """Codes with a picture each, and the distances of all their pairs.

    Attributes:
        codes: (n, z_dim), pictures: (n, C, H, W) in [0, 1], both on the CPU.
        d_z, d_x: Euclidean distances of codes and of flattened pictures, condensed (n (n - 1) / 2,).
        coefficient: the learned C, or None for a model without one.
    """

    def __init__(self, model: LatentModel, codes: Tensor, pictures: Tensor):
        self.codes, self.pictures = codes.cpu(), pictures.cpu()
        self.d_z = between(self.codes)
        self.d_x = between(self.pictures)
        log_scale = getattr(model, "log_scale", None)
        self._log_scale = None if log_scale is None else log_scale.detach().cpu()
        self.coefficient = None if log_scale is None else float(log_scale.detach().exp())

    @property
    def slope(self) -> float:
        """The line d_X = slope d_Z: C / s with the learned C, else the best c of the distortion."""
        return slope(self.codes, self.d_z, self.d_x, self.coefficient)

    @cached_property
    def numbers(self) -> dict[str, float]:
        """Spearman, Pearson and distortion; with a learned coefficient also L_GW and C, as the training has them."""
        found = correlations(self.d_z, self.d_x) | {"distortion": distortion(self.d_z, self.d_x)}
        if self.coefficient is not None:
            found["L_GW"] = float(losses.gromov_wasserstein(self.codes, self.pictures, self._log_scale))
            found["C"] = self.coefficient
        return found


def of_prior(model: LatentModel, seed: int, n: int = SAMPLES, device: str = "cpu") -> Pairs:
    """Return n prior samples, drawn with `seed`, and the pictures they decode to. `evaluate` takes five draws, from
    seed 5 s on, where s is its own seed.
    """
    with torch.inference_mode():
        z = model.sample_prior(n, torch.Generator().manual_seed(seed))
        x = torch.cat([model.decode(z[rows].to(device)).cpu() for rows in batches(n)])
    return Pairs(model, z, x)


class Chosen(NamedTuple):
    """Rows of the test set: those that are compared with codes, and as many others."""

    first: np.ndarray
    second: np.ndarray


def chosen(pictures: int, seed: int = 0, n: int = SAMPLES) -> Chosen:
    """Return two disjoint random sets of at most n of so many test pictures, int64 rows."""
    order = np.random.default_rng(seed).permutation(pictures)
    n = min(n, pictures // 2)
    return Chosen(order[:n], order[n : 2 * n])


def measure(context: Context) -> list[Metric]:
    """Return correlations, distortion, L_GW and C of prior samples, and the former of the codes of test pictures; GW to
    the test pictures, and its floor between test pictures.
    """
    draws = []
    for draw in range(DRAWS):
        draws.append(of_prior(context.model, context.seed * DRAWS + draw, device=context.device))
        context.progress("geometry", draw + 1, DRAWS + 3)
    how = f"pairs (d_Z, d_X) of {SAMPLES} prior samples; mean and t 95 % interval of {DRAWS} draws"
    metrics = []
    for name in draws[0].numbers:
        values = np.array([pairs.numbers[name] for pairs in draws])
        half = STUDENT_T * values.std(ddof=1) / np.sqrt(DRAWS)
        interval = None if name == "C" else (values.mean() - half, values.mean() + half)
        about = {"n": SAMPLES, "split": "prior samples", "seed": context.seed, "interval": interval}
        metrics.append(_metric(context, name, values.mean(), f"{ABOUT.get(name, '')}{how}", **about))
    return metrics + _posterior(context) + _discrete(context, draws[0])


def _metric(context: Context, name: str, value: float, estimator: str, **about: object) -> Metric:
    better = name.partition(",")[0] not in LOWER_IS_BETTER
    return context.metric("geometry", name, value, estimator, higher_is_better=better, **about)


def _posterior(context: Context) -> list[Metric]:
    """The numbers of posterior means and the test pictures they belong to; L_GW is one of the prior alone."""
    rows = chosen(len(context.images), context.seed).first
    if len(rows) < 2:
        return []
    pairs = Pairs(context.model, context.mu[rows], context.images.float_batch(rows))
    context.progress("geometry", DRAWS + 1, DRAWS + 3)
    how = f"pairs (d_Z, d_X) of the posterior means of {len(rows)} test pictures and of the pictures"
    return [
        _metric(
            context, f"{name}, posterior codes", value, f"{ABOUT.get(name, '')}{how}", n=len(rows), seed=context.seed
        )
        for name, value in pairs.numbers.items()
        if name not in ("L_GW", "C")
    ]


def _discrete(context: Context, pairs: Pairs) -> list[Metric]:
    """GW of the prior's codes to test pictures, and of test pictures to other test pictures as the floor."""
    rows = chosen(len(context.images), context.seed)
    n = len(rows.first)
    if n < 2:
        return []
    first, second = (between(context.images.float_batch(half)) for half in rows)
    d_z = between(pairs.codes[:n])
    how = f"POT, square loss, distances over their mean, best of {transport.STARTS + 1} starts (upper bound)"
    metrics = []
    for name, d_a, what in (
        ("GW to data", d_z, f"{n} prior codes to {n} test pictures"),
        ("GW floor", second, f"{n} test pictures to {n} others: what a perfect prior would show"),
    ):
        value = transport.solve(d_a, first, context.seed).value
        metrics.append(
            context.metric("geometry", name, value, f"{what}; {how}", n=n, seed=context.seed, higher_is_better=False)
        )
        context.progress("geometry", DRAWS + 1 + len(metrics), DRAWS + 3)
    return metrics
