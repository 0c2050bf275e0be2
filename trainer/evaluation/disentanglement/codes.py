"""Codes of pictures whose generative factors are known: what every measure of disentanglement samples from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trainer.batching import BATCH, Progress, silent
from trainer.errors import UserError


class FactorCodes:
    """Posterior means by row, with the factors of each row; a row is encoded when first asked for, then remembered.

    So the full protocol encodes nearly the whole grid of factor values once, and the fast one only what it samples.
    "All pictures with factor f = v" are the rows that have it: on a full grid that is drawing the other factors
    uniformly, as published, and it also serves data sets without every combination.

    Attributes:
        factors: int64 (N, F), only those that vary.
        factor_names: their F names.
    """

    def __init__(self, factors: np.ndarray, factor_names: tuple[str, ...], encode: Callable[[np.ndarray], np.ndarray]):
        """Take `encode`, which gives the float32 codes (n, d) of rows (n,) in rising order.

        Raises: UserError if no factor varies.
        """
        factors = np.asarray(factors, dtype=np.int64)
        varies = [bool((column != column[:1]).any()) for column in factors.T]
        if not any(varies):
            raise UserError(
                "Disentanglement needs pictures whose generative factors are known and vary; use 3D Shapes."
            )
        self.factors = factors[:, varies]
        self.factor_names = tuple(name for name, kept in zip(factor_names, varies, strict=True) if kept)
        self._encode = encode
        self._known = np.zeros(len(factors), dtype=bool)
        self._codes: np.ndarray | None = None  # (N, d), rows that are known

    @classmethod
    def of_codes(cls, codes: np.ndarray, factors: np.ndarray, factor_names: tuple[str, ...]) -> FactorCodes:
        """Return codes that are there already, (N, d)."""
        codes = np.asarray(codes, dtype=np.float32)
        return cls(factors, factor_names, lambda rows: codes[rows])

    def __len__(self) -> int:
        return len(self.factors)

    @property
    def encoded(self) -> int:
        """How many pictures were encoded so far."""
        return int(self._known.sum())

    def codes(self, rows: np.ndarray, progress: Progress = silent) -> np.ndarray:
        """Return codes of `rows`, any shape, as float32 (*rows.shape, d).

        Raises: UserError if the model gives codes that are not finite; whatever `progress` raises.
        """
        wanted = np.zeros(len(self), dtype=bool)
        wanted[rows] = True
        missing = np.flatnonzero(wanted & ~self._known)
        for start in range(0, len(missing), BATCH):
            progress("encoding", start, len(missing))
            self._add(missing[start : start + BATCH])
        if len(missing):
            progress("encoding", len(missing), len(missing))
        return self._codes[rows]

    def _add(self, rows: np.ndarray) -> None:
        codes = self._encode(rows)
        if not np.isfinite(codes).all():
            raise UserError("The model gives codes that are not finite; train it again at a lower optim.lr.")
        if self._codes is None:
            self._codes = np.zeros((len(self), codes.shape[1]), dtype=np.float32)
        self._codes[rows] = codes
        self._known[rows] = True
