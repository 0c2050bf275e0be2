"""InfoM, InfoC, InfoE (Hsu et al., *Disentanglement via latent quantization*, NeurIPS 2023)."""

import warnings
from dataclasses import dataclass

import numpy as np

from trainer.batching import Progress, silent
from trainer.system.arrays import Array

NEIGHBOURS = 10
ACTIVE = 1 / 20
"""Of the widest axis' range: narrower axes are inactive and count for neither InfoM nor InfoC, as published."""
ITERATIONS = 100


@dataclass(frozen=True, eq=False)
class InfoMEC:
    """Result of `infomec`; d axes, F factors.

    Attributes:
        information: I(axis; factor) / H(factor), (d, F), >= 0; an estimate, which may exceed 1 a little.
        active: whether the axis counts, (d,).
        modularity: InfoM, each active axis holds one factor; compactness: InfoC, each factor lies on one active axis;
            both at most 1.
        explicitness: InfoE, a linear classifier reads each factor off all axes, at most 1.
    """

    information: Array
    active: Array
    modularity: float
    compactness: float
    explicitness: float


def infomec(codes: np.ndarray, factors: np.ndarray, *, seed: int = 0, progress: Progress = silent) -> InfoMEC:
    """Return the three scores; with R the normalised information of the d' active axes,

        InfoM = (mean_j max_f R_jf / sum_f R_jf - 1 / F) / (1 - 1 / F),
        InfoC = (mean_f max_j R_jf / sum_j R_jf - 1 / d') / (1 - 1 / d'),
        InfoE = mean_f (log V_f - L_f) / log V_f.

    The information is that of scikit-learn's mutual_info_classif, an estimate by nearest neighbours between a
    continuous and a discrete variable (Ross, 2014), over the entropy of the factor. L_f is the log loss of a logistic
    regression without penalty and with balanced classes, fitted and scored on the same standardised codes; without
    codes it would give each of the V_f values the same probability, so log V_f. An axis or factor without any
    information counts as spread evenly.

    Args:
        codes: (N, d), continuous.
        factors: (N, F), integers; each varies.
        seed: of the tiny noise that the estimator adds.
        progress: called after each of the d * F + F parts; an exception raised in it ends the work.
    """
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(np.asarray(codes, np.float64))
    values = np.stack([np.unique(column, return_inverse=True)[1] for column in np.asarray(factors).T], axis=1)
    information = np.zeros((scaled.shape[1], values.shape[1]))
    total = information.size + values.shape[1]
    for done, (axis, factor) in enumerate(np.ndindex(information.shape)):
        progress("InfoMEC", done, total)
        information[axis, factor] = _information(scaled[:, [axis]], values[:, factor], seed)
    explicit = []
    for factor in range(values.shape[1]):
        progress("InfoMEC", information.size + factor, total)
        explicit.append(_predicted(scaled, values[:, factor]))
    progress("InfoMEC", total, total)
    ranges = np.ptp(codes, axis=0)
    active = ranges > ranges.max() * ACTIVE
    rows = information[active]
    return InfoMEC(information, active, preference(rows), preference(rows.T), float(np.mean(explicit)))


def preference(rows: np.ndarray) -> float:
    """Return the mean share of the largest value in each row (m, n), scaled so that 0 is spread evenly and 1 in one
    place; 0 without rows.
    """
    places = rows.shape[1]
    if 0 in rows.shape:
        return 0.0
    if places == 1:
        return 1.0
    sums = rows.sum(axis=1)
    shares = np.divide(rows.max(axis=1), sums, out=np.full(len(rows), 1 / places), where=sums > 0)
    return float((shares.mean() - 1 / places) / (1 - 1 / places))


def _information(axis: np.ndarray, factor: np.ndarray, seed: int) -> float:
    """Return I(axis; factor) / H(factor)."""
    from sklearn.feature_selection import mutual_info_classif
    from sklearn.metrics import mutual_info_score

    known = mutual_info_classif(axis, factor, discrete_features=False, n_neighbors=NEIGHBOURS, random_state=seed)[0]
    return float(known / mutual_info_score(factor, factor))


def _predicted(codes: np.ndarray, factor: np.ndarray) -> float:
    """Return the share of the log loss of guessing that a linear classifier removes."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    guessing = np.log(factor.max() + 1)
    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many iterations are the protocol
        model.fit(codes, factor)
    return float((guessing - log_loss(factor, model.predict_proba(codes))) / guessing)
