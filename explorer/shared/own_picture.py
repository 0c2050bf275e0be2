"""One uploaded picture under a model: chosen, inverted, encoded, and kept in the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import streamlit as st

from explorer.shared import catalog, pixels
from explorer.shared.uploads import MAX_BYTES, TYPES, Upload, light_ground, looks_inverted, read_upload

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.models.base import LatentModel


class Model(Protocol):
    """What a page knows of a model."""

    entry: catalog.Entry
    model: LatentModel


@dataclass(frozen=True, eq=False)
class Kept:
    """An uploaded picture, and what the model of `hash` makes of it.

    Attributes:
        plain: as it is; upload: as the model sees it.
        code: posterior mean, as a URL carries it; sigma: posterior standard deviation per axis, (d,).
        scores: outlier scores by name.
    """

    hash: str
    plain: Upload
    upload: Upload
    code: tuple[float, ...]
    sigma: Tensor
    scores: dict[str, float]


def _encoded(found: Model, plain: Upload, invert: bool) -> Kept:
    import torch

    upload = plain.turned(invert)
    with torch.no_grad():
        picture = pixels.to_float(upload.array[None])
        mean, log_var = found.model.encode(picture)
        scores = {name: float(score[0]) for name, score in found.model.ood_scores(picture).items()}
        code = tuple(round(float(value), 3) for value in mean[0])
        return Kept(found.entry.hash, plain, upload, code, (0.5 * log_var[0]).exp(), scores)


class OwnPicture:
    """The place of one picture in the session, and its widgets.

    Args:
        keys: of the session's state, with {} for what is kept there: "clusters.{}".
        changed: called with each new picture, and with each inversion.
    """

    def __init__(self, keys: str, changed: Callable[[Kept], None] = lambda kept: None):
        self.key, self.changed = keys.format, changed

    def kept(self, found: Model) -> Kept | None:
        """The session's picture as encoded by this model; None where there is none that fits the model."""
        kept = st.session_state.get(self.key("uploaded"))
        if not kept or kept.upload.array.shape != tuple(found.entry.image_shape):
            return None
        return kept if kept.hash == found.entry.hash else self._keep(found, kept.plain, kept.upload.inverted)

    def uploader(self, found: Model, ordinary: Callable[[], list], **options) -> None:
        """The widget that takes a file; a light ground is inverted where the model knows dark ones.

        Args:
            ordinary: the model's own pictures, uint8 (C, H, W) each; empty: unknown, nothing is inverted.
            options: of st.file_uploader.

        Raises: UserError where the file is no picture.
        """
        file = st.file_uploader("Picture", TYPES, key=self.key("file"), max_upload_size=MAX_BYTES >> 20, **options)
        if not file or st.session_state.get(self.key("seen")) == file.file_id:
            return
        plain = read_upload(file.getvalue(), file.name, tuple(found.entry.image_shape))
        st.session_state[self.key("seen")] = file.file_id
        own = ordinary() if looks_inverted(plain.array) else []
        self.changed(self._keep(found, plain, len(own) > 0 and not light_ground(own)))

    def preview(self, found: Model, width: int) -> Kept | None:
        """Exactly what the model sees."""
        kept = self.kept(found)
        if kept:
            png = pixels.picture_png(kept.upload.array, 4)
            st.image(png, width=width, alt="The uploaded picture as the model sees it")
        return kept

    def invert_switch(self, found: Model) -> None:
        """The toggle that inverts the kept picture."""
        kept, key = self.kept(found), self.key("invert")
        st.session_state[key] = kept.upload.inverted
        invert_switch(key=key, on_change=lambda: self.changed(self._keep(found, kept.plain, st.session_state[key])))

    def _keep(self, found: Model, plain: Upload, invert: bool) -> Kept:
        kept = _encoded(found, plain, invert)
        st.session_state[self.key("uploaded")] = kept
        return kept


def invert_switch(**tied) -> None:
    """The toggle "Invert"; `tied` are its key and callback."""
    st.toggle(
        "Invert",
        help="Swap black and white before the model looks: for dark strokes on white where it learned light on black.",
        **tied,
    )
