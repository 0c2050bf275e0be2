"""The AUROC of a score at each checkpoint of the training."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import streamlit as st

from explorer.ood import figures
from explorer.ood.detector import Curve
from explorer.ood.panel import Panel
from explorer.ood.state import current
from explorer.shared import share, theme, widgets
from explorer.shared.escape import markdown
from trainer.ood.pairs import DRAWN

if TYPE_CHECKING:
    from trainer.ood.history import Row


def show(panel: Panel, curve: Curve) -> None:
    """The AUROC of the score at each checkpoint: a score whose side changes is not reliable."""
    from trainer.ood import history

    entry = panel.detectors.get(curve.model, panel.selected).entry
    rows = history.read(entry.path)
    st.header("AUROC over training", anchor=False)
    pair = panel.name if any(row.pair == panel.name for row in rows) else DRAWN
    rows = [row for row in rows if row.pair == pair]
    if not rows:
        st.caption(f"{entry.name} was trained without this record (ood_history.csv); a model trained now keeps one.")
        return
    chosen = [curve.score] if curve.model else ["combined"]
    chosen += [name for name in current().scores if name in {row.score for row in rows} and name not in chosen]
    chart, text = st.columns([2, 1], gap="large", vertical_alignment="center")
    share.table("auroc-over-training", dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True)))
    with chart:
        widgets.chart(figures.course(rows, chosen, theme.is_dark(), panel.colours.get(entry.name, "")), "ood.course")
    with text:
        st.markdown("  \n".join(sentence(rows, name) for name in chosen))
        st.caption(
            f"{entry.name}, {rows[0].ordinary} held-out pictures against {rows[0].outliers} of “{markdown(pair)}” at "
            "each checkpoint. Grey: the other scores."
        )


def sentence(rows: "Sequence[Row]", score: str) -> str:
    """Return how steady a score was, as a sentence."""
    values = [row.auroc for row in sorted(rows, key=lambda row: row.step) if row.score == score]
    if not values:
        return f"**{markdown(score)}** was not recorded."
    if len(values) == 1:
        return f"**{markdown(score)}** was recorded once: {values[0]:.3f}."
    crossings = sum((a - 0.5) * (b - 0.5) < 0 for a, b in pairwise(values))
    late = values[len(values) // 2 :]
    if crossings:
        times = {1: "once", 2: "twice"}.get(crossings, f"{crossings} times")
        return (
            f"**{markdown(score)}** changed sides {times} (AUROC from {min(values):.2f} to {max(values):.2f}): at some "
            "checkpoints ordinary pictures score higher than outliers, so do not rely on it alone."
        )
    score = markdown(score)
    if max(late) - min(late) > 0.1:
        return f"**{score}** still moves between {min(late):.2f} and {max(late):.2f} in the second half: unsteady."
    return f"**{score}** stays between {min(late):.3f} and {max(late):.3f} in the second half of the training: steady."
