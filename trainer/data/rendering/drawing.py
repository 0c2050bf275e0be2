"""Pictures of 3D Shapes from factor values: the weights of `scene.layers`, coloured.

render(torch.tensor([[0.0, 0.6, 0.3, 1.0, 3, 30.0]])) -> uint8 (1, 3, 64, 64)
"""

import numpy as np
import torch
from torch import Tensor

from trainer.data.rendering import scene
from trainer.data.rendering.grid import FACTORS, SHAPES, values_of

VERSION = 1
"""Changes whenever a picture does, so that stored pictures of an older renderer are not taken for current ones."""
SIZES = (32, 64, 128)  # sides of a picture
SKY = (153 / 255, 226 / 255, 249 / 255)
CHUNK = 64  # pictures coloured at a time
SCENES = 8  # scenes cast at a time: what stays in a processor's cache
MAX_SCALE = 2.0


def render(values: Tensor | np.ndarray, size: int = 64) -> Tensor:
    """Pictures of factor values; any real hue, scale in (0, MAX_SCALE] and orientation is allowed, also off the grid.

    The same values give the same bytes, alone or in any batch, on every machine with IEEE arithmetic.

    Args:
        values: (N, 6): floor, wall and object hue in turns (0 and 1 are red), scale (published: 0.75 to 1.25),
            shape 0 cube, 1 cylinder, 2 sphere, 3 capsule, orientation of the room in degrees (published: -30 to 30).
        size: 32, 64 or 128 pixels per side.

    Returns: uint8 (N, 3, size, size), RGB.
    Raises: ValueError for a wrong shape, size, scale, or a number that is not finite.
    """
    values = torch.as_tensor(values, dtype=torch.float64)
    _check(values, size)
    out = torch.empty(len(values), 3, size, size, dtype=torch.uint8)
    for start in range(0, len(values), CHUNK):
        part = values[start : start + CHUNK]
        scenes, place = torch.unique(part[:, 3:], dim=0, return_inverse=True)
        weights = weights_of(scenes, size)
        colour(weights[place], palette(part[:, :3]), out[start : start + CHUNK])
    return out


def render_indices(factors: Tensor | np.ndarray, size: int = 64) -> Tensor:
    """Return pictures of factor indices (N, 6) on the grid of the data set; see `render`."""
    return render(values_of(torch.as_tensor(factors)), size)


def weights_of(scenes: Tensor, size: int) -> Tensor:
    """Return weights of the five layers, float32 (G, 5, size, size), of scenes (G, 3): scale, shape, orientation."""
    out = torch.empty(len(scenes), scene.LAYERS, size, size)
    for shape in range(len(SHAPES)):
        rows = torch.nonzero(scenes[:, 1] == shape)[:, 0]
        for some in rows.split(SCENES):
            if len(some):
                out[some] = scene.layers(shape, scenes[some, 0].float(), scenes[some, 2].float(), size)
    return out


def palette(hues: Tensor) -> Tensor:
    """Return colours of the five layers, float32 (N, 5, 3): pure hues (HSV with S = V = 1), the sky, white."""
    phase = (torch.tensor([5.0, 3.0, 1.0], dtype=torch.float64) + 6 * hues[..., None]).remainder(6)
    pure = 1 - torch.minimum(phase, 4 - phase).clamp(0, 1)
    fixed = torch.tensor([SKY, (1.0, 1.0, 1.0)], dtype=torch.float64).expand(len(hues), 2, 3)
    return torch.cat([pure, fixed], dim=1).float()


def colour(weights: Tensor, colours: Tensor, out: Tensor) -> None:
    """Write sum_k weights[:, k] colours[:, k] as bytes: weights (N or 1, 5, S, S), colours (N, 5, 3), out (N, 3, S, S).

    Written as additions in a fixed order, not as a matrix product, whose rounding depends on the batch.
    """
    colours = (colours * 255)[..., None, None]
    total = weights[:, 0, None] * colours[:, 0]
    for layer in range(1, scene.LAYERS):
        total += weights[:, layer, None] * colours[:, layer]
    out.copy_(total.clamp_(0, 255).add_(0.5))  # the conversion to bytes cuts the fraction off


def _check(values: Tensor, size: int) -> None:
    if values.ndim != 2 or values.shape[1] != len(FACTORS):
        raise ValueError(f"factor values are (N, {len(FACTORS)}), not {tuple(values.shape)}")
    if size not in SIZES:
        raise ValueError(f"size is one of {SIZES}, not {size}")
    if not bool(values.isfinite().all()):
        raise ValueError("factor values are finite numbers")
    if len(values) and not 0 < float(values[:, 3].min()) <= float(values[:, 3].max()) <= MAX_SCALE:
        raise ValueError(f"scale is in (0, {MAX_SCALE}]")
    if not bool(torch.isin(values[:, 4], torch.arange(4.0, dtype=torch.float64)).all()):
        raise ValueError("shape is 0, 1, 2 or 3")
