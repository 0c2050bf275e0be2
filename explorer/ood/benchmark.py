"""On data sets: ROC curves, the operating point, the table, the hardest pictures and the course over the training."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from explorer.ood import charts, detector, hardest, sentences, session, table
from explorer.ood.detector import Curve, Detector, Side
from explorer.ood.state import AUTOMATIC, PAPER, bound, change, current
from explorer.shared import catalog, measuring, widgets
from trainer.errors import UserError
from trainer.ood.pairs import AS_PUBLISHED, MATCHED, Pair
from trainer.ood.pairs import OWN as OWN_FOLDER

COMPARED = 3  # other models at first
OWN = "your own pictures"


@dataclass(frozen=True, eq=False)
class Panel:
    """Everything about one pair.

    Attributes:
        name, title: of the pair; pair: None for the visitor's own pictures.
        found: the detectors by model, the selected one first.
        both: stored scores of the selected model.
        notes: sentences on what is not shown, and why.
    """

    name: str
    title: str
    pair: Pair | None
    found: dict[str, Detector]
    both: tuple[Side, Side]
    curves: list[Curve]
    baselines: list[Curve]
    notes: list[str]

    @property
    def selected(self) -> Detector:
        """The model chosen in the entry frame."""
        return next(iter(self.found.values()))


def show(found: Detector) -> None:
    """The whole view for the selected model."""
    _workbench(found)


@st.fragment
def _workbench(found: Detector) -> None:
    with widgets.user_errors(), st.container(gap="medium"):
        pair = _controls(found)
        panel = _panel(found, pair)
        if panel is None:
            return
        st.markdown(sentences.verdict(panel.curves, panel.baselines))
        notes = [*panel.notes, *_honest(panel)]
        if notes:
            st.caption("  \n".join(f":material/info: {note}" for note in notes))
        curve, threshold = charts.show(panel)
        table.show(panel.curves, panel.baselines, panel.name, panel.title, panel.found)
        hardest.pictures(panel, curve, threshold)
        hardest.trust(panel, curve)


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
        others = [
            entry.name
            for entry in catalog.usable()
            if entry.name != found.entry.name and entry.data_title == found.entry.data_title
        ]
        if others:
            st.multiselect(
                "Beside", others, width=300, placeholder="no other model", **bound("against", _others(found))
            )
        names = list(
            dict.fromkeys([PAPER, *found.scores, *(s for other in _detectors(found)[0].values() for s in other.scores)])
        )
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


def _others(found: Detector) -> list[str]:
    """Names of the models beside the selected one."""
    wanted = current().against
    fitting = [
        entry.name
        for entry in catalog.usable()
        if entry.name != found.entry.name and entry.data_title == found.entry.data_title
    ]
    if wanted == (AUTOMATIC,):
        return [name for name in fitting if detector.has_scores(catalog.find(name))][:COMPARED]
    return [name for name in wanted if name in fitting]


def _detectors(found: Detector) -> tuple[dict[str, Detector], list[str]]:
    """The chosen models, the selected one first, and a sentence for each that has no scores."""
    detectors, notes = {found.entry.name: found}, []
    for name in _others(found):
        try:
            detectors[name] = detector.detector(catalog.find(name))
        except UserError as error:
            notes.append(str(error))
    return detectors, notes


# ---------------------------------------------------------------- curves


def _panel(found: Detector, name: str) -> Panel | None:
    """The curves of a pair; None, after an empty state, where there is nothing to compare."""
    pairs = detector.pairs_of(found)
    pair = next((pair for pair in pairs if pair.name == name), None)
    detectors, notes = _detectors(found)
    wanted = current().scores or ("combined",)
    both = {}
    for model, each in detectors.items():
        sides = detector.sides(each, pair) if pair else _own(each)
        if sides:
            both[model] = sides
        elif model != found.entry.name:
            notes.append(f"{model} was not scored on this pair; {_how(each.entry)}.")
    if found.entry.name not in both:
        _absent(found, pair)
        return None
    curves = []
    for model, sides in both.items():
        curves += detector.model_curves(detectors[model], name, sides, wanted)
        notes += detector.lacking(detectors[model], wanted)
    if not curves:
        curves = detector.model_curves(found, name, both[found.entry.name], ("combined",))
    baselines = detector.baseline_curves(found, name, both[found.entry.name])
    title = detector.pair_title(pair, pairs) if pair else "your own pictures"
    return Panel(name, title, pair, {m: detectors[m] for m in both}, both[found.entry.name], curves, baselines, notes)


def _how(entry: catalog.Entry) -> str:
    """What scores a model on the pairs that are on the disk."""
    return f"run: python -m trainer evaluate {entry.path} --only ood" if entry.bundled else "measure it on page Train"


def _own(found: Detector) -> tuple[Side, Side] | None:
    """Test pictures against the visitor's."""
    mine = session.kept(found.entry.image_shape)
    if not mine or not mine.uploads:
        return None
    view = current()
    return detector.side(found.ordinary), session.side(found, mine, view.fpr, view.invert)


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


def _honest(panel: Panel) -> list[str]:
    """What must be known of a pair before its numbers are believed."""
    if panel.pair is None:
        return ["Your pictures are the outliers here, whatever they show; few pictures make wide intervals."]
    if panel.pair.outliers == "omniglot" and panel.pair.polarity == AS_PUBLISHED:
        return [
            "As in the published code: Omniglot is black on white, MNIST white on black. Polarity-matched, the strokes "
            "themselves have to be told apart."
        ]
    if panel.pair.polarity == OWN_FOLDER:
        return [
            f"“{panel.title}” is a folder of yours that `evaluate --outliers` scored; it counts as outliers as a whole."
        ]
    if panel.pair.polarity == MATCHED:
        return ["The outliers are inverted, so that both sides show light strokes on black."]
    return []
