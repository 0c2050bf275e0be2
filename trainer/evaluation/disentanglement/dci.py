"""DCI: disentanglement, completeness, informativeness (Eastwood and Williams, ICLR 2018), by boosted trees."""

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event, Lock

import numpy as np

from trainer.batching import Progress, silent
from trainer.errors import UserError
from trainer.system.arrays import Array
from trainer.system.processes import cores

STAGES = 100
"""Boosting stages: the default of scikit-learn's GradientBoostingClassifier, which is the published setting."""
_TINY = 1e-11  # as in disentanglement_lib: an axis without any importance counts as spread over all factors
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, eq=False)
class DCI:
    """Result of `dci`; d axes, F factors.

    Attributes:
        importance: R, (d, F), >= 0; column f sums to 1, or to 0 if no tree found a split.
        per_axis: disentanglement of each axis, (d,), in [0, 1].
        per_factor: completeness of each factor, (F,), in [0, 1].
        accuracy: test accuracy for each factor, (F,), in [0, 1].
        disentanglement, completeness, informativeness: their means, the first two weighted by importance.
    """

    importance: Array
    per_axis: Array
    per_factor: Array
    accuracy: Array
    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    train_codes: np.ndarray,
    train_factors: np.ndarray,
    test_codes: np.ndarray,
    test_factors: np.ndarray,
    *,
    seed: int = 0,
    progress: Progress = silent,
    workers: int | None = None,
) -> DCI:
    """Predict each factor from all axes; the importance of axis j for factor f is R_jf.

    D_j = 1 - H(R_j. / sum_f R_jf) / log F and C_f = 1 - H(R_.f / sum_j R_jf) / log d, averaged with the weights
    sum_f R_jf and sum_j R_jf; informativeness is the mean test accuracy. R is scikit-learn's impurity importance of
    GradientBoostingClassifier with its defaults. The factors are fitted side by side in threads, which changes no tree.

    Args:
        train_codes, test_codes: (N, d) and (M, d).
        train_factors, test_factors: (N, F) and (M, F), integers.
        seed: of the trees, which break ties between equally good splits at random.
        progress: called in this thread with the number of trees grown; an exception raised in it ends the work.
        workers: threads; by default one per core this process may use.

    Raises: UserError if a factor takes a single value in train_factors.
    """
    fits = _Fits(train_codes, train_factors, test_codes, test_factors, seed)
    importance, accuracy = fits.run(progress, workers or cores())
    return scores(importance, accuracy)


def scores(importance: np.ndarray, accuracy: np.ndarray) -> DCI:
    """Return the entropy weighting of an importance matrix (d, F), see dci; `accuracy` (F,) is passed on."""
    per_axis, per_factor = _concentration(importance), _concentration(importance.T)
    return DCI(
        importance=importance,
        per_axis=per_axis,
        per_factor=per_factor,
        accuracy=accuracy,
        disentanglement=float(per_axis @ _weights(importance.sum(1))),
        completeness=float(per_factor @ _weights(importance.sum(0))),
        informativeness=float(np.mean(accuracy)),
    )


def _concentration(rows: np.ndarray) -> np.ndarray:
    """1 - entropy of each row over its largest possible value: 1 if all lies in one place, 0 if spread evenly."""
    places = rows.shape[1]
    if places == 1:  # one place holds everything there is
        return np.ones(len(rows))
    shares = (rows + _TINY) / (rows + _TINY).sum(axis=1, keepdims=True)
    from scipy.special import entr  # 0.1 s that the first page need not wait for

    return np.clip(1 - entr(shares).sum(axis=1) / np.log(places), 0.0, 1.0)


def _weights(sums: np.ndarray) -> np.ndarray:
    total = sums.sum()
    return sums / total if total > 0 else np.full(len(sums), 1 / len(sums))


class _Fits:
    """One classifier per factor, in threads: scikit-learn grows trees outside Python's lock."""

    def __init__(self, train_codes, train_factors, test_codes, test_factors, seed: int):
        self.x, self.test_x = np.asarray(train_codes, np.float32), np.asarray(test_codes, np.float32)
        self.y, self.test_y, self.seed = np.asarray(train_factors), np.asarray(test_factors), seed
        values = [len(np.unique(column)) for column in self.y.T]
        if min(values) < 2:
            raise UserError(
                f"Factor {values.index(min(values))} takes one value in the {len(self.y):,} training codes; "
                "measure with more pictures."
            )
        self.trees_per_stage = [count if count > 2 else 1 for count in values]
        self.grown, self.lock, self.halted = 0, Lock(), Event()

    def run(self, progress: Progress, workers: int) -> tuple[np.ndarray, np.ndarray]:
        """Importance (d, F) and accuracy (F,); the longest fits begin first, so that threads end together."""
        total = STAGES * sum(self.trees_per_stage)
        longest_first = sorted(range(len(self.trees_per_stage)), key=lambda f: -self.trees_per_stage[f])
        with ThreadPoolExecutor(workers) as pool:
            try:
                futures = {factor: pool.submit(self._fit, factor) for factor in longest_first}
                waiting = set(futures.values())
                while waiting:
                    progress("DCI trees", min(self.grown, total - 1), total)
                    done, waiting = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
                    for future in done:
                        future.result()  # its exception, at once
            finally:
                self.halted.set()  # whatever ended this thread, Ctrl-C included, ends the others at their next stage
        progress("DCI trees", total, total)
        fitted = [futures[factor].result() for factor in range(len(futures))]
        return np.stack([row for row, _ in fitted], axis=1), np.array([accuracy for _, accuracy in fitted])

    def _fit(self, factor: int) -> tuple[np.ndarray, float]:
        from sklearn.ensemble import GradientBoostingClassifier

        def monitor(stage: int, model: object, variables: object) -> bool:
            with self.lock:
                self.grown += self.trees_per_stage[factor]
            return self.halted.is_set()

        if self.halted.is_set():
            return np.zeros(self.x.shape[1]), 0.0
        model = GradientBoostingClassifier(n_estimators=STAGES, random_state=self.seed)
        model.fit(self.x, self.y[:, factor], monitor=monitor)
        if self.halted.is_set():
            return np.zeros(self.x.shape[1]), 0.0  # nobody reads it
        return model.feature_importances_, float(model.score(self.test_x, self.test_y[:, factor]))
