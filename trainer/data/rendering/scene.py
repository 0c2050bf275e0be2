"""The room, the camera and the lights of 3D Shapes, and one analytic ray through every sample.

Light is linear in colour, so a picture is a weighted sum of the three colours of floor, walls and object, the colour
of the sky, and white for the highlight. The five weights of every pixel depend only on shape, scale and orientation:
`layers` computes them by ray casting, `trainer.data.rendering.drawing` colours them.

Coordinates are the camera's: x to the right, y up from the floor, z towards the viewer, the object around the
origin. Room and object turn about the vertical axis, camera and lights stay: that is how the shadows of the original
pictures fall. The camera looks horizontally, through a window that lies a little off its axis, so that whatever is
vertical stays vertical and is the same for a whole column. All numbers below were fitted to published example
pictures of the data set, by least squares over their pixels; one unit is about the width of an object.
"""

import functools
import math

import torch
from torch import Tensor

from trainer.data.rendering.solids import EXTENT, Number, Vector, dot, intersect, turned

SAMPLES = 128
"""Rays per side whatever the picture's size: 2x2 per pixel at 64, so that a picture of 32 is the one of 64 halved."""
LAYERS = 5  # floor, walls, object, sky, highlight

EYE_HEIGHT, EYE_DISTANCE, FOCAL, HORIZON = 0.9237, 3.094, 2.347, 0.05178  # half the picture's side is 1
ROOM_HALF, WALL_HEIGHT = 3.665, 2.115
LAMP = (-0.1408, 0.9823, -0.1234)  # direction towards it, of length 1

FLOOR_DARK, FLOOR_POOL = 0.4014, 1.076  # far from the pool of light; the pool at its brightest
FLOOR_SHADOW = 0.34
POOL_X, POOL_Z, POOL_WIDTH, POOL_DEPTH = -1.346, 1.146, 2.175, 3.862
WALL_AMBIENT, WALL_FILL, WALL_POOL, WALL_FILL_AZIMUTH, WALL_MOST = 0.2798, 0.604, 0.3883, 0.03695, 1.264
OBJECT_AMBIENT, OBJECT_FILL, OBJECT_LAMP, OBJECT_MOST = 0.4887, 0.5377, 1.183, 0.934
OBJECT_FILL_AZIMUTH, OBJECT_FILL_ELEVATION, HIGHLIGHT = -0.2007, 0.3773, 0.1493


def layers(shape: int, scale: Tensor, orientation: Tensor, size: int) -> Tensor:
    """How much of each pixel is floor, wall, object and sky, times how brightly it is lit, and its highlight.

    Args:
        shape: 0 cube, 1 cylinder, 2 sphere, 3 capsule.
        scale: float32 (G,), about 0.75 to 1.25.
        orientation: float32 (G,), degrees, positive turns the room's left side towards the viewer.
        size: pixels per side, SAMPLES or a half, a quarter ... of it.

    Returns: float32 (G, LAYERS, size, size), each about 0 to 1.3.
    """
    # math, not torch: its sine and cosine do not depend on where in the batch a number stands.
    angles = [math.radians(degrees) for degrees in orientation.tolist()]
    cosine, sine = (torch.tensor([f(a) for a in angles])[:, None, None] for f in (math.cos, math.sin))
    out = torch.empty(len(scale), LAYERS, SAMPLES, SAMPLES)
    _place_room(out, cosine, sine)
    top = float(scale.max())
    _cast_shadow(out, shape, top, scale[:, None, None], cosine, sine)
    _place_object(out, shape, top, scale[:, None, None], cosine, sine)
    return _pool(out, size)


@functools.cache
def _rays() -> Vector:
    """Directions from the camera through all samples, not of length 1: x (1, 1, W), y (1, H, 1), z a number."""
    steps = (torch.arange(SAMPLES, dtype=torch.float64) + 0.5) / SAMPLES * 2 - 1
    return steps.float()[None, None, :], (-steps - HORIZON).float()[None, :, None], -FOCAL


@functools.cache
def _floor() -> tuple[Vector, Tensor]:
    """Where each ray meets the floor (above the horizon: far away), and how the floor is lit there (1, H, W)."""
    x, y, z = _rays()
    t = -EYE_HEIGHT / y.clamp_max(-1e-3)
    point = (t * x, 0.0, EYE_DISTANCE + t * z)
    return point, FLOOR_DARK + FLOOR_POOL * _light_pool(point)


def _light_pool(point: Vector) -> Tensor:
    """The lamp's light fades away from its middle, 1 / (1 + q)."""
    across, along = (point[0] - POOL_X) / POOL_WIDTH, (point[2] - POOL_Z) / POOL_DEPTH
    return 1 / (1 + across * across + along * along)


def _place_room(out: Tensor, cosine: Tensor, sine: Tensor) -> None:
    """Fill the layers with lit floor, lit walls and sky, without the object.

    In a convex room the wall that a ray hits is the one with the largest 1/t = (outward normal . d) / distance. The
    camera looks horizontally, so all about the walls but their height is the same for a whole column.
    """
    x, y, z = _rays()
    eye = turned((0.0, EYE_HEIGHT, EYE_DISTANCE), cosine, sine)
    fill = turned((math.sin(WALL_FILL_AZIMUTH), 0.0, math.cos(WALL_FILL_AZIMUTH)), cosine, sine)
    ray = turned((x, y, z), cosine, sine)
    (first, lit), (second, other) = (_wall(ray[axis], eye[axis], fill[axis]) for axis in (0, 2))
    inverse, lit = torch.maximum(first, second), torch.where(first > second, lit, other)
    t = 1 / inverse
    lit = (lit + WALL_POOL * _light_pool((t * x, 0.0, EYE_DISTANCE + t * z))).clamp_max(WALL_MOST)
    is_floor, is_sky = y < -EYE_HEIGHT * inverse, y >= (WALL_HEIGHT - EYE_HEIGHT) * inverse
    out[:, 0] = torch.where(is_floor, _floor()[1], 0.0)
    out[:, 1] = torch.where(is_floor | is_sky, 0.0, lit)
    out[:, 2], out[:, 3], out[:, 4] = 0.0, is_sky, 0.0


def _wall(ray: Tensor, eye: Tensor, fill: Tensor) -> tuple[Tensor, Tensor]:
    """1/t and brightness of the two walls across one axis of the room, by that component of ray, eye and fill light."""
    positive = ray > 0
    inverse = ray.abs() * torch.where(positive, 1 / (ROOM_HALF - eye), 1 / (ROOM_HALF + eye))
    facing = torch.where(positive, -fill, fill)  # the inward normal . the direction towards the light
    return inverse, WALL_AMBIENT + WALL_FILL * facing.clamp_min(0)


def _cast_shadow(out: Tensor, shape: int, top: float, scale: Tensor, cosine: Tensor, sine: Tensor) -> None:
    """Darken the floor where the object stands between it and the lamp."""
    rows, columns = _window(shape, top, on_floor=True)
    (x, y, z), _ = _floor()
    towards = tuple(torch.tensor(a) for a in LAMP)
    t, _ = intersect(shape, (x[:, rows, columns], y, z[:, rows]), towards, scale, cosine, sine)
    window = out[:, 0, rows, columns]
    window.masked_fill_((t < torch.inf) & (window > 0), FLOOR_SHADOW)


def _place_object(out: Tensor, shape: int, top: float, scale: Tensor, cosine: Tensor, sine: Tensor) -> None:
    """Put the lit object and its highlight over the room."""
    rows, columns = _window(shape, top, on_floor=False)
    x, y, z = _rays()
    ray = (x[..., columns], y[:, rows], torch.tensor(z))
    t, normal = intersect(shape, (0.0, EYE_HEIGHT, EYE_DISTANCE), ray, scale, cosine, sine)
    hit = t < torch.inf
    towards = dot(normal, LAMP)
    lit = OBJECT_AMBIENT + OBJECT_FILL * dot(normal, _FILL).clamp_min(0) + OBJECT_LAMP * towards.clamp_min(0)
    shine = HIGHLIGHT * dot(normal, _HALFWAY).clamp_min(0)
    window = out[:, :, rows, columns]
    window.masked_fill_(hit[:, None], 0.0)
    window[:, 2] = torch.where(hit, lit.clamp_max(OBJECT_MOST), 0.0)
    window[:, 4] = torch.where(hit & (towards > 0), shine, 0.0)


def _direction(azimuth: float, elevation: float) -> Vector:
    level = math.cos(elevation)
    return math.sin(azimuth) * level, math.sin(elevation), math.cos(azimuth) * level


def _halfway() -> Vector:
    """Between the directions to the lamp and to the eye, from the middle of an object."""
    to_eye = (0.0, EYE_HEIGHT - 0.5, EYE_DISTANCE)
    length = math.sqrt(dot(to_eye, to_eye))
    between = tuple(a + b / length for a, b in zip(LAMP, to_eye, strict=True))
    length = math.sqrt(dot(between, between))
    return tuple(a / length for a in between)


_FILL = _direction(OBJECT_FILL_AZIMUTH, OBJECT_FILL_ELEVATION)
_HALFWAY = _halfway()


def _window(shape: int, scale: float, on_floor: bool) -> tuple[slice, slice]:
    """Rows and columns that the object (or its shadow) may touch: the picture of its bounding box, a sample wider."""
    radius, height = (scale * a for a in EXTENT[shape])
    corners = [(x, y, z) for x in (-radius, radius) for y in (0.0, height) for z in (-radius, radius)]
    if on_floor:  # where the light through each corner meets the floor
        corners = [(x - y * LAMP[0] / LAMP[1], 0.0, z - y * LAMP[2] / LAMP[1]) for x, y, z in corners]
    columns, rows = zip(*(_project(corner) for corner in corners), strict=True)
    return _span(rows), _span(columns)


def _span(places: tuple[float, ...]) -> slice:
    return slice(max(0, math.floor(min(places)) - 1), min(SAMPLES, math.ceil(max(places)) + 1))


def _project(corner: tuple[Number, Number, Number]) -> tuple[float, float]:
    """(column, row) of a point, in samples."""
    depth = max(EYE_DISTANCE - corner[2], 1e-3)
    right, up = FOCAL * corner[0] / depth, FOCAL * (corner[1] - EYE_HEIGHT) / depth + HORIZON
    return (right + 1) * SAMPLES / 2, (1 - up) * SAMPLES / 2


def _pool(samples: Tensor, size: int) -> Tensor:
    """Mean over the samples of each pixel, by halving: a fixed order of additions for any batch."""
    while samples.shape[-1] > size:
        samples = samples[..., 0::2, :] + samples[..., 1::2, :]
        samples = (samples[..., 0::2] + samples[..., 1::2]) * 0.25
    return samples
