"""Below the table: the pictures on the wrong side of the threshold that lie farthest from it."""

from typing import Any

import numpy as np
import streamlit as st

from explorer.components import gallery
from explorer.ood import pictures, session
from explorer.ood.detector import Curve, thresholds_of
from explorer.ood.panel import Panel
from explorer.ood.pictured import Pictured
from explorer.ood.state import current, step_of
from explorer.shared import share, theme
from explorer.shared.escape import markdown

SHOWN = 12


def show(panel: Panel, curve: Curve, sides: tuple[Pictured, Pictured]) -> None:
    """False alarms and missed outliers of the curve in focus, with their reconstructions."""
    st.header("Worst errors", anchor=False)
    detector = panel.detectors.get(curve.model)
    threshold = thresholds_of(detector, curve)[step_of(current().fpr)]
    entry = (detector or panel.selected).entry
    text = f"At this rate, by {markdown(curve.title)}. Upper: the picture; lower: its reconstruction by {entry.name}."
    st.caption(text + _few(sides[0]))
    grey = theme.colours(theme.is_dark())["muted"]
    colours = (grey, panel.colours.get(curve.model, grey))
    groups, shown = [], []
    for place, (pictured, scores) in enumerate(zip(sides, (curve.ordinary, curve.outliers), strict=True)):
        chosen = pictures.farthest(scores, threshold, bool(place), pictured.known, SHOWN)
        if len(chosen):
            groups.append(_group(pictured, scores, chosen, threshold, bool(place)) | {"colour": colours[place]})
            shown.append(pictured.read(chosen))
    if not shown:
        st.caption("No picture that can be shown is on the wrong side.")
        return
    above = np.concatenate(shown)
    below = session.reconstructed(entry, above)
    share.pictures("worst-errors", [("worst errors", above), (f"reconstructions by {entry.name}", below)])
    gallery.gallery(groups, above, below, key="ood.hardest")


def absent(panel: Panel, sides: tuple[Pictured, Pictured]) -> None:
    """Say why pictures of a side cannot be shown, and what brings them."""
    if sides[0].missing:
        st.caption(markdown(sides[0].missing))
    if not sides[1].missing:
        return
    with st.container(border=True, gap="xsmall"):
        text = f"The pictures of {panel.title} are not on this computer: only their scores are stored."
        st.markdown(f":material/image_not_supported: {markdown(text)} :gray[{markdown(sides[1].missing)}]")
        if panel.pair and (command := pictures.download_command(panel.pair)):
            st.code(command, language="bash")


def _few(ordinary: Pictured) -> str:
    total, known = len(ordinary.known), int(ordinary.known.sum())
    bundled = f" {known:,} of {total:,} test pictures are bundled; the others are only counted."
    return bundled if 0 < known < total else ""


def _group(
    pictured: Pictured, scores: np.ndarray, chosen: np.ndarray, threshold: float, outliers: bool
) -> dict[str, Any]:
    wrong = (scores > np.float32(threshold)) != outliers
    return {
        "title": "Missed" if outliers else "False alarms",
        "note": f"{int(wrong.sum()):,} of {pictured.side.title}" + ", farthest first" * (len(chosen) > 1),
        "titles": [f"{pictured.side.ids[row]} · {scores[row]:.4g}" for row in chosen],
    }
