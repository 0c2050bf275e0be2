"""A user's picture made like the training pictures: polarity, lighting, contrast, place and width of its strokes.

A digit written with a pen on grey paper and photographed differs from one of MNIST in everything but its shape. Each
of VERSIONS undoes a part of that, the first nothing. A picture that has background, contrast and frame of the training
pictures stays as it is, or is only inverted, so that its score keeps its false-alarm rate. For any other the model
chooses: the first version that passes for an ordinary picture, and where none does, the one with the lowest score. Only
pictures of one channel are changed. Nothing here knows of classes, so a letter stays a letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from trainer.errors import UserError
from trainer.runs import layout, sprite
from trainer.runs.folder import Run

AS_IT_IS, INVERTED, CUT_OUT = "as it is", "inverted", "strokes cut out"
VERSIONS = (AS_IT_IS, INVERTED, CUT_OUT)
_SETTLED = -np.inf
_TRAINED = 200  # training pictures that are measured
_PAPER = 23  # pixels of DETAIL / 2: wider than a stroke, so that the brightest pixel around is paper
_SOFT = 5  # pixels over which the paper is smoothed
_COARSE, _AROUND = 4, 11  # pixels of DETAIL / 2 to one, and of those around each: most of the picture
_NARROW = 5  # pixels of DETAIL / 2: an opening of this size removes what is narrower
_WHOLE = 0.92  # share of a row that a printed line covers; a digit, even a large one, covers less
_FINER = 3
_CLEAR = 4.0  # times the noise of the paper that strokes stand out
_ALONG = 0.1  # share of the border that no stroke covers
_SMALL = 0.4  # share of the picture's side: strokes that are looked at more closely
_SPECK = 0.04  # share of the strokes below which a spot is dirt


class Like(NamedTuple):
    """How the training pictures lie in their frames; lengths in pixels of the model's input.

    light: whether their background is light.
    box: longer side of the box around the strokes, median.
    centre: row and column of the centre of mass of the strokes, median.
    stroke: width of a stroke, median.
    """

    light: bool
    box: float
    centre: tuple[float, float]
    stroke: float


class Prepared(NamedTuple):
    """What is scored: arrays, uint8 (n, C, H, W), and the version that each is of its picture, (n,)."""

    arrays: np.ndarray
    versions: tuple[str, ...]


def prepare(
    judge: Callable[[np.ndarray], np.ndarray],
    arrays: np.ndarray,
    details: np.ndarray | None,
    wanted: Like | None,
) -> Prepared:
    """Return each picture in the version that the model takes for most ordinary.

    Args:
        judge: returns the score of pictures, uint8 (m, C, H, W), above the threshold, (m,): above 0 is an outlier.
        arrays: uint8 (n, C, H, W), the model's input without any change.
        details: the same pictures, uint8 (n, 1, DETAIL, DETAIL); None for colour.
        wanted: how training pictures lie in their frames; without it no strokes are cut out.
    """
    made, names = arrays.copy(), [AS_IT_IS] * len(arrays)
    if details is None or arrays.shape[1] != 1:
        return Prepared(made, tuple(names))
    best = judge(arrays)
    best[[_is_alike(array, wanted) for array in arrays]] = _SETTLED
    for name in VERSIONS[1:]:
        tried = {row: _version(name, arrays[row], details[row], wanted) for row in np.flatnonzero(best > 0)}
        tried = {row: version for row, version in tried.items() if version is not None}
        scores = judge(np.stack([*tried.values()])) if tried else []
        for (row, version), score in zip(tried.items(), scores, strict=True):
            is_alike = _is_alike(version, wanted)
            if (is_alike and name == INVERTED) or score < best[row]:
                made[row], names[row], best[row] = version, name, _SETTLED if is_alike else score
    return Prepared(made, tuple(names))


def changed(
    found: Prepared, arrays: np.ndarray, details: np.ndarray | None, wanted: Like | None, chosen: Mapping[int, str]
) -> Prepared:
    """Return the pictures with these versions, by row, in place of the model's choice; otherwise as `prepare`."""
    made, names = found.arrays.copy(), list(found.versions)
    for row, name in chosen.items():
        version = None if details is None else _version(name, arrays[row], details[row], wanted)
        made[row], names[row] = (arrays[row], AS_IT_IS) if version is None else (version, name)
    return Prepared(made, tuple(names))


def _is_alike(array: np.ndarray, wanted: Like | None) -> bool:
    """Return whether a picture, uint8 (1, H, W), has background, contrast and frame of the training pictures."""
    if wanted is None:
        return False
    ink = array[0].astype(np.float32) / 255
    ink = 1 - ink if wanted.light else ink
    measured = _measured(ink) if _border(ink) < 0.1 and ink.max() > 0.75 else None
    if measured is None:
        return False
    box, row, column, stroke = measured
    apart = max(abs(row - wanted.centre[0]), abs(column - wanted.centre[1])) / len(ink)
    return 0.75 < box / wanted.box < 1.33 and 0.5 < stroke / wanted.stroke < 2 and apart < 0.1


def _version(name: str, array: np.ndarray, detail: np.ndarray, wanted: Like | None) -> np.ndarray | None:
    """Return a version of a picture, uint8 (1, H, W); None where nothing can be cut out."""
    if name != CUT_OUT:
        return 255 - array if name == INVERTED else array
    ink = None if wanted is None else _closer(detail[0].astype(np.float32) / 255)
    if ink is None:
        return None
    placed = np.rint(255 * placed_like(ink, wanted, array.shape[1])).astype(np.uint8)
    return (255 - placed if wanted.light else placed)[None]


def _closer(picture: np.ndarray) -> np.ndarray | None:
    """Return the strokes of a picture, (DETAIL, DETAIL), at half its size; small ones as they are, from around them."""
    half = len(picture) // 2
    ink = strokes(picture.reshape(half, 2, half, 2).mean((1, 3)))
    if ink is None or _longer(ink) > _SMALL * half:
        return ink
    rows, columns = (np.clip(int(2 * at) - half // 2, 0, half) for at in ndimage.center_of_mass(ink))
    near = strokes(picture[rows : rows + half, columns : columns + half])
    return ink if near is None else near


def of_run(run: Run) -> Like | None:
    """Return how the training pictures lie in their frames; None where they are not stored, or have colour."""
    try:
        tiles = sprite.read_sprite_tiles(run.path / layout.TRAIN_SPRITE, run.config.data.shape)
    except UserError:
        return None
    return like(tiles[:: max(1, len(tiles) // _TRAINED)])


def as_digits(size: int) -> Like:
    """Return how digits lie in frames of `size` pixels, for models whose training pictures are not stored."""
    return Like(False, 20 / 32 * size, (size / 2, size / 2), 2.5 / 32 * size)


def like(pictures: np.ndarray) -> Like | None:
    """Return what training pictures, uint8 (n, C, H, W), have in common; None where there is no stroke, or colour."""
    if not len(pictures) or pictures.shape[1] != 1:
        return None
    ink = pictures[:, 0].astype(np.float32) / 255
    light = float(np.median([_border(each) for each in ink])) > 0.5
    measured = [each for each in (_measured(1 - each if light else each) for each in ink) if each]
    if not measured:
        return None
    box, row, column, stroke = map(float, np.median(measured, axis=0))
    return Like(light, box, (row, column), stroke)


def strokes(picture: np.ndarray) -> np.ndarray | None:
    """Return how much of each pixel is a stroke on unevenly lit paper, float (H, W) in [0, 1]; None where nothing
    stands out.

    In logarithms light is added and strokes have one depth, in a shadow as beside it. The paper is the morphological
    closing, which keeps gradients and edges of shadows as they are, and a median of it, which does not blur them.
    """
    dark = np.log(np.maximum(picture, 0.02))
    dark = -dark if _is_light_on_dark(dark) else dark
    closed = ndimage.grey_closing(ndimage.gaussian_filter(dark, 0.5), _PAPER, mode="nearest")
    depth = ndimage.median_filter(ndimage.median_filter(closed, (1, _SOFT)), (_SOFT, 1)) - dark
    depth -= np.median(depth)
    depth -= _lines(depth)
    inside = depth > _otsu(depth)
    mask = _without_dirt(inside)
    if not mask.any() or mask.mean() > 0.5:
        return None
    strength, ground = float(np.median(depth[mask])), float(np.median(depth[~inside]))
    noise = 1.4826 * float(np.median(np.abs(depth[~inside] - ground)))
    if strength - ground < max(_CLEAR * noise, 0.04):
        return None
    soft = np.clip((depth - ground - 0.3 * (strength - ground)) / (0.5 * (strength - ground)), 0, 1)
    return soft * ndimage.binary_dilation(mask)


def _is_light_on_dark(values: np.ndarray) -> bool:
    """Return whether lighter strokes stand out: cubes weigh what is strong, and has little room, most.

    Two views are added: what stands out from the median around it, which wide strokes do, and what is narrow, which an
    edge of a shadow is not.
    """
    small = ndimage.uniform_filter(values, _COARSE)[::_COARSE, ::_COARSE]
    wide = _COARSE**2 * ((small - ndimage.median_filter(small, _AROUND)) ** 3).sum()
    narrow = (tophat(values, _NARROW) ** 3 for tophat in (ndimage.white_tophat, ndimage.black_tophat))
    return float(wide + np.subtract(*narrow).sum()) > 0


def _lines(depth: np.ndarray) -> np.ndarray:
    """Return how deep the lines of ruled or squared paper are: what most of a row or column has, some pixels aslant."""
    rows, columns = (
        np.quantile(ndimage.maximum_filter1d(depth, 3, axis=axis), 1 - _WHOLE, axis=1 - axis, keepdims=True)
        for axis in (0, 1)
    )
    return np.clip(np.maximum(rows - np.median(rows), columns - np.median(columns)), 0, np.maximum(depth, 0))


def placed_like(ink: np.ndarray, wanted: Like, size: int) -> np.ndarray:
    """Return the strokes with the width, at the size and place of those of training pictures, float (size, size)."""
    rows, columns = np.nonzero(ink > 0.5)
    around = ink[max(rows.min() - 4, 0) : rows.max() + 5, max(columns.min() - 4, 0) : columns.max() + 5]
    ink = np.clip(ndimage.zoom(np.pad(around, 4), _FINER, order=3), 0, 1)  # strokes one pixel wide have a width, too
    grow = (wanted.stroke * _longer(ink) / wanted.box - _stroke(ink)) / 2
    if abs(grow) > 0.5:
        ink = _widened(ink, grow)
    scale = _longer(ink) / wanted.box
    centre = np.array(ndimage.center_of_mass(ink))
    smooth = ndimage.gaussian_filter(ink, 0.35 * scale)
    offset = centre - scale * np.array(wanted.centre)
    return np.clip(ndimage.affine_transform(smooth, [scale, scale], offset, (size, size), order=1), 0, 1)


def _widened(ink: np.ndarray, grow: float) -> np.ndarray:
    """Return strokes wider (or, below zero, thinner) by `grow` pixels on either side."""
    inside = ink > 0.5
    distance = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside) + 0.5
    deepest = -float(distance.min())
    return np.clip(max(grow, 0.8 - deepest) - distance + 0.5, 0, 1)


def _stroke(ink: np.ndarray) -> float:
    """Return the width of the strokes: twice the area over the length of their outline."""
    inside = np.pad(ink > 0.5, 1)
    edge = sum(float(np.count_nonzero(np.diff(inside, axis=axis))) for axis in (0, 1)) * np.pi / 4
    return 2 * float(inside.sum()) / max(edge, 1.0)


def _measured(ink: np.ndarray) -> tuple[float, float, float, float] | None:
    """Return box, centre (row, column) and width of the strokes of a picture, light on black."""
    if not (ink > 0.5).any():
        return None
    return (_longer(ink), *ndimage.center_of_mass(ink), _stroke(ink))


def _longer(ink: np.ndarray) -> float:
    """Return the longer side of the box around the strokes."""
    rows, columns = np.nonzero(ink > 0.5)
    return float(max(np.ptp(rows), np.ptp(columns)) + 1)


def _border(picture: np.ndarray) -> float:
    """Return the mean of the two outermost rows and columns on each side."""
    sides = (side.ravel() for each in (picture, picture.T) for side in (each[:2], each[-2:]))
    return float(np.concatenate([*sides]).mean())


def _without_dirt(inside: np.ndarray) -> np.ndarray:
    """Return the strokes without specks, and without what lies along the border, such as the edge of a table."""
    labels, count = ndimage.label(inside, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    touches = np.bincount(border, minlength=count + 1)
    sizes[0], sizes[touches > _ALONG * len(border)] = 0, 0
    sizes[(touches > 0) & (sizes < 2 * sizes[touches == 0].max(initial=0))] = 0  # a dark corner
    keep = sizes >= max(_SPECK * sizes.sum(), 0.12 * sizes.max(), 1)
    return keep[labels]


def _otsu(values: np.ndarray) -> float:
    """Return the cut between two groups of values that leaves the least variance inside them (Otsu, 1979)."""
    counts, edges = np.histogram(values, 128)
    middles = (edges[1:] + edges[:-1]) / 2
    below, above = counts.cumsum(), counts[::-1].cumsum()[::-1]
    mean_below = (counts * middles).cumsum() / np.maximum(below, 1)
    mean_above = ((counts * middles)[::-1].cumsum() / np.maximum(above[::-1], 1))[::-1]
    between = below[:-1] * above[1:] * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(edges[1 + int(between.argmax())])
