"""Scores without a model: a useful detector is better than these.

They keep one sign like every score. A model is compared with the better of a baseline's two signs, max(AUROC, 1 -
AUROC): the sign could be chosen by looking at the data.
"""

from io import BytesIO

import numpy as np
from PIL import Image

from trainer.data.pixels import channels_last

BASELINES = ("mean intensity", "stroke area", "PNG size")


def baseline_scores(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean of all bytes / 255, share of pixels brighter than 1/2, and size of the picture as PNG in bytes,
    each (N,).

    Args:
        images: uint8 (N, C, H, W); a tensor on the CPU will do. Colour counts by the mean of its channels.
    """
    images = np.asarray(images)
    grey = images.mean(axis=1, dtype=np.float32) / 255
    return {
        "mean intensity": grey.mean(axis=(1, 2), dtype=np.float64).astype(np.float32),
        "stroke area": (grey > 0.5).mean(axis=(1, 2), dtype=np.float64).astype(np.float32),
        "PNG size": np.array([png_size(picture) for picture in images], dtype=np.float32),
    }


def png_size(picture: np.ndarray) -> int:
    """Return bytes of a picture, uint8 (C, H, W), as Pillow's PNG."""
    buffer = BytesIO()
    Image.fromarray(channels_last(picture)).save(buffer, "PNG")
    return len(buffer.getvalue())


def better_sign(auroc: float) -> float:
    """Return the AUROC of a baseline whose sign may be chosen: max(a, 1 - a)."""
    return max(auroc, 1 - auroc)
