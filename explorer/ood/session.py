"""The user's own pictures: they stay in the session, and any model of their shape scores them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from explorer.ood import pictures
from explorer.ood.detector import Detector, Side
from explorer.shared import cache, catalog, pixels
from explorer.shared.uploads import Uploads, read_files
from trainer.ood.baselines import baseline_scores
from trainer.runs import layout

if TYPE_CHECKING:
    from trainer.ood.preparation import Prepared

Progress = Callable[[int, int], None]
_UPLOADS = "ood.uploads"
_RESULTS = "ood.results"
_CHOSEN = "ood.versions"
_RESULTS_LIMIT = 40  # some six for each of four models, and the verdicts at other rates: 0.5 MB each at most
RATE = 0.05  # of false alarms, where no verdict is asked for


def remember(files: Sequence[tuple[str, bytes]], shape: tuple[int, int, int], progress: Progress) -> None:
    """Read files and zips and keep their pictures instead of earlier ones.

    Raises: UserError as explorer.shared.uploads.read_files; earlier pictures are then forgotten too.
    """
    forget()
    st.session_state[_UPLOADS] = read_files(files, shape, progress)


def forget() -> None:
    """Drop the pictures and everything computed from them."""
    st.session_state.pop(_UPLOADS, None)
    st.session_state.pop(_RESULTS, None)
    st.session_state.pop(_CHOSEN, None)


def uploads(shape: tuple[int, int, int]) -> Uploads | None:
    """Return the session's pictures, if they were read for models of this shape."""
    own = st.session_state.get(_UPLOADS)
    return own if own and own.shape == tuple(shape) else None


def scored(
    entry: catalog.Entry, own: Uploads, fpr: float, progress: Progress = lambda done, total: None
) -> pd.DataFrame:
    """Return the table of trainer.ood.pictures.score_pictures, computed once per model, rate and choice of versions.

    Args:
        progress: called with (done, total) passes while it is computed.

    Raises: UserError if the model is not calibrated.
    """

    def compute() -> pd.DataFrame:
        from trainer.ood.pictures import score_pictures

        progress(0, 1)
        read = prepared(entry, own)
        given = {"model": cache.model(entry), "known": pictures.training_codes(entry), "versions": read.versions}
        return score_pictures(entry.run, read.arrays, own.names, fpr, progress=progress, **given)

    files = (layout.OOD_CALIBRATION, layout.TRAIN_CODES, layout.TRAIN_SPRITE)
    return _once((*entry.key(*files), own.key, fpr, _choices()), compute)


def prepared(entry: catalog.Entry, own: Uploads) -> Prepared:
    """Return the pictures in the version that the model or the user has chosen for each.

    Raises: UserError if the model is not calibrated.
    """
    from trainer.ood import pictures as scoring
    from trainer.ood import preparation

    key = (*entry.key(layout.OOD_CALIBRATION, layout.TRAIN_SPRITE), own.key)
    wanted = _once((*key, "like"), lambda: preparation.of_run(entry.run))
    found = _once(
        (*key, "prepared"), lambda: scoring.prepared(entry.run, cache.model(entry), own.arrays, own.details, wanted)
    )
    if not (chosen := _choices()):
        return found
    return _once((*key, chosen), lambda: preparation.changed(found, own.arrays, own.details, wanted, dict(chosen)))


def choose(row: int, version: str) -> None:
    """Read a picture as a version that the user has chosen."""
    st.session_state[_CHOSEN] = {**st.session_state.get(_CHOSEN, {}), row: version}


def _choices() -> tuple[tuple[int, str], ...]:
    return tuple(sorted(st.session_state.get(_CHOSEN, {}).items()))


def reconstructions(entry: catalog.Entry, own: Uploads) -> np.ndarray:
    """Return g(mu(x)) of the pictures, uint8 (n, C, H, W)."""
    return _once((entry.hash, own.key, _choices()), lambda: reconstructed(entry, prepared(entry, own).arrays))


def reconstructed(entry: catalog.Entry, arrays: np.ndarray) -> np.ndarray:
    """Return a model's reconstructions of pictures, both uint8 (n, C, H, W)."""
    import torch

    model, parts = cache.model(entry), [np.zeros((0, *entry.image_shape), np.uint8)]
    with torch.inference_mode():
        for start in range(0, len(arrays), 50):
            batch = pixels.to_float(arrays[start : start + 50])
            parts.append(pixels.to_uint8(model.reconstruct(batch)))
    return np.concatenate(parts)


def side(detector: Detector, own: Uploads) -> Side:
    """Return the pictures as the outliers of a pair: every score of one model, and the baselines.

    The rate reaches the verdicts alone, which are not used here; a fixed one keeps a drag from scoring anew.

    Raises: UserError as `scored`.
    """
    table = scored(detector.entry, own, RATE)
    scores = {name: table[name].to_numpy() for name in detector.scores}
    return Side("your pictures", own.names, scores | baseline_scores(prepared(detector.entry, own).arrays))


def _once(key: tuple, compute: Callable):
    """A result of this session, computed when first asked for; the oldest are dropped."""
    results = st.session_state.setdefault(_RESULTS, {})
    if key not in results:
        results[key] = compute()
        while len(results) > _RESULTS_LIMIT:
            del results[next(iter(results))]
    return results[key]
