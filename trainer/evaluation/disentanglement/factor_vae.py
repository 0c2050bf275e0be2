"""The FactorVAE score (Kim and Mnih, ICML 2018, section 5)."""

from dataclasses import dataclass

import numpy as np

from trainer.batching import Progress, silent
from trainer.errors import UserError
from trainer.evaluation.disentanglement.codes import FactorCodes
from trainer.system.arrays import Array

PRUNED_BELOW = 0.05
"""Axes with a smaller standard deviation are left out: they do not vary and would win every vote."""
BATCH = 64
_CHUNK = 500  # votes at a time: 500 * 64 codes


@dataclass(frozen=True, eq=False)
class FactorVAE:
    """Result of `factor_vae`; d axes, F factors.

    Attributes:
        score: test accuracy of the majority vote, in [0, 1]; guessing gives about 1 / F.
        train_score: its accuracy on the votes that it was made from.
        votes: how often axis j varied least while factor f was fixed, training votes, int64 (d, F).
        active: which axes took part, (d,) bool.
    """

    score: float
    train_score: float
    votes: Array
    active: Array


def factor_vae(
    source: FactorCodes,
    *,
    variance_samples: int = 10_000,
    train_votes: int = 10_000,
    test_votes: int = 5_000,
    batch: int = BATCH,
    seed: int = 0,
    progress: Progress = silent,
) -> FactorVAE:
    """Fix a random factor at a random value, draw `batch` pictures, and see which axis varies least.

    A vote is the axis with the least Var_batch[z_j] / Var[z_j] together with the factor that was fixed; the classifier
    predicts for each axis the factor it was most often chosen with. Axes with a standard deviation below PRUNED_BELOW
    are left out; if none remains, the score is 0.

    Raises: UserError if the pictures are too few; whatever `progress` raises.
    """
    if len(source) < 2 * batch:
        raise UserError(f"The FactorVAE score needs at least {2 * batch} pictures, not {len(source)}.")
    random = np.random.default_rng(seed)
    spread = source.codes(random.permutation(len(source))[:variance_samples], progress).var(axis=0, ddof=1)
    active = np.sqrt(spread) >= PRUNED_BELOW
    factors = source.factors.shape[1]
    if not active.any():
        return FactorVAE(0.0, 0.0, np.zeros((len(spread), factors), np.int64), active)
    fixed, rows = draw_votes(source.factors, train_votes + test_votes, batch, random)
    axes = voted_axes(source, rows, spread, active, progress)
    votes = np.zeros((len(spread), factors), dtype=np.int64)
    np.add.at(votes, (axes[:train_votes], fixed[:train_votes]), 1)
    right = votes.argmax(axis=1)[axes] == fixed
    return FactorVAE(float(right[train_votes:].mean()), float(right[:train_votes].mean()), votes, active)


def draw_votes(
    factors: np.ndarray, count: int, batch: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return which factor each vote fixes, (count,), and the rows of its pictures, (count, batch), which share its
    value.

    The factor and its value are uniform, the pictures uniform (with replacement) among those that have it.
    """
    fixed = random.integers(factors.shape[1], size=count)
    rows = np.zeros((count, batch), dtype=np.int64)
    for factor, column in enumerate(factors.T):
        of_factor = np.flatnonzero(fixed == factor)
        order = np.argsort(column, kind="stable")  # rows of equal value lie together, from start to start + size
        _, start, size = np.unique(column[order], return_index=True, return_counts=True)
        value = random.integers(len(start), size=len(of_factor))
        place = random.integers(size[value][:, None], size=(len(of_factor), batch))
        rows[of_factor] = order[start[value][:, None] + place]
    return fixed, rows


def voted_axes(
    source: FactorCodes,
    rows: np.ndarray,
    spread: np.ndarray,
    active: np.ndarray,
    progress: Progress = silent,
) -> np.ndarray:
    """Return the active axis of least Var_batch / `spread` for each vote, (count,), of `rows` (count, batch)."""
    source.codes(np.unique(rows), progress)  # all at once: one course of progress, pictures in their order
    places, chosen = np.flatnonzero(active), []
    for start in range(0, len(rows), _CHUNK):
        progress("FactorVAE votes", start, len(rows))
        variance = source.codes(rows[start : start + _CHUNK])[..., places].var(axis=1, ddof=1)
        chosen.append(places[(variance / spread[places]).argmin(axis=1)])
    progress("FactorVAE votes", len(rows), len(rows))
    return np.concatenate(chosen)
