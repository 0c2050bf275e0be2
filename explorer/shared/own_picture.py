"""One uploaded picture in the session: chosen, inverted, and encoded by a model."""

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
    """A model and its entry in the catalog."""

    entry: catalog.Entry
    model: LatentModel


@dataclass(frozen=True, eq=False)
class EncodedPicture:
    """An uploaded picture, its code and its outlier scores by the model of `hash`.

    Attributes:
        plain: the picture as uploaded; upload: the same, or inverted.
        code: posterior mean, as a URL has it; sigma: posterior standard deviation per axis, (d,).
        scores: outlier scores by name.
    """

    hash: str
    plain: Upload
    upload: Upload
    code: tuple[float, ...]
    sigma: Tensor
    scores: dict[str, float]


def _encoded(loaded: Model, plain: Upload, invert: bool) -> EncodedPicture:
    import torch

    upload = plain.turned(invert)
    with torch.no_grad():
        picture = pixels.to_float(upload.array[None])
        mean, log_var = loaded.model.encode(picture)
        scores = {name: float(score[0]) for name, score in loaded.model.ood_scores(picture).items()}
        code = tuple(round(float(value), 3) for value in mean[0])
        return EncodedPicture(loaded.entry.hash, plain, upload, code, (0.5 * log_var[0]).exp(), scores)


class OwnPicture:
    """One picture in the session, and its widgets.

    Args:
        keys: pattern of the session's keys, such as "clusters.{}".
        changed: called with each new picture and each inversion.
    """

    def __init__(self, keys: str, changed: Callable[[EncodedPicture], None] = lambda kept: None):
        self.key, self.changed = keys.format, changed

    def kept(self, loaded: Model) -> EncodedPicture | None:
        """Return the session's picture as encoded by this model, None where there is none of the model's shape."""
        kept = st.session_state.get(self.key("uploaded"))
        if not kept or kept.upload.array.shape != tuple(loaded.entry.image_shape):
            return None
        return kept if kept.hash == loaded.entry.hash else self._keep(loaded, kept.plain, kept.upload.inverted)

    def uploader(self, loaded: Model, ordinary: Callable[[], list], **options) -> None:
        """Draw the uploader; a picture with a light background is inverted where the model's have dark ones.

        Args:
            ordinary: returns pictures of the model's kind, uint8 (C, H, W) each; without any, nothing is inverted.
            options: of st.file_uploader.

        Raises: UserError where the file is no picture.
        """
        file = st.file_uploader("Picture", TYPES, key=self.key("file"), max_upload_size=MAX_BYTES >> 20, **options)
        if not file or st.session_state.get(self.key("seen")) == file.file_id:
            return
        plain = read_upload(file.getvalue(), file.name, tuple(loaded.entry.image_shape))
        st.session_state[self.key("seen")] = file.file_id
        own = ordinary() if looks_inverted(plain.array) else []
        self.changed(self._keep(loaded, plain, len(own) > 0 and not light_ground(own)))

    def preview(self, loaded: Model, width: int) -> EncodedPicture | None:
        """Draw the model's exact input and return it, None without one."""
        kept = self.kept(loaded)
        if kept:
            png = pixels.picture_png(kept.upload.array, 4)
            st.image(png, width=width, alt="The uploaded picture as the model sees it")
        return kept

    def invert_switch(self, loaded: Model) -> None:
        """Draw the toggle that inverts the picture."""
        kept, key = self.kept(loaded), self.key("invert")
        st.session_state[key] = kept.upload.inverted
        invert_switch(key=key, on_change=lambda: self.changed(self._keep(loaded, kept.plain, st.session_state[key])))

    def _keep(self, loaded: Model, plain: Upload, invert: bool) -> EncodedPicture:
        kept = _encoded(loaded, plain, invert)
        st.session_state[self.key("uploaded")] = kept
        return kept


def invert_switch(**tied) -> None:
    """Draw the toggle "Invert"; `tied` are its key and callback."""
    st.toggle(
        "Invert", help="Swap black and white: for dark strokes on white if the model learned light on black.", **tied
    )
