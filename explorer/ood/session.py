"""The visitor's own pictures: kept in the session alone, scored by any model of their shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from explorer.ood import pictures
from explorer.ood.detector import Detector, Side
from explorer.shared import cache, catalog, pixels
from explorer.shared.uploads import Uploads, read_files
from trainer.ood.baselines import baseline_scores
from trainer.runs import layout

Progress = Callable[[int, int], None]
_KEPT = "ood.kept"
_RESULTS = "ood.results"
_RESULTS_LIMIT = 12


def remember(files: Sequence[tuple[str, bytes]], shape: tuple[int, int, int], progress: Progress) -> None:
    """Read files and zips and keep their pictures instead of earlier ones.

    Raises: UserError as explorer.shared.uploads.read_files; what was kept before is then forgotten too.
    """
    forget()
    st.session_state[_KEPT] = read_files(files, shape, progress)


def forget() -> None:
    """Drop the pictures and everything computed from them."""
    st.session_state.pop(_KEPT, None)
    st.session_state.pop(_RESULTS, None)


def kept(shape: tuple[int, int, int]) -> Uploads | None:
    """The session's pictures, if they were read for models of this shape."""
    found = st.session_state.get(_KEPT)
    return found if found and found.shape == tuple(shape) else None


def scored(
    entry: catalog.Entry, mine: Uploads, fpr: float, invert: bool, progress: Progress | None = None
) -> pd.DataFrame:
    """The table of trainer.ood.pictures.score_pictures, computed once per model, rate and polarity.

    Raises: UserError if the model is not calibrated.
    """

    def compute() -> pd.DataFrame:
        from trainer.ood.pictures import score_pictures

        model, known = cache.model(entry), pictures.training_codes(entry)
        return score_pictures(
            entry.run, mine.arrays(invert), mine.names, fpr, model=model, known=known, progress=progress
        )

    return _once(_key(entry, mine, fpr, invert), compute)


def is_scored(entry: catalog.Entry, mine: Uploads, fpr: float, invert: bool) -> bool:
    """Whether `scored` answers at once."""
    return _key(entry, mine, fpr, invert) in st.session_state.get(_RESULTS, {})


def _key(entry: catalog.Entry, mine: Uploads, fpr: float, invert: bool) -> tuple:
    return (*entry.key(layout.OOD_CALIBRATION, layout.TRAIN_CODES), mine.key, fpr, invert)


def reconstructions(entry: catalog.Entry, mine: Uploads, invert: bool) -> np.ndarray:
    """g(mu(x)) of the pictures, uint8 (n, C, H, W)."""
    return _once((entry.hash, mine.key, invert), lambda: reconstructed(entry, mine.arrays(invert)))


def reconstructed(entry: catalog.Entry, arrays: np.ndarray) -> np.ndarray:
    """What a model makes of pictures uint8 (n, C, H, W), of the same form."""
    import torch

    model, parts = cache.model(entry), [np.zeros((0, *entry.image_shape), np.uint8)]
    with torch.inference_mode():
        for start in range(0, len(arrays), 50):
            batch = pixels.to_float(arrays[start : start + 50])
            parts.append(pixels.to_uint8(model.reconstruct(batch)))
    return np.concatenate(parts)


def side(found: Detector, mine: Uploads, fpr: float, invert: bool) -> Side:
    """The pictures as the outliers of a pair: every score of one model, and the baselines.

    Raises: UserError as `scored`.
    """
    table = scored(found.entry, mine, fpr, invert)
    scores = {name: table[name].to_numpy() for name in found.scores}
    return Side("your pictures", mine.names, scores | baseline_scores(mine.arrays(invert)))


def _once(key: tuple, compute: Callable):
    """A result of this session, computed when first asked for; the oldest are dropped."""
    results = st.session_state.setdefault(_RESULTS, {})
    if key not in results:
        results[key] = compute()
        while len(results) > _RESULTS_LIMIT:
            del results[next(iter(results))]
    return results[key]
