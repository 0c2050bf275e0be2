"""The discrete Gromov-Wasserstein distance of two point clouds, solved by POT (Flamary et al., JMLR 2021).

Convention: POT returns min over T of sum_ijkl (A_ij - B_kl)^2 T_ik T_jl, the square of the distance without the factor
1/2 of Memoli's definition (Foundations of Computational Mathematics, 2011); values here are its square root. The
solver is conditional gradient without entropy. The problem is not convex: a value is an upper bound, the best of
several starts.
"""

from typing import NamedTuple

import numpy as np

from trainer.batching import Progress, silent

STARTS = 5
"""Random starts beside the product coupling."""


class Transport(NamedTuple):
    """A coupling of n with m points, (n, m), of total mass 1, and its Gromov-Wasserstein distance."""

    value: float
    coupling: np.ndarray


def scaled(d: np.ndarray) -> np.ndarray:
    """Return the matrix of pair distances, condensed (P,) -> (n, n), over its mean, zero diagonal included."""
    from scipy.spatial.distance import squareform

    matrix = squareform(d)
    return matrix / max(matrix.mean(), 1e-12)


def solve(
    d_a: np.ndarray,
    d_b: np.ndarray,
    seed: int,
    starts: int = STARTS,
    paired: bool = False,
    progress: Progress = silent,
    title: str = "transport",
) -> Transport:
    """Return the best coupling of two uniform point clouds, whose distances are each divided by their mean.

    Args:
        d_a, d_b: pair distances, condensed.
        seed: of the random permutations to start from, for clouds of one size.
        starts: their number, beside the product coupling.
        paired: start also from point i with point i; the value is then at most `paired_value`.
        progress: called as progress(title, start, starts); may raise to stop.
    """
    import ot

    a, b = scaled(d_a), scaled(d_b)
    weights = ot.unif(len(a)), ot.unif(len(b))
    initial: list[np.ndarray | None] = [None]
    if len(a) == len(b):
        random = np.random.default_rng(seed)
        initial += [np.eye(len(a))[random.permutation(len(a))] / len(a) for _ in range(starts)]
        initial += [np.eye(len(a)) / len(a)] if paired else []
    best = Transport(np.inf, np.outer(*weights))
    for number, start in enumerate(initial):
        progress(title, number, len(initial))
        coupling, log = ot.gromov.gromov_wasserstein(a, b, *weights, loss_fun="square_loss", G0=start, log=True)
        value = float(np.sqrt(max(float(log["gw_dist"]), 0.0)))
        best = min(best, Transport(value, coupling), key=lambda found: found.value)
    return best


def paired_value(d_a: np.ndarray, d_b: np.ndarray) -> float:
    """Return the value of the coupling of point i with point i: sqrt(mean_ij (A_ij - B_ij)^2), as relaxed as L_GW."""
    return float(np.sqrt(((scaled(d_a) - scaled(d_b)) ** 2).mean()))


def shares(d_a: np.ndarray, d_b: np.ndarray, coupling: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how badly each point of either cloud is matched, (n,) and (m,), >= 0; the mean squares to value^2.

    Of point i: sqrt(sum_jkl T_ik / T_i (A_ij - B_kl)^2 T_jl), the root of its share of the sum.
    """
    a, b = scaled(d_a), scaled(d_b)
    of_a, of_b = coupling.sum(1), coupling.sum(0)
    cost = (a**2 @ of_a)[:, None] + (b**2 @ of_b)[None] - 2 * a @ coupling @ b
    weighted = coupling * cost.clip(0)
    return np.sqrt(weighted.sum(1) / of_a.clip(1e-12)), np.sqrt(weighted.sum(0) / of_b.clip(1e-12))
