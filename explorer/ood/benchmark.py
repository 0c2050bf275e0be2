"""On data sets: the race of the scores, the table, the worst errors and the AUROC over training."""

import streamlit as st

from explorer.ood import charts, hardest, pictured, sentences, stability, table
from explorer.ood import panel as panels
from explorer.ood.detector import Detector, missing, pair_title, pairs_of, sides
from explorer.ood.panel import OWN
from explorer.ood.state import PAPER, bound, change, current
from explorer.shared import beside, measuring, widgets
from trainer.ood.detectors.base import NEEDS
from trainer.ood.pairs import MATCHED, Pair

_OTHERS = "Those of the same data run, too. “Compare with”, below the model picker, chooses which."


@st.fragment
def show(detector: Detector) -> None:
    """The whole view for the selected model."""
    with widgets.user_errors(), st.container(gap="medium"):
        pair = _controls(detector)
        panel = panels.panel_of(detector, pair)
        if panel is None:
            _absent(detector, panels.pair_named(detector, pair))
            return
        st.markdown(sentences.verdict(panel.curves, panel.baselines))
        if notes := [*panel.notes, *panels.cautions(panel)]:
            st.caption("  \n".join(f":material/info: {note}" for note in notes))
        curve = charts.in_focus(panel)
        sides = pictured.both(panel, curve)
        charts.show(panel, curve, sides)
        hardest.absent(panel, sides)
        table.show(panel.curves, panel.baselines, panel.name, panel.title, panel.detectors)
        hardest.show(panel, curve, sides)
        stability.show(panel, curve)


# ---------------------------------------------------------------- choosing


def _controls(detector: Detector) -> str:
    """Pair, other models and scores; returns the pair that is shown."""
    pairs = pairs_of(detector)
    titles = {pair.name: pair_title(pair, pairs) for pair in pairs} | {OWN: "Your own pictures"}
    view = current()
    shown = view.pair if view.pair in titles else _usual(detector, pairs)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="ood-controls"):
        tied = bound("pair", shown, focus="" if view.focus.startswith("|") else view.focus)
        label = f"{detector.entry.data_title} against"
        st.selectbox(label, list(titles), format_func=titles.__getitem__, width=250, **tied)
        shown_scores = (score for each in panels.detectors_of(detector)[0].values() for score in each.rows)
        names = list(dict.fromkeys([PAPER, *detector.rows, *shown_scores, *NEEDS]))  # what is lacking is said
        chosen = [name for name in view.scores if name in names] or ["combined"]
        title = lambda name: "the paper's own" if name == PAPER else name  # noqa: E731
        st.multiselect("Scores", names, format_func=title, width=280, **bound("scores", chosen))
        st.toggle("Logarithmic axis", **bound("log"), help="Spreads out the small false-alarm rates that matter.")
        if panels.fitting(detector) and not beside.models(detector.entry):
            st.toggle("Other models", **bound("others"), help=_OTHERS)
    return shown


def _usual(detector: Detector, pairs: tuple[Pair, ...]) -> str:
    """The first pair that was scored and that polarity does not give away."""
    scored = [pair for pair in pairs if sides(detector, pair)] or list(pairs)
    matched = {pair.outliers for pair in pairs if pair.polarity == MATCHED}
    fair = [pair.name for pair in scored if pair.polarity == MATCHED or pair.outliers not in matched]
    return (fair or [pair.name for pair in scored] or [OWN])[0]


def _absent(detector: Detector, pair: Pair | None) -> None:
    if pair is None:
        text = "Upload pictures of another kind in “Check my pictures”; here they are compared with"
        widgets.empty_state("No own pictures yet", f"{text} {detector.entry.data_title}.", icon=":material/upload:")
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button("Check my pictures", key="ood.to_mine", on_click=change, kwargs={"view": "mine"})
        return
    measuring.offer(
        detector.entry,
        "This pair has not been scored",
        missing(detector, pair),
        ":material/troubleshoot:",
        f"python -m trainer evaluate {detector.entry.path} --only ood",
        again=True,
    )
