"""Distances of pairs, codes across and pictures up: a density with pictures of its pairs, and over a training."""

from dataclasses import dataclass

from explorer.components.register import Component


@dataclass(frozen=True, kw_only=True)
class Density(Component, name="pair_density", part="pairs/density"):
    """Reports `picked`, [column, row] of a clicked place, and `opened`, the number of a pair.

    Attributes:
        counts: pairs at each place, row by row from the origin on.
        columns: places along the axis of the codes.
        ends: of both axes, which begin at 0.
        slope, line: of the line through the origin, and its name.
        cell: the picked place, or empty.
        sheet: PNG in base64 of all pictures, `across` in a row.
        shown: for each place up to 3 pairs: [number of the pair, picture, picture].
        names: of the axes.
    """

    counts: list[int]
    columns: int
    ends: list[float]
    slope: float
    line: str
    cell: list[int]
    sheet: str
    across: int
    shown: list[list[list[int]]]
    names: list[str]


@dataclass(frozen=True, kw_only=True)
class Replay(Component, name="pair_replay", part="pairs/replay"):
    """The same pairs at each validation of a training, with a slider over them.

    Attributes:
        steps: of the validations.
        slopes: of the line at each.
        spearman: rank correlation at each, None where it is not known.
        d_z, d_x: base64 of uint16, (validations, pairs) row by row: 65,535 is the end of the axis.
        ends: of both axes, which begin at 0.
        names: of the axes.
    """

    steps: list[int]
    slopes: list[float]
    spearman: list[float | None]
    d_z: str
    d_x: str
    ends: list[float]
    names: list[str]


@dataclass(frozen=True, kw_only=True)
class Histogram(Component, name="pair_histogram", part="pairs/histogram"):
    """Bars over shares from `low` to `high`, with a line at 0.

    Attributes:
        counts: of the bars.
        name: of the axis.
    """

    counts: list[int]
    low: float
    high: float
    name: str
