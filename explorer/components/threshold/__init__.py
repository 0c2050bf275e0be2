"""All scores of a pair at one false-alarm rate; a slider drives them together, and what they flag is counted here."""

from dataclasses import dataclass
from typing import TypedDict

from explorer.components.register import Component


class Line(TypedDict):
    """One score of one model, or a baseline.

    key, title: as Curve has them; auroc: written; baseline: whether it needs no model.
    colour, dash: of its curve, dash as SVG's stroke-dasharray.
    x, y: of the ROC curve, base64 of float32.
    alarms, found: ordinary pictures and outliers that are flagged at each rate; ordinary, outliers: of how many.
    """

    key: str
    title: str
    auroc: str
    baseline: bool
    colour: str
    dash: str
    x: str
    y: str
    alarms: list[int]
    found: list[int]
    ordinary: int
    outliers: int


class Scores(TypedDict):
    """The scores of the curve in focus, for the histograms.

    ordinary, outliers: base64 of float32, ascending; names: of the two sets; score: name of the axis.
    low, high: ends of the axis; what lies beyond is counted in the last bars.
    scale: 0: the axis is linear; else asinh(v / scale).
    thresholds: at each rate, descending.
    colour: of the outliers: that of the model, as in the curves.
    """

    ordinary: str
    outliers: str
    names: list[str]
    score: str
    low: float
    high: float
    scale: float
    thresholds: list[float]
    colour: str


class Row(TypedDict):
    """Pictures of one set, ascending by score; scores: base64 of float32; first: place in the sprite."""

    name: str
    colour: str
    first: int
    scores: str


@dataclass(frozen=True, kw_only=True)
class Race(Component, name="race", part="threshold/race"):
    """The race of all scores at one rate; it reports `moved`, a place in `rates`, and `chosen`, the key of a line.

    Attributes:
        rates: ascending; place: of the rate now.
        log: whether the axis of the false-positive rates is logarithmic.
        focus: key of the line whose scores and pictures are shown.
        sprite: PNG in base64 of the pictures of all rows, `columns` in a row; shape: (C, H, W) of one.
    """

    rates: tuple[float, ...]
    place: int
    log: bool
    lines: list[Line]
    focus: str
    scores: Scores
    rows: list[Row]
    sprite: str
    columns: int
    shape: list[int]
