"""The race of a pair: every score at one false-alarm rate, and the scores and pictures of one of them."""

from typing import TypedDict

import numpy as np
import streamlit as st

from explorer.components.threshold import Line, Race, Row, Scores
from explorer.ood import figures, pictures
from explorer.ood.detector import Curve, thresholds_of
from explorer.ood.panel import Panel
from explorer.ood.pictured import Pictured
from explorer.ood.state import RATES, change, current, step_of
from explorer.shared import pixels, share, theme

MARGIN, BETWEEN = 20, 110
"""Pictures around the line: beyond either end of the slider, and at most about so many on its way."""
_COLUMNS = 32  # of the sprite


class Sheet(TypedDict):
    """The pictures that flow across the line, as Race takes them."""

    rows: list[Row]
    sprite: str
    columns: int
    shape: list[int]


def in_focus(panel: Panel) -> Curve:
    """Return the curve whose scores and pictures are shown: the one chosen, else the first."""
    everything = [*panel.curves, *panel.baselines]
    return next((each for each in everything if each.key == current().focus), everything[0])


def show(panel: Panel, curve: Curve, sides: tuple[Pictured, Pictured]) -> None:
    """Draw the race; `sides` are the pictures of the curve in focus."""
    view, dark = current(), theme.is_dark()
    styles = figures.line_styles(panel.curves, panel.colours) | figures.baseline_styles(panel.baselines, dark)
    share.chart(lambda: figures.roc([*panel.curves, *panel.baselines], styles, dark), "ood.roc")
    lines = [_line(panel, each, styles[each.key], view.log) for each in (*panel.curves, *panel.baselines)]
    thresholds = thresholds_of(panel.detectors.get(curve.model), curve)

    def moved() -> None:
        place = st.session_state["ood.race"].moved
        if isinstance(place, int) and 0 <= place < len(RATES):
            change(fpr=RATES[place])

    def chosen() -> None:
        change(focus=str(st.session_state["ood.race"].chosen))

    Race(
        rates=RATES,
        place=step_of(view.fpr),
        log=view.log,
        lines=lines,
        focus=curve.key,
        scores=_scores(panel, curve, thresholds, styles[curve.key][0]),
        **_sheet(curve, sides, thresholds, styles[curve.key][0]),
    ).draw("ood.race", on_moved_change=moved, on_chosen_change=chosen)


def _line(panel: Panel, curve: Curve, style: tuple[str, str], log: bool) -> Line:
    thresholds = thresholds_of(panel.detectors.get(curve.model), curve).astype(np.float32)
    alarms, found = (
        len(scores) - np.searchsorted(np.sort(scores), thresholds, side="right")
        for scores in (curve.ordinary, curve.outliers)
    )
    x, y, _ = curve.points
    keep = figures.thinned(x, y, log)
    return Line(
        key=curve.key,
        title=curve.title,
        auroc=f"{curve.auroc:.3f}",
        baseline=not curve.model,
        colour=style[0],
        dash=style[1],
        x=pixels.as_base64(x[keep].astype("<f4")),
        y=pixels.as_base64(y[keep].astype("<f4")),
        alarms=alarms.tolist(),
        found=found.tolist(),
        ordinary=len(curve.ordinary),
        outliers=len(curve.outliers),
    )


def _scores(panel: Panel, curve: Curve, thresholds: np.ndarray, colour: str) -> Scores:
    low, high, scale = axis(curve.ordinary, curve.outliers)
    return Scores(
        ordinary=pixels.as_base64(np.sort(curve.ordinary).astype("<f4")),
        outliers=pixels.as_base64(np.sort(curve.outliers).astype("<f4")),
        names=[f"{panel.both[0].title} · {len(curve.ordinary):,}", f"{panel.title} · {len(curve.outliers):,}"],
        score=f"minus {curve.score}" if curve.reversed else curve.score,
        low=low,
        high=high,
        scale=scale,
        thresholds=thresholds.tolist(),
        colour=colour,
    )


def _sheet(curve: Curve, sides: tuple[Pictured, Pictured], thresholds: np.ndarray, colour: str) -> Sheet:
    """Both rows of pictures; a set without pictures has none."""
    rows, tiles = [], []
    quiet = theme.colours(theme.is_dark())["muted"]
    for pictured, scores, of in zip(sides, (curve.ordinary, curve.outliers), (quiet, colour), strict=True):
        chosen = pictures.around(scores, thresholds, pictured.known, MARGIN, BETWEEN)
        if len(chosen):
            ascending = pixels.as_base64(scores[chosen].astype("<f4"))
            rows.append(Row(name=pictured.side.title, colour=of, first=sum(map(len, tiles)), scores=ascending))
            tiles.append(pictured.read(chosen))
    if not rows:
        return Sheet(rows=[], sprite="", columns=_COLUMNS, shape=[1, 1, 1])
    every = np.concatenate(tiles)
    sprite = pixels.as_base64(pixels.png(pixels.join_tiles(every, _COLUMNS)))
    return Sheet(rows=rows, sprite=sprite, columns=_COLUMNS, shape=list(every.shape[1:]))


def axis(ordinary: np.ndarray, outliers: np.ndarray) -> tuple[float, float, float]:
    """Return (low, high, scale) of the histogram's axis: linear (scale 0), or asinh(v / scale) where outliers lie far
    out.
    """
    ends = [np.quantile(values, (0.002, 0.998)) for values in (ordinary, outliers)]
    low, high = float(min(ends[0][0], ends[1][0])), float(max(ends[0][1], ends[1][1]))
    if high <= low:
        return low - 0.5, low + 0.5, 0.0
    margin = 0.02 * (high - low)
    spread = float(np.subtract(*np.quantile(ordinary, (0.95, 0.05))))
    if spread > 0 and high - low > 12 * spread:
        return low - 0.2 * spread, high + margin, spread
    return low - margin, high + margin, 0.0
