"""Everything about one pair, for the charts, the table and the pictures below them."""

from dataclasses import dataclass

from explorer.ood import detector as scores
from explorer.ood import figures, session
from explorer.ood.detector import Curve, Detector, Side
from explorer.ood.state import current
from explorer.shared import beside, catalog
from trainer.errors import UserError
from trainer.ood.pairs import AS_PUBLISHED, MATCHED, Pair
from trainer.ood.pairs import OWN as OWN_FOLDER
from trainer.ood.tables import ORDINARY

COMPARED = 3  # other models, where none is chosen
OWN = "your own pictures"
_CAUTIONS = {
    OWN_FOLDER: "“{}” is a folder of yours that `evaluate --outliers` scored; all its pictures count as outliers.",
    MATCHED: "The outliers are inverted, so that both sides are light on black.",
    AS_PUBLISHED: "The files as they are: Omniglot is black on white, the model's data white on black. "
    "Polarity-matched, only the pictures themselves differ.",
}
"""By polarity: what to know of a pair before its numbers are believed."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Everything about one pair.

    Attributes:
        name, title: of the pair; pair: None for the user's own pictures.
        detectors: by model, the selected one first.
        both: stored scores of the selected model.
        notes: sentences on what is not shown, and why.
        colours: by model, the same whichever of them are shown.
    """

    name: str
    title: str
    pair: Pair | None
    detectors: dict[str, Detector]
    both: tuple[Side, Side]
    curves: list[Curve]
    baselines: list[Curve]
    notes: list[str]
    colours: dict[str, str]

    @property
    def selected(self) -> Detector:
        """The model chosen in the entry frame."""
        return next(iter(self.detectors.values()))


def pair_named(detector: Detector, name: str) -> Pair | None:
    """Return a pair of the model's data by its name; None for the user's own pictures."""
    return next((pair for pair in scores.pairs_of(detector) if pair.name == name), None)


def panel_of(detector: Detector, name: str) -> Panel | None:
    """Return the curves of a pair; None where the selected model was not scored on it."""
    pairs = scores.pairs_of(detector)
    pair = pair_named(detector, name)
    detectors, notes = detectors_of(detector)
    wanted = current().scores or ("combined",)
    both = {}
    for model, each in detectors.items():
        sides = scores.sides(each, pair) if pair else _own(each)
        if sides:
            both[model] = sides
        elif model != detector.entry.name:
            notes.append(f"{model} was not scored on this pair; {_how(each.entry)}.")
    if detector.entry.name not in both:
        return None
    own, curves = both[detector.entry.name], []
    for model, sides in both.items():
        each = detectors[model]
        chosen = [score for score in scores.chosen_scores(each, wanted) if all(score in side.scores for side in sides)]
        curves += scores.model_curves(each, name, sides, chosen)
        notes += scores.lacking(each, wanted)
    if not pair and set(wanted) & set(detector.calibration.detectors):
        notes.append("Your pictures are scored by the detectors of the literature in `python -m trainer score` alone.")
    curves = curves or scores.model_curves(detector, name, own, ("combined",))
    baselines = scores.baseline_curves(detector, name, own)
    title = scores.pair_title(pair, pairs) if pair else OWN
    shown = {model: detectors[model] for model in both}
    colours = figures.model_colours(sorted([detector.entry.name, *fitting(detector)]))
    return Panel(name, title, pair, shown, own, curves, baselines, list(dict.fromkeys(notes)), colours)


def _how(entry: catalog.Entry) -> str:
    """What scores a model on the pairs that are on the disk."""
    return f"run: python -m trainer evaluate {entry.path} --only ood" if entry.bundled else "measure it on page Train"


def _own(detector: Detector) -> tuple[Side, Side] | None:
    """Test pictures against the user's."""
    own = session.uploads(detector.entry.image_shape)
    if not own or not own.uploads:
        return None
    table = detector.table
    return scores.side(table[table["role"] == ORDINARY]), session.side(detector, own)


def fitting(detector: Detector) -> list[str]:
    """Return the names of the other models of the same data."""
    own = detector.entry
    return [entry.name for entry in catalog.usable() if entry.name != own.name and entry.data_title == own.data_title]


def others_of(detector: Detector) -> list[str]:
    """Return the names of the models that run beside the selected one: those to compare with, else of the same data."""
    if chosen := beside.models(detector.entry):
        return [entry.name for entry in chosen]
    if not current().others:
        return []
    return [name for name in fitting(detector) if scores.has_scores(catalog.find(name))][:COMPARED]


def detectors_of(detector: Detector) -> tuple[dict[str, Detector], list[str]]:
    """Return the chosen models, the selected one first, and a sentence for each that has no scores."""
    detectors, notes = {detector.entry.name: detector}, []
    for name in others_of(detector):
        try:
            detectors[name] = scores.read_detector(catalog.find(name))
        except UserError as error:
            notes.append(str(error))
    return detectors, notes


def cautions(panel: Panel) -> list[str]:
    """Return what must be known of a pair before its numbers are believed."""
    if panel.pair is None:
        return ["Your pictures are the outliers here, whatever they show; few pictures make wide intervals."]
    if panel.pair.polarity == AS_PUBLISHED and panel.pair.outliers != "omniglot":
        return []
    return [_CAUTIONS[panel.pair.polarity].format(panel.title)]
