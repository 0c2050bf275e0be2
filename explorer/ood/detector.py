"""The stored scores of a model, as curves with their measures, read once per file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from explorer.ood.state import PAPER, RATES
from explorer.shared import catalog
from explorer.shared.escape import markdown
from trainer.errors import UserError
from trainer.ood import calibration, pairs, ranking, scores, tables
from trainer.ood.baselines import BASELINES
from trainer.ood.calibration import TWO_SIDED, Calibration
from trainer.ood.detectors.base import NEEDS
from trainer.ood.pairs import Pair
from trainer.ood.ranking import MEASURES, Measured
from trainer.runs import layout
from trainer.runs.folder import Metric


@dataclass(frozen=True, eq=False)
class Detector:
    """A model with its calibration and its stored scores. Shared by all sessions: never change it otherwise."""

    entry: catalog.Entry
    calibration: Calibration
    table: pd.DataFrame
    sides: dict[str, tuple[Side, Side] | None] = field(default_factory=dict)  # by pair, filled by `sides`

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the model's own scores, the combined one first."""
        return self.calibration.names

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of all that data sets were scored with: the model's own scores, then detectors of the literature."""
        return (*self.scores, *self.calibration.detectors)


class Side(NamedTuple):
    """Scores of one side of a pair: its title, ids of the pictures, and scores by name, each (n,).

    A detector of the literature has NaN for pictures that it has not scored.
    """

    title: str
    ids: tuple[str, ...]
    scores: dict[str, np.ndarray]

    def scored(self, name: str) -> np.ndarray:
        """Return the scores that there are, (m,)."""
        return self.scores[name][~np.isnan(self.scores[name])]

    def narrowed(self, name: str) -> Side:
        """Return the side with the pictures of `scored` alone; as it is where there is no such score."""
        if name not in self.scores or len(self.scored(name)) == len(self.ids):
            return self
        keep = ~np.isnan(self.scores[name])
        ids = tuple(np.array(self.ids, dtype=object)[keep])
        return Side(self.title, ids, {other: values[keep] for other, values in self.scores.items()})


@dataclass(frozen=True, eq=False)
class Curve:
    """One score of one model, or a baseline, on one pair.

    Attributes:
        model: name of the catalog entry, "" for a baseline.
        ordinary, outliers: (n,), (m,); a larger score is more outlying. Negated for a reversed baseline.
        measured: by trainer.ood.ranking.MEASURES.
        reversed: whether it is a baseline whose other sign separates better.
    """

    model: str
    score: str
    ordinary: np.ndarray
    outliers: np.ndarray
    measured: dict[str, Measured]
    reversed: bool = False

    @cached_property
    def points(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """False-positive rates, true-positive rates and thresholds of the ROC curve."""
        return ranking.roc_curve(self.ordinary, self.outliers)

    @property
    def key(self) -> str:
        """Its name in the URL."""
        return f"{self.model}|{self.score}"

    @property
    def title(self) -> str:
        """Its name on the page."""
        if self.model:
            return f"{self.model} · {self.score}"
        return f"{self.score}, reversed" if self.reversed else self.score

    @property
    def auroc(self) -> float:
        """The main measure."""
        return self.measured["AUROC"].value


# ---------------------------------------------------------------- reading


@st.cache_resource(
    max_entries=8,
    show_spinner="Reading scores …",
    hash_funcs=catalog.keyed(layout.OOD_CALIBRATION, layout.OOD_SCORES, layout.METRICS),
)
def read_detector(entry: catalog.Entry) -> Detector:
    """Return the calibration and stored scores of a model.

    Raises: UserError where they are missing, damaged, or of other weights, with the command that makes them.
    """
    return Detector(entry, calibration.read(entry.run), tables.read(entry.run))


def has_scores(entry: catalog.Entry) -> bool:
    """Return whether a folder holds both files, without reading them."""
    return all((entry.path / name).is_file() for name in (layout.OOD_CALIBRATION, layout.OOD_SCORES))


def pairs_of(detector: Detector) -> tuple[Pair, ...]:
    """Return the named protocols of the model's data, then the folders of own pictures that were scored."""
    settings, table = detector.entry.run.config.data, detector.table
    own = table.loc[table["polarity"] == pairs.OWN, "data"].unique()
    return (*pairs.pairs_of(settings), *(pairs.own_pair(settings, str(title)) for title in own))


def pair_title(pair: Pair, among: tuple[Pair, ...]) -> str:
    """Return the outliers' data set, and the polarity where it occurs in more than one."""
    title = pairs.title_of(pair)
    alone = sum(other.outliers == pair.outliers for other in among) == 1
    return title if alone else f"{title}, {pair.polarity}"


# ---------------------------------------------------------------- curves


def chosen_scores(detector: Detector, wanted: tuple[str, ...]) -> list[str]:
    """Return the scores that a choice means for one model, without those it lacks."""
    names = [scores.published(detector.entry.model_kind) if name == PAPER else name for name in wanted]
    return [name for name in dict.fromkeys(names) if name in detector.rows]


def lacking(detector: Detector, wanted: tuple[str, ...]) -> list[str]:
    """Return a sentence for every chosen score that the model cannot have, or that nothing is called."""
    sentences = []
    for name in wanted:
        if name in (PAPER, *detector.rows):
            continue
        family = next((score for score in scores.SCORES.values() if name.removesuffix(TWO_SIDED) == score.name), None)
        if family is None and name not in NEEDS:
            sentences.append(f"There is no score “{markdown(name)}”.")
        elif family is not None and family.lacking:
            sentences.append(f"{detector.entry.name} has no “{name}”: {family.lacking}.")
        elif name in NEEDS and detector.calibration.detectors:
            sentences.append(f"{detector.entry.name} has no “{name}”: {NEEDS[name]}.")
    return sentences


def sides(detector: Detector, pair: Pair) -> tuple[Side, Side] | None:
    """Return stored scores of both sides of a pair, baselines included; None where the outliers were not scored."""
    if pair.name not in detector.sides:
        ordinary, outliers = tables.pair_rows(detector.table, pair, pairs.title_of(pair))
        detector.sides[pair.name] = None if outliers.empty else (side(ordinary), side(outliers))
    return detector.sides[pair.name]


def side(rows: pd.DataFrame) -> Side:
    """Return one data set of ood_scores.parquet."""
    scores = {tables.plain(column): rows[column].to_numpy() for column in tables.score_columns(rows)}
    return Side(str(rows["data"].iloc[0]), tuple(rows["id"]), scores)


def model_curves(detector: Detector, pair: str, both: tuple[Side, Side], names: Sequence[str]) -> list[Curve]:
    """Return scores of one model on one pair, with the stored measures, or measured here where there are none."""
    curves = []
    for name in names:
        ordinary, outliers = (each.scored(name) for each in both)
        measured = _stored(detector.entry, pair, name) or _measured(ordinary, outliers)
        curves.append(Curve(detector.entry.name, name, ordinary, outliers, measured))
    return curves


def baseline_curves(detector: Detector, pair: str, both: tuple[Side, Side]) -> list[Curve]:
    """Return the baselines, each under the sign that separates better."""
    return [_facing(replace(curve, model="")) for curve in model_curves(detector, pair, both, BASELINES)]


def below_likelihood(detector: Detector, score: str) -> list[str] | None:
    """Return the pairs on which a score is worse than plain likelihood; None where the likelihood was not measured."""
    from trainer.evaluation import ood

    return ood.below_likelihood(detector.entry.metrics, score)


def stored(entry: catalog.Entry, measure: str, score: str, pair: str) -> Metric | None:
    """Return a measure as evaluate wrote it; None where it is not stored."""
    from trainer.evaluation.ood import metric_name

    name = metric_name(measure, score, pair)
    return next((metric for metric in entry.metrics if metric.group == "ood" and metric.name == name), None)


def _stored(entry: catalog.Entry, pair: str, score: str) -> dict[str, Measured] | None:
    """All measures with their intervals."""
    metrics = {measure: stored(entry, measure, score, pair) for measure in MEASURES}
    if any(metric is None or metric.low is None or metric.high is None for metric in metrics.values()):
        return None
    return {measure: Measured(metric.value, metric.low, metric.high) for measure, metric in metrics.items()}


@st.cache_data(max_entries=128, show_spinner="Measuring with intervals …")
def _measured(ordinary: np.ndarray, outliers: np.ndarray) -> dict[str, Measured]:
    return ranking.with_intervals(ordinary, outliers)


def _facing(curve: Curve) -> Curve:
    """The same baseline, reversed if its other sign separates better; its other measures then have no interval."""
    if curve.auroc >= 0.5:
        return curve
    ordinary, outliers, was = -curve.ordinary, -curve.outliers, curve.measured["AUROC"]
    measured = {
        name: Measured(value, math.nan, math.nan) for name, value in ranking.measures(ordinary, outliers).items()
    }
    measured["AUROC"] = Measured(1 - was.value, 1 - was.high, 1 - was.low)
    return Curve("", curve.score, ordinary, outliers, measured, reversed=True)


# ---------------------------------------------------------------- thresholds, and what is missing


def thresholds_of(detector: Detector | None, curve: Curve) -> np.ndarray:
    """Return the threshold at each of RATES, float64 (len(RATES),): from held-out pictures; of a baseline, from the
    ordinary ones here.
    """
    if detector is None:
        return np.quantile(curve.ordinary.astype(np.float64), 1 - np.array(RATES))
    return np.array([detector.calibration.threshold(curve.score, rate) for rate in RATES])


def missing(detector: Detector, pair: Pair) -> str:
    """Return why a pair's outliers are not among the stored scores, as a sentence; looks on the disk only."""
    try:
        return pairs.missing(pair, None) or f"{detector.entry.name} was evaluated before {pair.name} was there."
    except UserError as error:
        return str(error)
