"""Below the table: the hardest pictures on either side of the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from explorer.components import gallery
from explorer.ood import pictures as ood_pictures
from explorer.ood import session
from explorer.ood.state import current
from explorer.shared import pixels, theme
from trainer.errors import UserError

if TYPE_CHECKING:
    from explorer.ood.detector import Curve, Side
    from explorer.ood.panel import Panel

SHOWN = 12
TILE = 44
_COLUMNS = 50


class Shown(NamedTuple):
    """Pictures of one side of a pair: two groups of positions with their counts, and the pictures of both in turn."""

    split: ood_pictures.Split
    pictures: np.ndarray


def show(panel: Panel, curve: Curve, threshold: float) -> None:
    """False alarms and near misses of the ordinary pictures, missed and just caught outliers."""
    st.subheader("Hardest pictures on either side of the threshold", anchor=False)
    model = panel.found.get(curve.model, panel.selected)
    ordinary = _ordinary(panel, curve, threshold)
    outliers = _outliers(panel, curve, threshold)
    st.caption(f"Upper: the picture; lower: what {model.entry.name} makes of it." + _unpictured(panel, ordinary))
    groups, shown = [], []
    for side, found, values, titles in (
        (panel.both[0], ordinary, curve.ordinary, ("False alarms", "Just passed")),
        (panel.both[1], outliers, curve.outliers, ("Missed", "Just caught")),
    ):
        if found is not None:
            colour = theme.colours(theme.is_dark())["muted" if side is panel.both[0] else "accent"]
            groups += [
                group | {"colour": colour} for group in _groups(side, found.split, values, titles, sum(map(len, shown)))
            ]
            shown.append(found.pictures)
    _draw(model, [group for group in groups if group["titles"]], shown)


def _ordinary(panel: Panel, curve: Curve, threshold: float) -> Shown | None:
    entry, side = panel.selected.entry, panel.both[0]
    places = ood_pictures.places(entry)
    if not places or len(side.ids) != len(curve.ordinary):
        return None
    known = np.array([id_ in places for id_ in side.ids])
    split = ood_pictures.hardest(curve.ordinary, threshold, False, known, SHOWN)
    chosen = [places[side.ids[row]] for row in (*split.wrong, *split.right)]
    return Shown(split, ood_pictures.test_pictures(entry, chosen))


def _outliers(panel: Panel, curve: Curve, threshold: float) -> Shown | None:
    """None, after a sentence, where the outliers' pictures are not on this disk."""
    side, shape = panel.both[1], panel.selected.entry.image_shape
    known = np.ones(len(curve.outliers), dtype=bool)
    split = ood_pictures.hardest(curve.outliers, threshold, True, known, SHOWN)
    rows = [int(row) for row in (*split.wrong, *split.right)]
    if panel.pair is None:
        mine = session.kept(shape)
        return Shown(split, mine.arrays(current().invert)[rows]) if mine else None
    if len(side.ids) != len(curve.outliers):
        return None
    try:
        return Shown(split, ood_pictures.outlier_pictures(panel.pair, tuple(side.ids[row] for row in rows), shape))
    except UserError as error:
        with st.container(border=True, gap="xsmall"):
            st.markdown(
                f":material/image_not_supported: The outliers' pictures are not part of the model's folder: only their "
                f"scores are. :gray[{error}]"
            )
            if command := ood_pictures.download_command(panel.pair):
                st.code(command, language="bash")
        return None


def _unpictured(panel: Panel, ordinary: Shown | None) -> str:
    if ordinary is None:
        return f" The pictures of {panel.both[0].title} are not bundled."
    total, known = len(panel.both[0].ids), len(ood_pictures.places(panel.selected.entry))
    return "" if known >= total else f" Of the test pictures {known:,} of {total:,} are bundled; the others only count."


def _groups(
    side: Side, split: ood_pictures.Split, values: np.ndarray, titles: tuple[str, str], first: int
) -> list[dict]:
    groups = []
    for rows, count, title, order in (
        (split.wrong, split.wrong_count, titles[0], "the farthest first"),
        (split.right, split.right_count, titles[1], "the nearest first"),
    ):
        groups.append(
            {
                "title": title,
                "note": f"{count:,} of {side.title}" + (f", {order}" if len(rows) > 1 else ""),
                "first": first,
                "titles": [f"{side.ids[row]} · {values[row]:.4g}" for row in rows],
            }
        )
        first += len(rows)
    return groups


def _draw(model, groups: list[dict], shown: list[np.ndarray]) -> None:
    if not groups:
        st.caption("No picture lies on either side that could be shown.")
        return
    above = np.concatenate(shown)
    both = np.concatenate([above, session.reconstructed(model.entry, above)])
    gallery.gallery(
        gallery.Gallery(
            sprite=pixels.as_base64(pixels.png(pixels.join_tiles(both, _COLUMNS))),
            columns=_COLUMNS,
            shape=list(model.entry.image_shape),
            count=len(above),
            pair=True,
            size=TILE,
            groups=groups,
        ),
        key="ood.hardest",
    )
