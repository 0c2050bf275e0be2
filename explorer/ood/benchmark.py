"""On data sets: ROC curves, the operating point, the table, the hardest pictures and the course over the training."""

from __future__ import annotations

import streamlit as st

from explorer.ood import charts, detector, hardest, sentences, stability, table
from explorer.ood import panel as panels
from explorer.ood.detector import Detector
from explorer.ood.panel import OWN
from explorer.ood.state import PAPER, bound, change, current
from explorer.shared import measuring, widgets
from trainer.ood.pairs import MATCHED, Pair


@st.fragment
def show(found: Detector) -> None:
    """The whole view for the selected model."""
    with widgets.user_errors(), st.container(gap="medium"):
        pair = _controls(found)
        panel = panels.panel_of(found, pair)
        if panel is None:
            _absent(found, panels.pair_named(found, pair))
            return
        st.markdown(sentences.verdict(panel.curves, panel.baselines))
        notes = [*panel.notes, *panels.cautions(panel)]
        if notes:
            st.caption("  \n".join(f":material/info: {note}" for note in notes))
        curve, threshold = charts.show(panel)
        table.show(panel.curves, panel.baselines, panel.name, panel.title, panel.found)
        hardest.show(panel, curve, threshold)
        stability.show(panel, curve)


# ---------------------------------------------------------------- choosing


def _controls(found: Detector) -> str:
    """Pair, other models and scores; returns the pair that is shown."""
    pairs = detector.pairs_of(found)
    titles = {pair.name: detector.pair_title(pair, pairs) for pair in pairs} | {OWN: "Your own pictures"}
    view = current()
    shown = view.pair if view.pair in titles else _usual(found, pairs)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="ood-controls"):
        st.selectbox(
            f"{found.entry.data_title} against",
            list(titles),
            format_func=titles.__getitem__,
            width=270,
            **bound("pair", shown, focus="" if view.focus.startswith("|") else view.focus),
        )
        if others := panels.fitting(found):
            tied = bound("against", panels.others_of(found))
            st.multiselect("Beside", others, width=300, placeholder="no other model", **tied)
        shown_scores = (score for each in panels.detectors_of(found)[0].values() for score in each.scores)
        names = list(dict.fromkeys([PAPER, *found.scores, *shown_scores]))
        chosen = [name for name in view.scores if name in names] or ["combined"]
        st.multiselect(
            "Scores", names, format_func=lambda name: "the paper's own" if name == PAPER else name,
            width=320,
            **bound("scores", chosen),
        )  # fmt: skip
    return shown


def _usual(found: Detector, pairs: tuple[Pair, ...]) -> str:
    """The first pair that was scored and that polarity does not give away."""
    scored = [pair for pair in pairs if detector.sides(found, pair)] or list(pairs)
    matched = [pair.name for pair in scored if pair.polarity == MATCHED]
    return (matched or [pair.name for pair in scored] or [OWN])[0]


def _absent(found: Detector, pair: Pair | None) -> None:
    if pair is None:
        with st.container(border=True, horizontal_alignment="center", gap="small"):
            st.markdown(":material/upload: **No pictures of yours yet**", width="content")
            st.markdown(
                ":gray[Upload pictures of another kind in “Check my pictures”; here they are then held against "
                f"{found.entry.data_title}.]",
                width="content",
            )
            if st.button("Check my pictures", key="ood.to_mine"):
                change(view="mine")
                st.rerun()
        return
    measuring.offer(
        found.entry,
        "This pair has not been scored",
        detector.missing(found, pair),
        ":material/troubleshoot:",
        f"python -m trainer evaluate {found.entry.path} --only ood",
        again=True,
    )
