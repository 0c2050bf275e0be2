"""Which pictures of a pair can be shown, and from where: the model's folder, the disk, or another bundled model."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explorer.ood import pictures, session
from explorer.ood.detector import Curve, Side
from explorer.ood.panel import Panel
from explorer.shared import catalog
from trainer.ood.pairs import AS_PUBLISHED


@dataclass(frozen=True, eq=False)
class Pictured:
    """One side of a pair as a curve has it.

    Attributes:
        side: ids and scores of its pictures.
        known: (n,) bool: whether a picture can be shown.
        read: positions (m,) that are known -> uint8 (m, C, H, W).
        missing: why none can be shown, as a sentence; "" where one can.
    """

    side: Side
    known: np.ndarray
    read: Callable[[np.ndarray], np.ndarray]
    missing: str = ""


def both(panel: Panel, curve: Curve) -> tuple[Pictured, Pictured]:
    """Return the ordinary pictures and the outliers that a curve has scored.

    Raises: UserError if codes.parquet of the model is damaged.
    """
    ordinary, outliers = (side.narrowed(curve.score) for side in panel.both)
    return _ordinary(panel, ordinary, len(curve.ordinary)), _outliers(panel, outliers, len(curve.outliers))


def _none(side: Side, missing: str) -> Pictured:
    return Pictured(side, np.zeros(len(side.ids), bool), lambda rows: np.zeros((0, 1, 1, 1), np.uint8), missing)


def _ordinary(panel: Panel, side: Side, count: int) -> Pictured:
    found = _of_model(panel.selected.entry, side)
    if not found.known.any() or count != len(side.ids):  # scored by another model on other pictures
        return _none(side, f"The pictures of {side.title} are not bundled.")
    return found


def _of_model(entry: catalog.Entry, side: Side) -> Pictured:
    """The test pictures of a model, by their ids."""
    places = pictures.places(entry)
    rows = np.array([places.get(id_, -1) for id_ in side.ids])
    return Pictured(side, rows >= 0, lambda chosen: pictures.test_pictures(entry, rows[chosen].tolist()))


def _outliers(panel: Panel, side: Side, count: int) -> Pictured:
    shape = panel.selected.entry.image_shape
    if panel.pair is None:
        own = session.uploads(shape)
        if own is None:
            return _none(side, "Your pictures are not at hand any more; upload them again.")
        arrays = session.prepared(panel.selected.entry, own).arrays
        return Pictured(side, np.ones(len(arrays), bool), lambda rows: arrays[rows])
    if count != len(side.ids):
        return _none(side, "Another model scored other pictures of this set.")
    pair, ids = panel.pair, np.array(side.ids, dtype=object)
    if sentence := pictures.outliers_absent(pair):
        return _bundled(panel, side) or _none(side, sentence)
    read = lambda rows: pictures.outlier_pictures(pair, tuple(ids[rows]), shape)  # noqa: E731
    return Pictured(side, np.ones(len(ids), bool), read)


def _bundled(panel: Panel, side: Side) -> Pictured | None:
    """The outliers' pictures in the folder of a model that was trained on their kind."""
    if panel.pair is None or panel.pair.polarity != AS_PUBLISHED:
        return None
    for entry in catalog.usable():
        same = entry.run.config.data.name == panel.pair.outliers
        if same and entry.image_shape == panel.selected.entry.image_shape:
            found = _of_model(entry, side)
            if found.known.any():
                return found
    return None
