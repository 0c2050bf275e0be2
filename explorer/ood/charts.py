"""The two charts of a pair: ROC curves, and the operating point of one of them on histograms of its scores."""

import numpy as np
import streamlit as st

from explorer.components.threshold import Point
from explorer.ood import figures, sentences
from explorer.ood.detector import Curve, threshold_of
from explorer.ood.panel import Panel
from explorer.ood.state import bound, change, current, target_rate
from explorer.shared import pixels, theme, widgets

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
    threshold = float(view.at) if view.at else threshold_of(panel.detectors.get(curve.model), curve, view.fpr)
    point = tuple(float((scores > np.float32(threshold)).mean()) for scores in (curve.ordinary, curve.outliers))
    head = {"horizontal": True, "vertical_alignment": "bottom"}
    with st.container(key="ood-charts"):
        with st.container(gap="small"):
            with st.container(**head, horizontal_alignment="distribute", key="ood-roc-head"):
                st.markdown("**ROC curves**", width="content")
                st.toggle("Logarithmic", **bound("log"), help="Spreads out the small false-positive rates that matter.")
            figure = figures.roc(panel.curves, panel.baselines, view.log, point, theme.is_dark(), panel.colours)
            widgets.chart(figure, "ood.roc", config=_CONFIG)
        with st.container(gap="small"):
            with st.container(**head, wrap=False, gap="small"):
                titles = {each.key: each.title for each in everything}
                tied = bound("focus", curve.key, at="")
                st.selectbox("Threshold of", list(titles), format_func=titles.__getitem__, **tied)
                target_rate()
            _point(panel, curve, threshold)
    return curve, threshold


def _point(panel: Panel, curve: Curve, threshold: float) -> None:
    """Histograms with the threshold that can be dragged."""
    low, high, scale = axis(curve.ordinary, curve.outliers)
    Point(
        ordinary=pixels.as_base64(np.sort(curve.ordinary).astype("<f4")),
        outliers=pixels.as_base64(np.sort(curve.outliers).astype("<f4")),
        names=[f"{panel.both[0].title} · {len(curve.ordinary):,}", f"{panel.title} · {len(curve.outliers):,}"],
        score=f"minus {curve.score}" if curve.reversed else curve.score,
        low=low,
        high=high,
        scale=scale,
        threshold=threshold,
        colour=panel.colour(curve, theme.is_dark()),
    ).draw("ood.point", on_moved_change=lambda: change(at=str(st.session_state["ood.point"].moved)))
    if current().at:
        target = f"Back to the target of {sentences.percent(current().fpr)}"
        st.button(target, key="ood.back", icon=":material/undo:", on_click=change, kwargs={"at": ""})
        return
    source = "held-out pictures, so the rate among test pictures differs a little" if curve.model else "these pictures"
    st.caption(f"Drag the threshold, or use the arrow keys. It was set on {source}.")


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
