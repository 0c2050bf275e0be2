"""disentanglement.json: the measures of one checkpoint, matrices included.

The full protocol is stored in disentanglement.json, the fast one in disentanglement-fast.json, so that a fast
measurement never replaces a full one. Measures on another data set of the same factors are stored under the name of
that data set (disentanglement-shapes3d.json). Matrices have a row per latent axis and a column per
factor.
"""

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from trainer.data.registry import DATASETS
from trainer.errors import UserError
from trainer.evaluation.disentanglement.dci import DCI
from trainer.evaluation.disentanglement.dci_es import DCIES
from trainer.evaluation.disentanglement.dci_forest import ForestDCI
from trainer.evaluation.disentanglement.factor_vae import FactorVAE
from trainer.evaluation.disentanglement.infomec import InfoMEC
from trainer.evaluation.disentanglement.mig import MIG
from trainer.evaluation.disentanglement.sap import SAP
from trainer.runs import layout, validation
from trainer.runs.folder import Metric, Run
from trainer.system import files
from trainer.system.arrays import Array

FORMAT = "gwae-disentanglement-1"
GROUP = "disentanglement"
NAMED_FROM = 0.3
USUAL = 6
"""Numbers of both protocols; in `metrics` they come first."""
NAME = re.compile(r"[\w .,()-]{1,80}")
"""What data sets, splits and factors are called."""


@dataclass(frozen=True, eq=False)
class Record:
    """All measures of one checkpoint under one protocol; d axes, F factors.

    Attributes:
        protocol: "full" or "fast"; sizes: pictures and votes it took (trainer.evaluation.disentanglement.protocol).
        pictures: how many there were to draw from.
        factor_names, factor_sizes: names and numbers of values of the F factors.
        infomec, dci_es, dci_forest: of the full protocol; None in the fast one, and in records of earlier versions.
    """

    checkpoint: str
    data: str
    split: str
    protocol: str
    sizes: dict[str, int]
    seed: int
    pictures: int
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    dci: DCI
    mig: MIG
    sap: SAP
    factor_vae: FactorVAE
    infomec: InfoMEC | None = None
    dci_es: DCIES | None = None
    dci_forest: ForestDCI | None = None
    format: Literal["gwae-disentanglement-1"] = FORMAT

    @property
    def factor_titles(self) -> list[str]:
        """Names of the factors as text shows them: "object hue"."""
        return [name.replace("_", " ") for name in self.factor_names]


_RECORD = TypeAdapter(Record)


def command(run: Path, protocol: str = "full", other: str = "") -> str:
    """Return the command that makes this record."""
    how = f"disentangle {run} --data {other}" if other else f"evaluate {run} --only {GROUP}"
    return f"python -m trainer {how}" + ("" if protocol == "full" else " --fast")


def write(record: Record, path: Path) -> None:
    """Write a record atomically. Raises: UserError if the folder cannot be written."""
    plain = {"format": FORMAT} | {name: _plain(value) for name, value in asdict(record).items()}  # the format first
    files.make_folder(path.parent)
    files.write_text(path, json.dumps(plain) + "\n")


def read(run: Run, protocol: str = "full", path: Path | None = None, other: str = "") -> Record:
    """Return the stored record of this checkpoint.

    Args:
        path: where it is, by default in the run folder.
        other: name of the data set, where it is not the one of the training.

    Raises: UserError if there is none, it is damaged, or it belongs to other weights, another protocol or data set.
    """
    path = path or run.path / layout.disentanglement(protocol, other)
    again = f"make it with '{command(run.path, protocol, other)}'"
    with files.reading(path, "disentanglement is not measured yet", again):
        record = parsed(path)
    if not _belongs(record, run.hash, protocol, other):
        raise UserError(
            f"{path}: it belongs to other weights than model.safetensors, another protocol or data set; {again}."
        )
    return record


def fits(path: Path, checkpoint: str, protocol: str, other: str = "") -> bool:
    """Return whether a file is a valid record of this checkpoint and protocol (and other data set, if named)."""
    try:
        record = parsed(path)
    except (ValueError, TypeError, OverflowError, OSError):
        return False
    return _belongs(record, checkpoint, protocol, other)


def _belongs(record: Record, checkpoint: str, protocol: str, other: str) -> bool:
    if (record.checkpoint, record.protocol) != (checkpoint, protocol):
        return False
    return not other or record.data == DATASETS[other].title


def axis_names(record: Record) -> list[str | None]:
    """Return the factor of each axis, as "object hue (0.91)", or None; one entry per axis."""
    return [found and f"{found[0]} ({found[1]:.2f})" for found in carried(record)]


def carried(record: Record) -> list[tuple[str, float] | None]:
    """Return the factor that each axis carries, with its share, or None; one entry per axis.

    The factor is the one that the axis matters most for, by its share R_jf / sum_i R_if of all axes' importance for
    that factor (the importance matrix of DCI); the number is that share. An axis with no share of NAMED_FROM is None.
    """
    importance = record.dci.importance
    totals = importance.sum(axis=0)
    shares = np.divide(importance, totals, out=np.zeros_like(importance), where=totals > 0)
    best = shares.argmax(axis=1)
    titles = record.factor_titles
    return [
        (titles[factor], float(row[factor])) if row[factor] >= NAMED_FROM else None
        for row, factor in zip(shares, best, strict=True)
    ]


def metrics(record: Record) -> list[Metric]:
    """Return all numbers with their protocol; those of the fast one are called so and form a group of their own."""
    fast = "" if record.protocol == "full" else f", {record.protocol}"
    size, among = record.sizes, f"of {record.pictures:,} pictures, codes mu(x)"
    split = f"{size['train']:,} training and {size['test']:,} test codes"
    trees = f"gradient boosted trees per factor, {split} {among}"
    votes = f"{size['train_votes']:,} training and {size['test_votes']:,} test votes of 64"
    boosted, given = record.dci, size["train"] + size["test"]
    rows = [
        ("DCI disentanglement", boosted.disentanglement, f"entropy over factors; {trees}", given),
        ("DCI completeness", boosted.completeness, f"entropy over axes; {trees}", given),
        ("DCI informativeness", boosted.informativeness, f"test accuracy; {trees}", given),
        ("MIG", record.mig.score, f"gap between axes, 20 bins, {size['mig']:,} codes {among}", size["mig"]),
        ("SAP", record.sap.score, f"gap between axes, linear SVM (C = 0.01), {split} {among}", given),
        ("FactorVAE score", record.factor_vae.score, f"{votes} {among}", size["test_votes"]),
        *_further(record, split, among),
    ]
    return [
        Metric(
            name=name + fast,
            value=value,
            group=GROUP + fast,
            data=record.data,
            split=record.split,
            n=n,
            seed=record.seed,
            estimator=f"{record.protocol} protocol: {how}",
            checkpoint=record.checkpoint,
        )
        for name, value, how, n in rows
    ]


def _further(record: Record, split: str, among: str) -> list[tuple[str, float, str, int]]:
    """Return the rows of the measures that the full protocol adds: name, value, how, n."""
    rows, size = [], record.sizes
    given = size["train"] + size["test"]
    if found := record.infomec:
        how = f"{size['mig']:,} codes {among}; Hsu et al. (2023)"
        known = f"mutual information by 10 nearest neighbours over the factor's entropy, active axes, {how}"
        rows += [("InfoM", found.modularity, f"modularity: {known}", size["mig"])]
        rows += [("InfoC", found.compactness, f"compactness: {known}", size["mig"])]
        linear = f"explicitness: log loss of a logistic regression on the same codes, against guessing, {how}"
        rows += [("InfoE", found.explicitness, linear, size["mig"])]
    if found := record.dci_es:
        how = f"area below test error against depth of random forests, 100 trees, depth 1 to 32, {split} {among}"
        rows += [("DCI-ES explicitness", found.explicitness, f"{how}; Eastwood et al. (2023)", given)]
        rows += [("DCI-ES size", found.size, "factors over axes of the code; Eastwood et al. (2023)", given)]
    if found := record.dci_forest:
        how = f"published GWAE code: random forests of 10 regression trees, depth {found.depth} of 2, 4, 8, 12, "
        how += f"shape one-hot, {len(found.errors)} targets, {split} {among}"
        for name in ("disentanglement", "completeness", "informativeness"):
            last = "; max(0, 1 - 6 MSE)" if name == "informativeness" else "; entropy of importance"
            rows += [(f"DCI {name}, GWAE protocol", getattr(found.scores, name), how + last, given)]
    return rows


def by_factor(record: Record) -> list[Metric]:
    """Return for each factor the largest importance (DCI) of an axis for it, 0 to 1; which axis, the estimator says."""
    common, importance = metrics(record)[0], record.dci.importance
    rows = zip(record.factor_titles, importance.argmax(axis=0), importance.max(axis=0), strict=True)
    fast = common.name.removeprefix("DCI disentanglement")
    how = common.estimator.replace("entropy over factors", "largest importance of an axis for the factor")
    return [
        replace(common, name=on_best_axis(title) + fast, value=float(most), estimator=f"{how}; here z{axis}")
        for title, axis, most in rows
    ]


def on_best_axis(factor: str) -> str:
    """Return the name of a number of `by_factor` for the full protocol."""
    return f"{factor} on its best axis"


def _plain(value: Any) -> Any:
    """Numpy arrays as lists, floats with nine digits."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def parsed(path: Path) -> Record:
    """Return the record in a file. Raises: OSError, ValueError or TypeError if there is none."""
    record = _RECORD.validate_json(validation.read_bytes(path, validation.MAX_JSON))
    _require_shapes(record)
    return record


def _require_shapes(record: Record) -> None:
    axes, factors = len(record.dci.per_axis), len(record.factor_names)
    matrices = (record.dci.importance, record.mig.information, record.sap.accuracy, record.factor_vae.votes)
    per_factor = (record.dci.per_factor, record.dci.accuracy, record.mig.gaps, record.sap.gaps, record.factor_sizes)
    sound = all(matrix.shape == (axes, factors) for matrix in matrices)
    sound &= all(len(values) == factors for values in per_factor) and len(record.factor_vae.active) == axes
    arrays = (*matrices, *per_factor, record.dci.per_axis, record.factor_vae.active)
    further = _further_arrays(record, axes, factors)
    sound &= all(values.shape == shape for values, shape in further)
    arrays += tuple(values for values, _ in further)
    parts = (record.dci, record.mig, record.sap, record.factor_vae, record.infomec, record.dci_es)
    parts = tuple(filter(None, (*parts, record.dci_forest and record.dci_forest.scores)))
    scores = [value for part in parts for value in vars(part).values() if isinstance(value, float)]
    named = all(NAME.fullmatch(name) for name in (record.data, record.split, record.protocol, *record.factor_names))
    if not (sound and named) or not all(np.isfinite(values).all() for values in (*arrays, scores)):
        raise ValueError("shapes")
    if min(record.factor_sizes, default=0) < 1 or max(record.factor_sizes) > 10_000 or record.pictures < 0:
        raise ValueError("sizes")


def _further_arrays(record: Record, axes: int, factors: int) -> list[tuple[Array, tuple[int, ...]]]:
    """Return the arrays of what the full protocol adds, each with the shape that it has to have."""
    found: list[tuple[Array, tuple[int, ...]]] = []
    if own := record.infomec:
        found += [(own.information, (axes, factors)), (own.active, (axes,))]
    if own := record.dci_es:
        capacities = len(own.losses)
        found += [(own.losses, (capacities, factors)), (own.guessing, (factors,)), (own.per_factor, (factors,))]
    if own := record.dci_forest:
        targets = len(own.errors)
        found += [(own.errors, (targets,)), (own.scores.importance, (axes, targets)), (own.scores.per_axis, (axes,))]
        found += [(own.scores.per_factor, (targets,)), (own.scores.accuracy, (targets,))]
    return found
