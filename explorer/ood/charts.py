"""The two charts of a pair: ROC curves, and the operating point of one of them on histograms of its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.components import threshold as ood_point
from explorer.ood import detector, figures, sentences
from explorer.ood.state import bound, change, current, target_rate
from explorer.shared import pixels, theme

if TYPE_CHECKING:
    from explorer.ood.detector import Curve
    from explorer.ood.panel import Panel

_CONFIG = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "roc"},
}


def show(panel: Panel) -> tuple[Curve, float]:
    """ROC curves beside the operating point of one of them; returns that curve and the threshold."""
    everything = [*panel.curves, *panel.baselines]
    view = current()
    curve = next((each for each in everything if each.key == view.focus), everything[0])
    threshold = _threshold(panel, curve)
    called = np.float32(threshold)
    point = float((curve.ordinary > called).mean()), float((curve.outliers > called).mean())
    with st.container(key="ood-charts"):
        with st.container(gap="small"):
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", key="ood-roc-head"
            ):
                st.markdown("**ROC curves**", width="content")
                st.toggle("Logarithmic", **bound("log"), help="Spreads out the small false-positive rates that matter.")
            figure = figures.roc(panel.curves, panel.baselines, view.log, point, theme.is_dark())
            st.plotly_chart(figure, theme=None, key="ood.roc", config=_CONFIG)
        with st.container(gap="small"):
            with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="small"):
                titles = {each.key: each.title for each in everything}
                tied = bound("focus", curve.key, at="")
                st.selectbox("Threshold of", list(titles), format_func=titles.__getitem__, **tied)
                target_rate()
            _point(panel, curve, threshold)
    return curve, threshold


def _threshold(panel: Panel, curve: Curve) -> float:
    view = current()
    return float(view.at) if view.at else detector.threshold_of(panel.found.get(curve.model), curve, view.fpr)


def _point(panel: Panel, curve: Curve, threshold: float) -> None:
    """Histograms with the threshold that can be dragged."""

    def moved() -> None:
        change(at=str(st.session_state["ood.point"].moved))

    low, high, scale = axis(curve.ordinary, curve.outliers)
    ood_point.operating_point(
        ood_point.Point(
            ordinary=_floats(curve.ordinary),
            outliers=_floats(curve.outliers),
            names=[
                f"{panel.both[0].title} · {len(curve.ordinary):,}",
                f"{panel.title} · {len(curve.outliers):,}",
            ],
            score=f"minus {curve.score}" if curve.reversed else curve.score,
            low=low,
            high=high,
            scale=scale,
            threshold=threshold,
        ),
        key="ood.point",
        on_moved=moved,
    )
    source = "held-out pictures, so the rate among test pictures differs a little" if curve.model else "these pictures"
    if current().at:
        if st.button(
            f"Back to the target of {sentences.percent(current().fpr)}", key="ood.back", icon=":material/undo:"
        ):
            change(at="")
            st.rerun()
    else:
        st.caption(f"Drag the threshold, or use the arrow keys. It was set on {source}.")


def axis(ordinary: np.ndarray, outliers: np.ndarray) -> tuple[float, float, float]:
    """(low, high, scale) of the histogram's axis: linear (scale 0), or asinh(v / scale) where outliers lie far out."""
    ends = [np.quantile(values, (0.002, 0.998)) for values in (ordinary, outliers)]
    low, high = float(min(ends[0][0], ends[1][0])), float(max(ends[0][1], ends[1][1]))
    if high <= low:
        return low - 0.5, low + 0.5, 0.0
    margin = 0.02 * (high - low)
    spread = float(np.subtract(*np.quantile(ordinary, (0.95, 0.05))))
    if spread > 0 and high - low > 12 * spread:
        return low - 0.2 * spread, high + margin, spread
    return low - margin, high + margin, 0.0


def _floats(values: np.ndarray) -> str:
    return pixels.as_base64(np.sort(values).astype("<f4"))
