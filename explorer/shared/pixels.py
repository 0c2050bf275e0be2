"""Pictures on their way to the browser and into files: 8-bit arrays, sprites, PNG and base64. No streamlit here."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def to_uint8(pictures: Tensor) -> np.ndarray:
    """(N, C, H, W) float in [0, 1] -> uint8, rounded to the nearest grey level."""
    return (pictures.clamp(0, 1) * 255).round().byte().numpy()


def as_base64(data: bytes | np.ndarray) -> str:
    """Base64 text of bytes or of an array's bytes in C order."""
    return base64.b64encode(data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes()).decode("ascii")


def join_tiles(pictures: np.ndarray, columns: int, gap: int = 0, ground: int = 255) -> np.ndarray:
    """Tiles side by side, row-major, `columns` to a row, `gap` pixels of grey level `ground` between them.

    Args:
        pictures: uint8 (N, C, H, W), N >= 1, C 1 or 3.

    Returns: uint8 (height, width) for one channel, (height, width, 3) for three; places left over are `ground`.
    """
    n, channels, height, width = pictures.shape
    rows = -(-n // columns)
    sheet = np.full((rows, columns, channels, height + gap, width + gap), ground, dtype=np.uint8)
    sheet.reshape(rows * columns, channels, height + gap, width + gap)[:n, :, :height, :width] = pictures
    joined = sheet.transpose(0, 3, 1, 4, 2).reshape(rows * (height + gap), columns * (width + gap), channels)
    joined = joined[: rows * (height + gap) - gap, : columns * (width + gap) - gap]
    return np.ascontiguousarray(joined[:, :, 0] if channels == 1 else joined)


def sprite(pictures: np.ndarray, columns: int) -> str:
    """Base64 PNG for the tiles component: each tile with its border repeated once around it, `columns` to a row.

    Args:
        pictures: uint8 (N, C, H, W), N >= 1.
    """
    framed = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    return as_base64(png(join_tiles(framed, columns)))


def inline(png: bytes) -> str:
    """A PNG as an address that holds it, for st.image.

    Given bytes, st.image keeps them on the server and forgets them at the next rerun: a slow browser asks too late.
    """
    return f"data:image/png;base64,{as_base64(png)}"


def png(pixels: np.ndarray, scale: int = 1, level: int = 1) -> bytes:
    """Lossless PNG of uint8 (H, W) or (H, W, 3), each pixel a scale x scale square.

    Args:
        level: of compression; 1 is fastest.
    """
    from PIL import Image

    buffer = BytesIO()
    enlarged = pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    Image.fromarray(enlarged).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()
