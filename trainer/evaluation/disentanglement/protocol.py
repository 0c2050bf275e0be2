"""All measures of one model under a named protocol: the published sizes, or the fast ones of the interface."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from trainer.batching import Progress, silent
from trainer.errors import UserError
from trainer.evaluation.disentanglement.codes import FactorCodes
from trainer.evaluation.disentanglement.dci import dci
from trainer.evaluation.disentanglement.dci_es import dci_es
from trainer.evaluation.disentanglement.dci_forest import dci_forest
from trainer.evaluation.disentanglement.factor_vae import factor_vae
from trainer.evaluation.disentanglement.infomec import infomec
from trainer.evaluation.disentanglement.mig import mig
from trainer.evaluation.disentanglement.record import Record
from trainer.evaluation.disentanglement.sap import sap

LEAST = 150
"""Smallest number of pictures that gives meaningful numbers."""


@dataclass(frozen=True)
class Protocol:
    """Number of pictures and votes of each measure; everything else is the same in both protocols."""

    name: str
    train: int  # DCI and SAP
    test: int
    mig: int
    variance: int  # FactorVAE score
    train_votes: int
    test_votes: int

    def fitted(self, pictures: int) -> Protocol:
        """Return the same with no more pictures than there are; two thirds of too few are for training.

        Raises: UserError with fewer than LEAST.
        """
        if pictures < LEAST:
            raise UserError(f"Disentanglement needs at least {LEAST} pictures with factors, not {pictures}.")
        fits = self.train + self.test <= pictures
        train, test = (self.train, self.test) if fits else (2 * pictures // 3, pictures - 2 * pictures // 3)
        return replace(self, train=train, test=test, mig=min(self.mig, pictures), variance=min(self.variance, pictures))


FULL = Protocol("full", 10_000, 5_000, 10_000, 10_000, 10_000, 5_000)
"""disentanglement_lib's unsupervised_study_v1."""
FAST = Protocol("fast", 1_000, 500, 2_000, 1_000, 300, 150)
"""For a first look: a tenth of the codes, and some 30,000 pictures to encode; called fast wherever it is shown."""
PROTOCOLS = {protocol.name: protocol for protocol in (FULL, FAST)}


def measure(
    source: FactorCodes,
    protocol: Protocol = FULL,
    *,
    checkpoint: str,
    data: str,
    split: str,
    seed: int = 0,
    progress: Progress = silent,
) -> Record:
    """Return DCI, SAP and MIG of pictures drawn without replacement, and the FactorVAE score.

    The full protocol adds InfoMEC on the codes of MIG, and, on those of DCI, DCI-ES and DCI as the published GWAE code
    measures it. They take 4, 110 and 36 seconds of one core. DCI and SAP share their training and their test pictures;
    the draw depends on `seed` alone.

    Args:
        checkpoint, data, split: what the codes are of, for the record.
        progress: called with the progress; an exception raised in it ends the work.

    Raises: UserError if the pictures are too few or their factors do not vary.
    """
    sizes = protocol.fitted(len(source))
    order = np.random.default_rng(seed).permutation(len(source))
    rows = order[: max(sizes.train + sizes.test, sizes.mig)]
    codes, factors = source.codes(rows, progress), source.factors[rows]
    train, both = slice(sizes.train), slice(sizes.train, sizes.train + sizes.test)
    parts = (codes[train], factors[train], codes[both], factors[both])
    common = {"seed": seed, "progress": progress}
    votes = {"train_votes": sizes.train_votes, "test_votes": sizes.test_votes}
    measured = {  # in this order, of which the progress tells
        "mig": mig(codes[: sizes.mig], factors[: sizes.mig]),
        "factor_vae": factor_vae(source, variance_samples=sizes.variance, **votes, **common),
        "sap": sap(*parts, **common),
        "dci": dci(*parts, **common),
    }
    if protocol.name == FULL.name:
        measured["infomec"] = infomec(codes[: sizes.mig], factors[: sizes.mig], **common)
        measured["dci_es"] = dci_es(*parts, **common)
        measured["dci_forest"] = dci_forest(*parts, source.factor_names, **common)
    return Record(
        checkpoint=checkpoint,
        data=data,
        split=split,
        protocol=protocol.name,
        sizes={name: size for name, size in asdict(sizes).items() if name != "name"},
        seed=seed,
        pictures=len(source),
        factor_names=source.factor_names,
        factor_sizes=tuple(len(np.unique(column)) for column in source.factors.T),
        **measured,
    )
