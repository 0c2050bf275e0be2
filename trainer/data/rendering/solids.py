"""Where rays meet the four objects: analytic intersections, for many rays and many objects at once.

Rays are o + t d; o and d are tuples of three components (x to the right, y up, z towards the camera), numbers or
tensors that broadcast to (G, H, W): a raster of H x W rays for each of G objects. Keeping a component that is the same
along a row or column at length 1 there is what makes this fast. The object stands on the floor y = 0 around the
vertical axis through the origin. A result is (t, normal): the nearest t > 0, infinity where the ray passes by, and the
outward normal there. Only + - * / sqrt, min, max and comparisons are used: these round the same for one ray as for a
million, so a picture does not depend on what else is in its batch.
"""

import torch
from torch import Tensor

Number = Tensor | float
Vector = tuple[Number, Number, Number]
Hit = tuple[Tensor, Vector]

NEAR = 1e-4  # so that a point on a surface is not in its own shadow
CUBE_HALF = 0.3985
CYLINDER_RADIUS, CYLINDER_HEIGHT = 0.419, 0.8872
SPHERE_RADIUS = 0.4879
CAPSULE_RADIUS, CAPSULE_HEIGHT = 0.368, 1.5

EXTENT = (
    (CUBE_HALF * 2**0.5, 2 * CUBE_HALF),
    (CYLINDER_RADIUS, CYLINDER_HEIGHT),
    (SPHERE_RADIUS, 2 * SPHERE_RADIUS),
    (CAPSULE_RADIUS, CAPSULE_HEIGHT),
)
"""(radius around the axis, height) of each shape at scale 1: what bounds it."""


def dot(a: Vector, b: Vector) -> Number:
    """Return the scalar product of vectors given by their components."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def turned(a: Vector, cosine: Number, sine: Number) -> Vector:
    """Return a vector of the camera's frame in the room's frame, turned by the angle about the vertical."""
    return cosine * a[0] + sine * a[2], a[1], cosine * a[2] - sine * a[0]


def intersect(shape: int, o: Vector, d: Vector, scale: Tensor, cosine: Tensor, sine: Tensor) -> Hit:
    """Return where rays meet the object `shape` (0 cube, 1 cylinder, 2 sphere, 3 capsule); scale, cosine, sine are (G,
    1, 1).
    """
    if shape == 0:
        return cube(o, d, CUBE_HALF * scale, cosine, sine)
    if shape == 1:
        radius, height = CYLINDER_RADIUS * scale, CYLINDER_HEIGHT * scale
        return _nearest(tube(o, d, radius, 0.0, height), disc(o, d, radius, height))
    if shape == 2:
        return sphere(o, d, SPHERE_RADIUS * scale, SPHERE_RADIUS * scale)
    return capsule(o, d, CAPSULE_RADIUS * scale, (CAPSULE_HEIGHT - CAPSULE_RADIUS) * scale)


def cube(o: Vector, d: Vector, half: Tensor, cosine: Tensor, sine: Tensor) -> Hit:
    """Return a cube of half side `half`, turned with the room: the slab method in the cube's own frame."""
    origin, inverse = turned(o, cosine, sine), tuple(1 / a for a in turned(d, cosine, sine))
    origin = (origin[0], origin[1] - half, origin[2])
    middle = tuple(-a * b for a, b in zip(origin, inverse, strict=True))
    reach = tuple(half * abs(a) for a in inverse)
    entry = tuple(a - b for a, b in zip(middle, reach, strict=True))
    leave = torch.minimum(torch.minimum(middle[0] + reach[0], middle[2] + reach[2]), middle[1] + reach[1])
    t = torch.maximum(torch.maximum(entry[0], entry[2]), entry[1])
    # The face that is entered last is the one that is hit; its normal points against the ray.
    faces = [torch.where(t == entry[axis], torch.where(inverse[axis] > 0, -1.0, 1.0), 0.0) for axis in range(3)]
    return _valid(t, t < leave), turned(faces, cosine, -sine)


def sphere(o: Vector, d: Vector, radius: Tensor, height: Tensor) -> Hit:
    """Return a sphere with its centre at `height` on the axis."""
    o = (o[0], o[1] - height, o[2])
    square, half = dot(d, d), dot(o, d)
    root = half * half - square * (dot(o, o) - radius * radius)
    t = (-half - root.clamp_min(0).sqrt()) / square
    inverse = 1 / radius
    return _valid(t, root > 0), tuple((a + t * b) * inverse for a, b in zip(o, d, strict=True))


def tube(o: Vector, d: Vector, radius: Tensor, low: Number, high: Tensor) -> Hit:
    """Return the side of an upright cylinder between the heights `low` and `high`."""
    t, root, normal = _endless_tube(o, d, radius)
    y = o[1] + t * d[1]
    return _valid(t, (root > 0) & (y >= low) & (y <= high)), normal


def _endless_tube(o: Vector, d: Vector, radius: Tensor) -> tuple[Tensor, Tensor, Vector]:
    """Where a ray's line enters an upright cylinder without ends: t, positive or not, what is positive if it does."""
    square = d[0] * d[0] + d[2] * d[2]
    half = o[0] * d[0] + o[2] * d[2]
    root = half * half - square * (o[0] * o[0] + o[2] * o[2] - radius * radius)
    t = (-half - root.clamp_min(0).sqrt()) / square
    inverse = 1 / radius
    return t, root, ((o[0] + t * d[0]) * inverse, 0.0, (o[2] + t * d[2]) * inverse)


def capsule(o: Vector, d: Vector, radius: Tensor, high: Tensor) -> Hit:
    """Return a tube between the heights `radius` and `high` with a half sphere at either end.

    A ray that enters the endless tube above `high` can only hit the upper sphere first, and below the lower one.
    """
    t, root, normal = _endless_tube(o, d, radius)
    y = o[1] + t * d[1]
    end, end_normal = sphere(o, d, radius, torch.where(y > high, high, radius))
    on_side = (y >= radius) & (y <= high)
    normal = tuple(torch.where(on_side, a, b) for a, b in zip(normal, end_normal, strict=True))
    return torch.where(on_side, _valid(t, root > 0), end), normal


def disc(o: Vector, d: Vector, radius: Tensor, height: Tensor) -> Hit:
    """Return a horizontal disc seen from above (or, by a ray of light, from below: then only t has a meaning)."""
    t = (height - o[1]) / d[1]
    x, z = o[0] + t * d[0], o[2] + t * d[2]
    return _valid(t, x * x + z * z <= radius * radius), (0.0, 1.0, 0.0)


def _valid(t: Tensor, hit: Tensor) -> Tensor:
    return torch.where(hit & (t > NEAR), t, torch.inf)


def _nearest(first: Hit, second: Hit) -> Hit:
    """The nearer of two hits, ray by ray."""
    (t, normal), (other, other_normal) = first, second
    closer = other < t
    mixed = tuple(torch.where(closer, b, a) for a, b in zip(normal, other_normal, strict=True))
    return torch.where(closer, other, t), mixed
