"""Input complexity: score -log2 p(x) - L(x), L the bits of the picture in a lossless coder.

A picture that is likely only because it is simple is cheap for the coder too; the difference is a likelihood ratio
against the coder's own model of pictures. Source: Serrà et al., ICLR 2020. Coders: Pillow's PNG, and lossless WebP,
which predicts pixels and is nearer to the FLIF of the paper; both count their header, a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from trainer.data.pixels import channels_last
from trainer.ood.baselines import png_size
from trainer.ood.detectors.base import Detector, needs_density
from trainer.ood.detectors.batch import Batch


def webp_size(picture: np.ndarray) -> int:
    """Return bytes of a picture, uint8 (C, H, W), as Pillow's lossless WebP."""
    buffer = BytesIO()
    Image.fromarray(channels_last(picture)).convert("RGB").save(buffer, "WEBP", lossless=True, quality=50, method=2)
    return len(buffer.getvalue())


def _against(size: Callable[[np.ndarray], int]) -> Callable[[Batch], np.ndarray]:
    def score(batch: Batch) -> np.ndarray:
        pictures = (batch.x * 255).round().byte().cpu().numpy()
        return batch.bits.cpu().double().numpy() - 8.0 * np.array([size(picture) for picture in pictures])

    return score


_FORMULA = "-log2 p(x) - L(x), L the bits as {}"
_SOURCE = "Serrà et al., ICLR 2020"
PNG = Detector("complexity, PNG", _FORMULA.format("PNG"), _SOURCE, _against(png_size), needs_density)
WEBP = Detector("complexity, WebP", _FORMULA.format("lossless WebP"), _SOURCE, _against(webp_size), needs_density)
