"""Below the table: the hardest pictures on either side of the threshold."""

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from explorer.components import gallery
from explorer.ood import pictures as ood_pictures
from explorer.ood import session
from explorer.ood.detector import Curve, Side
from explorer.ood.panel import Panel
from explorer.ood.state import current
from explorer.shared import theme
from explorer.shared.escape import markdown
from trainer.errors import UserError

SHOWN = 12


class Shown(NamedTuple):
    """Pictures of one side of a pair: two groups of positions with their counts, and the pictures of both in turn."""

    split: ood_pictures.Split
    pictures: np.ndarray


def show(panel: Panel, curve: Curve, threshold: float) -> None:
    """False alarms and near misses of the ordinary pictures, missed and just flagged outliers."""
    st.header("Hardest pictures on either side of the threshold", anchor=False)
    entry = panel.detectors.get(curve.model, panel.selected).entry
    sides = tuple(side.narrowed(curve.score) for side in panel.both)
    ordinary, outliers = _ordinary(panel, sides[0], curve, threshold), _outliers(panel, sides[1], curve, threshold)
    st.caption(f"Upper: the picture; lower: its reconstruction by {entry.name}." + _unpictured(panel, ordinary))
    dark, groups, shown = theme.is_dark(), [], []
    for side, some, values, titles, colour in (
        (sides[0], ordinary, curve.ordinary, ("False alarms", "Just accepted"), theme.colours(dark)["muted"]),
        (sides[1], outliers, curve.outliers, ("Missed", "Just flagged"), panel.colour(curve, dark)),
    ):
        if some is not None:
            groups += [group | {"colour": colour} for group in _groups(side, some.split, values, titles)]
            shown.append(some.pictures)
    if not any(map(len, shown)):
        st.caption("On neither side is a picture that can be shown.")
        return
    above = np.concatenate(shown)
    gallery.gallery(groups, above, session.reconstructed(entry, above), key="ood.hardest")


def _ordinary(panel: Panel, side: Side, curve: Curve, threshold: float) -> Shown | None:
    entry = panel.selected.entry
    places = ood_pictures.places(entry)
    if not places or len(side.ids) != len(curve.ordinary):
        return None
    known = np.array([id_ in places for id_ in side.ids])
    split = ood_pictures.hardest(curve.ordinary, threshold, False, known, SHOWN)
    chosen = [places[side.ids[row]] for row in (*split.wrong, *split.right)]
    return Shown(split, ood_pictures.test_pictures(entry, chosen))


def _outliers(panel: Panel, side: Side, curve: Curve, threshold: float) -> Shown | None:
    """None, after a sentence, where the outliers' pictures are not on this disk."""
    shape = panel.selected.entry.image_shape
    known = np.ones(len(curve.outliers), dtype=bool)
    split = ood_pictures.hardest(curve.outliers, threshold, True, known, SHOWN)
    rows = [int(row) for row in (*split.wrong, *split.right)]
    if panel.pair is None:
        own = session.uploads(shape)
        return Shown(split, own.arrays(current().invert)[rows]) if own else None
    if len(side.ids) != len(curve.outliers):
        return None
    try:
        return Shown(split, ood_pictures.outlier_pictures(panel.pair, tuple(side.ids[row] for row in rows), shape))
    except UserError as error:
        with st.container(border=True, gap="xsmall"):
            st.markdown(
                ":material/image_not_supported: The outliers' pictures are not part of the model's folder: only their "
                f"scores are. :gray[{markdown(error)}]"
            )
            if command := ood_pictures.download_command(panel.pair):
                st.code(command, language="bash")
        return None


def _unpictured(panel: Panel, ordinary: Shown | None) -> str:
    if ordinary is None:
        return f" The pictures of {panel.both[0].title} are not bundled."
    total, known = len(panel.both[0].ids), len(ood_pictures.places(panel.selected.entry))
    few = f" {known:,} of {total:,} test pictures are bundled; the others are only counted."
    return few if known < total else ""


def _groups(side: Side, split: ood_pictures.Split, values: np.ndarray, titles: tuple[str, str]) -> list[dict[str, Any]]:
    sides = (split.wrong, split.wrong_count, "farthest first"), (split.right, split.right_count, "nearest first")
    return [
        {
            "title": title,
            "note": f"{count:,} of {side.title}" + (f", {order}" if len(rows) > 1 else ""),
            "titles": [f"{side.ids[row]} · {values[row]:.4g}" for row in rows],
        }
        for title, (rows, count, order) in zip(titles, sides, strict=True)
        if len(rows)
    ]
