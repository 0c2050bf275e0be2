"""Is the latent space shaped like the data? Distances of prior samples against those of their pictures."""

import numpy as np
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from trainer.batching import batches
from trainer.evaluation.context import Context
from trainer.runs.folder import Metric

SAMPLES = 500
"""Points per draw: 124,750 pairs, and a discrete GW problem that POT solves in half a second."""
DRAWS = 5
STUDENT_T = 2.776445  # 97.5 % quantile of Student's t with DRAWS - 1 = 4 degrees of freedom
STARTS = 5


def correlations(d_z: np.ndarray, d_x: np.ndarray) -> dict[str, float]:
    """Return Spearman and Pearson correlation of two lists of pair distances, both (P,).

    A constant list has no correlation and gives 0, which is what a collapsed decoder deserves.
    """
    if np.ptp(d_z) == 0 or np.ptp(d_x) == 0:
        return {"Spearman": 0.0, "Pearson": 0.0}
    return {"Spearman": float(spearmanr(d_z, d_x).statistic), "Pearson": float(pearsonr(d_z, d_x).statistic)}


def distortion(d_z: np.ndarray, d_x: np.ndarray) -> float:
    """Return min over c of mean |c d_z - d_x| / mean d_x: 0 for a similarity, at most 1 (c = 0).

    The minimum is at the median of d_x / d_z weighted by d_z, so models with and without a learned distance
    coefficient are measured alike.
    """
    apart = d_z > 0
    ratio, weight = d_x[apart] / d_z[apart], d_z[apart]
    order = np.argsort(ratio)
    cumulative = np.cumsum(weight[order])
    scale = ratio[order][np.searchsorted(cumulative, cumulative[-1] / 2)] if len(order) else 0.0
    return float(np.abs(scale * d_z - d_x).mean() / max(d_x.mean(), 1e-12))


def gromov_wasserstein(d_a: np.ndarray, d_b: np.ndarray, seed: int, starts: int = STARTS) -> float:
    """Return the discrete Gromov-Wasserstein distance of two uniform point clouds, by POT (Flamary et al., JMLR 2021).

    GW = min_T sqrt(sum_ijkl (A_ij / mean A - B_kl / mean B)^2 T_ik T_jl), scale-free. The problem is not convex: the
    value is the best of the product coupling and `starts` seeded random permutations, an upper bound.

    Args:
        d_a, d_b: pair distances of n points each, condensed (n (n - 1) / 2,).
    """
    import ot

    a, b = squareform(d_a), squareform(d_b)
    a, b = a / max(a.mean(), 1e-12), b / max(b.mean(), 1e-12)
    weights_a, weights_b = ot.unif(len(a)), ot.unif(len(b))
    random = np.random.default_rng(seed)
    initial = [None]
    if len(a) == len(b):
        initial += [np.eye(len(a))[random.permutation(len(a))] / len(a) for _ in range(starts)]
    values = [
        ot.gromov.gromov_wasserstein2(a, b, weights_a, weights_b, loss_fun="square_loss", G0=start) for start in initial
    ]
    return float(np.sqrt(max(min(values), 0.0)))


def measure(context: Context) -> list[Metric]:
    """Return correlations and distortion of prior samples; GW to the test pictures, and its floor between test
    pictures.
    """
    pairs = []
    for draw in range(DRAWS):
        pairs.append(_prior_pairs(context, context.seed * DRAWS + draw))
        context.progress("geometry", draw + 1, DRAWS + 2)
    rows = [correlations(*pair) | {"distortion": distortion(*pair)} for pair in pairs]
    how = f"pairs (d_Z, d_X) of {SAMPLES} prior samples; mean and t 95 % interval of {DRAWS} draws"
    metrics = []
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        half = STUDENT_T * values.std(ddof=1) / np.sqrt(DRAWS)
        metrics.append(
            context.metric(
                "geometry",
                name,
                values.mean(),
                f"{'mean |c d_Z - d_X| / mean d_X at the best c, ' if name == 'distortion' else ''}{how}",
                n=SAMPLES,
                split="prior samples",
                seed=context.seed,
                interval=(values.mean() - half, values.mean() + half),
                higher_is_better=name != "distortion",
            )
        )
    return metrics + _discrete(context, pairs[0][0])


def _prior_pairs(context: Context, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Condensed Euclidean distances of SAMPLES prior codes and of their flattened pictures."""
    with torch.inference_mode():
        z = context.model.sample_prior(SAMPLES, torch.Generator().manual_seed(seed))
        x = torch.cat([context.model.decode(z[rows].to(context.device)).cpu() for rows in batches(SAMPLES)])
    return pdist(z.cpu().double().numpy()), pdist(x.flatten(1).double().numpy())


def _discrete(context: Context, d_z: np.ndarray) -> list[Metric]:
    """GW of the prior's codes to test pictures, and of test pictures to other test pictures as the floor."""
    order = np.random.default_rng(context.seed).permutation(len(context.images))
    n = min(SAMPLES, len(order) // 2)
    if n < 2:
        return []
    first, second = (
        pdist(context.images.float_batch(rows).flatten(1).double().numpy()) for rows in (order[:n], order[n : 2 * n])
    )
    d_z = squareform(squareform(d_z)[:n, :n])  # of the first n codes
    how = f"POT, square loss, distances over their mean, best of {STARTS + 1} starts (upper bound)"
    metrics = []
    for name, d_a, what in (
        ("GW to data", d_z, f"{n} prior codes to {n} test pictures"),
        ("GW floor", second, f"{n} test pictures to {n} others: what a perfect prior would show"),
    ):
        value = gromov_wasserstein(d_a, first, context.seed)
        metrics.append(
            context.metric("geometry", name, value, f"{what}; {how}", n=n, seed=context.seed, higher_is_better=False)
        )
        context.progress("geometry", DRAWS + len(metrics), DRAWS + 2)
    return metrics
