"""Do the codes fall into the classes? Mixture components, and what needs no trained prior on the same codes: controls.

All measures of agreement are functions of the contingency table n[k, c] (cluster k, class c), so their bootstrap
needs no second clustering: resampling the pictures resamples the table.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from trainer.config import Config
from trainer.data.imageset import ImageSet
from trainer.evaluation.context import Context
from trainer.latent import mixtures
from trainer.latent.clusters import contingency, dead_components, kmeans
from trainer.runs.folder import Metric

RESAMPLES = 1000
CONTROLS_FROM = 200
"""Test pictures from which mixtures are fitted as controls; with fewer, neighbours tell little."""


def matched_accuracy(table: np.ndarray) -> float:
    """Return the share of pictures on the best one-to-one matching of clusters to classes (Hungarian algorithm).

    `table` (K, L) may be rectangular: with K > L the clusters left without a class count as wrong, with K < L the
    classes left without a cluster do.
    """
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / table.sum())


def normalised_mutual_information(table: np.ndarray) -> float:
    """Return NMI = I(K; C) / ((H(K) + H(C)) / 2) in [0, 1], scikit-learn's default; 1 if both sides are constant."""
    joint = table / table.sum()
    rows, columns = joint.sum(1), joint.sum(0)
    mean_entropy = (_entropy(rows) + _entropy(columns)) / 2
    if mean_entropy == 0:
        return 1.0
    information = _entropy(rows) + _entropy(columns) - _entropy(joint)
    return float(np.clip(information / mean_entropy, 0.0, 1.0))


def adjusted_rand_index(table: np.ndarray) -> float:
    """Return the Rand index corrected for chance (Hubert and Arabie, 1985): 0 for random, 1 for equal partitions."""
    pairs = _pairs(table).sum()
    rows, columns = _pairs(table.sum(1)).sum(), _pairs(table.sum(0)).sum()
    expected = rows * columns / max(_pairs(table.sum()), 1.0)
    largest = (rows + columns) / 2
    return 1.0 if largest == expected else float((pairs - expected) / (largest - expected))


AGREEMENT = {"accuracy": matched_accuracy, "NMI": normalised_mutual_information, "ARI": adjusted_rand_index}
HOW = {
    "accuracy": "best one-to-one matching (Hungarian)",
    "NMI": "arithmetic mean of entropies",
    "ARI": "chance-corrected",
}


def bootstrap_interval(table: np.ndarray, measure, seed: int, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the percentile 95 % bootstrap interval of `measure(table)` over pictures, the clustering itself held
    fixed.
    """
    random, n = np.random.default_rng(seed), int(table.sum())
    cells = np.flatnonzero(table)  # an empty cell stays empty; a table of 600 x 600 classes is mostly empty
    shares = table.ravel()[cells] / n
    values = []
    for _ in range(resamples):
        drawn = np.zeros(table.size, dtype=np.int64)
        drawn[cells] = random.multinomial(n, shares)
        values.append(measure(drawn.reshape(table.shape)))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def applies(config: Config, images: ImageSet) -> bool:
    """Return whether there are labels to compare with, or a mixture to describe."""
    return images.labels is not None or config.prior.kind == "gmp"


def measure(context: Context) -> list[Metric]:
    """Return the agreement of components (gmp) and of controls with the labels, and what the mixture is made of (gmp).

    The controls get as many clusters as the prior has components, and without a mixture as many as there are classes.
    """
    metrics: list[Metric] = []
    labels = None if context.labels is None else np.unique(context.labels.numpy(), return_inverse=True)[1]
    if context.component is not None:
        assigned = context.component.numpy()
        weights = context.model.prior.weights().detach().cpu().numpy()
        if labels is not None:
            how = "most responsible component of mu(x)"
            metrics += _agreement(context, "cluster", assigned, labels, len(weights), how)
        metrics += _mixture(context, weights, assigned)
    if labels is not None:
        clusters = int(labels.max()) + 1 if context.component is None else context.run.config.prior.components
        clusters = min(clusters, len(context.images))
        for name, (groups, how) in _controls(context, clusters).items():
            metrics += _agreement(context, name, groups, labels, clusters, f"{how} on mu(x)")
    return metrics


def _controls(context: Context, clusters: int) -> dict[str, tuple[np.ndarray, str]]:
    """Return clusterings of the test codes that need no trained prior, with how they were made, by name."""
    codes, seed = context.mu.double().numpy(), context.seed
    context.progress("k-means", 0, 1)
    found = {"k-means": (kmeans(codes, clusters, seed), f"k-means (K = {clusters}, 10 restarts)")}
    context.progress("k-means", 1, 1)
    if len(codes) < CONTROLS_FROM:
        return found
    fitted = mixtures.assigned(mixtures.by_em(codes, clusters, seed), codes)
    shares = mixtures.in_child(codes, clusters, seed, context.progress)
    placed = mixtures.assigned(mixtures.moments(codes, shares), codes)
    mixture, umap = (
        f"mixture of {clusters} Gaussians",
        f"UMAP ({mixtures.NEIGHBOURS} neighbours, {mixtures.DIMS} axes) and a mixture there",
    )
    return found | {
        "fitted mixture": (fitted, f"{mixture} fitted afterwards by EM ({mixtures.STARTS} starts)"),
        "N2D": (shares.argmax(1), f"N2D: {umap}"),
        "placed mixture": (placed, f"{mixture} fitted afterwards, with the memberships of {umap},"),
    }


def _agreement(
    context: Context, prefix: str, groups: np.ndarray, labels: np.ndarray, clusters: int, how: str
) -> list[Metric]:
    table = contingency(groups, labels, clusters, int(labels.max()) + 1)
    return [
        context.metric(
            "clustering",
            f"{prefix} {name}",
            function(table),
            f"{how} against labels, {HOW[name]}; bootstrap 95 % interval over pictures, clustering held fixed",
            seed=context.seed,
            interval=bootstrap_interval(table, function, context.seed),
        )
        for name, function in AGREEMENT.items()
    ]


def _mixture(context: Context, weights: np.ndarray, assigned: np.ndarray) -> list[Metric]:
    dead, k = int(dead_components(weights, assigned).sum()), len(weights)
    equal = f"largest of {k} mixture weights; equal weights give {1 / k:.3g}"
    rows = (
        ("dead components", dead, f"of {k}: weight below 1/(10 K), or no test code assigned"),
        ("largest weight", weights.max(), equal),
    )
    return [context.metric("clustering", *row, higher_is_better=False) for row in rows]


def _entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _pairs(counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(counts, dtype=np.float64)
    return counts * (counts - 1) / 2
