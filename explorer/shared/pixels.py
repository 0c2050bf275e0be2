"""Pictures for the browser and for files: sprites, strips, PNG and base64. No streamlit here.

Layouts and depths are converted in trainer.data.pixels; its functions can be used from here.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from trainer.data.pixels import channels_last, join_tiles, to_uint8
from trainer.data.pixels import to_float as to_float

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.models.base import LatentModel


_SCALE = 4  # pixels are repeated: edges stay crisp when the browser scales


def decoded(model: LatentModel, codes: Tensor) -> np.ndarray:
    """Return the pictures of codes (N, d), uint8 (N, C, H, W)."""
    from trainer.latent import traversal

    return to_uint8(traversal.decode(model, codes))


def as_base64(data: bytes | np.ndarray) -> str:
    """Return bytes, or an array's bytes in C order, as base64."""
    return base64.b64encode(data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes()).decode("ascii")


def strip(rows: Sequence[np.ndarray], gap: int = 2, scale: int = _SCALE) -> np.ndarray:
    """Return rows of equally many pictures as one RGBA picture, with transparent gaps for light and dark pages.

    Args:
        rows: each uint8 (n, C, H, W), all of one shape.
        gap: width of the gaps in pixels of the pictures.
    """
    pictures = np.concatenate(rows)
    colours = np.broadcast_to(pictures, (len(pictures), 3, *pictures.shape[2:]))
    tiles = np.concatenate([colours, np.full_like(colours[:, :1], 255)], axis=1)
    return join_tiles(tiles, len(rows[0]), gap, ground=0).repeat(scale, axis=0).repeat(scale, axis=1)


def sprite(pictures: np.ndarray, columns: int) -> str:
    """Return a base64 PNG for the tiles component: each tile with its border doubled, `columns` to a row.

    Args:
        pictures: uint8 (N, C, H, W), N >= 1.
    """
    framed = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    return as_base64(png(join_tiles(framed, columns)))


def inline(png: bytes) -> str:
    """Return a data URL of a PNG, for st.image.

    Given bytes, st.image keeps them on the server and forgets them at the next rerun: a slow browser asks too late.
    """
    return f"data:image/png;base64,{as_base64(png)}"


def png(pixels: np.ndarray, scale: int = 1, level: int = 1) -> bytes:
    """Return a PNG of uint8 (H, W) or (H, W, 3), each pixel a scale x scale square.

    Args:
        level: of compression; 1 is fastest.
    """
    buffer = BytesIO()
    enlarged = pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    Image.fromarray(enlarged).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def picture_png(picture: np.ndarray, scale: int = 1) -> bytes:
    """Return a PNG of a model's input, uint8 (C, H, W) with C 1 or 3, each pixel a scale x scale square."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[0] not in (1, 3) or scale < 1:
        given = f"{picture.dtype} {picture.shape}, {scale}"
        raise ValueError(f"needs uint8 (1 or 3, H, W) and a scale from 1 on, not {given}")
    return png(channels_last(picture), scale)
