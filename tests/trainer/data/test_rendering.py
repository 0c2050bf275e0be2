"""3D Shapes: the order of the grid, and what the renderer's pictures may and may not depend on."""

from __future__ import annotations

import colorsys
import itertools

import numpy as np
import pytest
import torch

from trainer.data.rendering import (
    COUNT,
    FACTORS,
    GRID,
    SHAPES,
    SIZES,
    factors_of,
    index_of,
    render,
    render_indices,
    values_of,
)
from trainer.data.rendering.drawing import SKY

FLOOR, WALL, OBJECT, SCALE, SHAPE, ORIENTATION = range(6)
BASE = torch.tensor([0.1, 0.5, 0.8, 1.0, 0.0, 10.0], dtype=torch.float64)


def picture(size: int = 64, **changes: float) -> np.ndarray:
    """One picture of BASE with some factors changed, int (3, size, size)."""
    values = BASE.clone()
    for name, value in changes.items():
        values[FACTORS.index(name.replace("_", " "))] = value
    return render(values[None], size)[0].numpy().astype(int)


def differs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first != second).any(0)


def is_hue(pixels: np.ndarray, hue: float) -> np.ndarray:
    """Where a picture (3, H, W) shows the pure colour of a hue, brighter or darker but unmixed."""
    pure = np.array(colorsys.hsv_to_rgb(hue, 1, 1))[:, None, None]
    value = pixels.max(0)
    return (np.abs(pixels - pure * value) <= 2).all(0) & (value > 20)


def some_values(n: int, seed: int = 0) -> torch.Tensor:
    """Values off the grid."""
    generator = torch.Generator().manual_seed(seed)
    values = values_of(factors_of(torch.randint(COUNT, (n,), generator=generator)))
    values[:, :3] += 0.1 * torch.rand(n, 3, generator=generator)
    values[:, SCALE] = 0.75 + 0.5 * torch.rand(n, generator=generator)
    values[:, ORIENTATION] = 60 * torch.rand(n, generator=generator) - 30
    return values


# --- the grid ---------------------------------------------------------------------------------------------------


def test_the_places_are_the_published_ones():
    """As in the data set's own example code: the row-major index with the factors' sizes, orientation fastest."""
    sizes = (10, 10, 10, 8, 4, 15)
    chosen = np.random.default_rng(0).integers(0, sizes, (200, 6))
    assert sizes == SIZES
    assert COUNT == 480_000
    assert index_of(torch.from_numpy(chosen)).tolist() == np.ravel_multi_index(tuple(chosen.T), sizes).tolist()
    assert factors_of(torch.tensor([1])).tolist() == [[0, 0, 0, 0, 0, 1]]


def test_places_and_factors_are_each_others_inverse():
    places = torch.arange(COUNT)
    assert torch.equal(index_of(factors_of(places)), places)


def test_the_values_are_the_published_ones():
    assert GRID[FLOOR].tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert (GRID[SCALE][0], GRID[SCALE][-1], GRID[ORIENTATION][0], GRID[ORIENTATION][-1]) == (0.75, 1.25, -30, 30)
    assert [len(values) for values in GRID] == list(SIZES)
    assert GRID[ORIENTATION][7] == 0
    assert SHAPES == ("cube", "cylinder", "sphere", "capsule")


@pytest.mark.parametrize("wrong", [[[0, 0, 0, 0, 4, 0]], [[-1, 0, 0, 0, 0, 0]], [[0, 0, 0]]])
def test_places_outside_the_grid_are_refused(wrong):
    with pytest.raises(ValueError, match="factor indices"):
        index_of(torch.tensor(wrong))


def test_a_place_outside_the_file_is_refused():
    with pytest.raises(ValueError, match="places run"):
        factors_of(torch.tensor([COUNT]))


# --- determinism ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 64])
def test_a_picture_does_not_depend_on_its_batch(size):
    values = some_values(70)
    whole = render(values, size)
    assert whole.shape == (70, 3, size, size)
    assert whole.dtype == torch.uint8
    alone = torch.cat([render(row[None], size) for row in values])
    assert torch.equal(whole, alone)
    assert torch.equal(render(values.flip(0), size).flip(0), whole)
    assert torch.equal(render(values, size), whole)


def test_a_picture_does_not_depend_on_the_number_of_threads():
    values, before = some_values(12), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = render(values)
        torch.set_num_threads(2)
        assert torch.equal(render(values), one)
    finally:
        torch.set_num_threads(before)


def test_indices_and_their_values_give_the_same_pictures():
    factors = factors_of(torch.linspace(0, COUNT - 1, 40, dtype=torch.float64).long())
    by_hand = torch.tensor(
        [[float(GRID[f][i]) for f, i in enumerate(row)] for row in factors.tolist()], dtype=torch.float64
    )
    assert torch.equal(render_indices(factors), render(by_hand))


def test_a_small_picture_is_the_large_one_halved():
    values = some_values(20)
    large = render(values, 64).float()
    halved = torch.nn.functional.avg_pool2d(large, 2)
    # The bytes of the large one are rounded, so the means of four may be off by half a byte, and then rounded again;
    # bytes that were cut at 255 can be off by more, in few pixels at edges.
    off = (render(values, 32).float() - halved).abs()
    assert (off <= 1).float().mean() > 0.98
    assert off.mean() < 0.5


def test_no_two_combinations_look_the_same():
    """Every factor shows: neighbours on the grid differ visibly, one by one."""
    for factor, size in enumerate(SIZES):
        factors = torch.tensor([[1, 5, 8, 4, 0, 9]]).repeat(size, 1)
        factors[:, factor] = torch.arange(size)
        pictures = render_indices(factors).int()
        for a, b in itertools.pairwise(pictures):
            assert ((a - b).abs().amax(0) > 20).sum() >= 10, FACTORS[factor]


# --- what may change what ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", range(4))
def test_a_hue_changes_its_own_surface_only(shape):
    before = picture(shape=shape)
    owner = {"floor hue": BASE[FLOOR], "wall hue": BASE[WALL], "object hue": BASE[OBJECT]}
    for name in owner:
        changed = differs(before, picture(shape=shape, **{name.replace(" ", "_"): 0.3}))
        assert (changed & is_hue(before, float(owner[name]))).sum() > 100
        for other in owner.keys() - {name}:
            inside = is_hue(before, float(owner[other]))
            assert inside.sum() > 100
            assert not (changed & inside).any(), (name, other)
        sky = (np.abs(before - np.array(SKY)[:, None, None] * 255) <= 1).all(0)
        assert sky.sum() > 500
        assert not (changed & sky).any()


def test_hues_are_those_of_hsv():
    """The brightest wall pixel of each hue has that hue."""
    for hue in np.arange(10) / 10:
        red, green, blue = picture(wall_hue=hue, floor_hue=(hue + 0.5) % 1, object_hue=(hue + 0.5) % 1)[:, 24, 6] / 255
        found = colorsys.rgb_to_hsv(red, green, blue)
        assert found[1] == pytest.approx(1, abs=0.01)
        assert min(abs(found[0] - hue), 1 - abs(found[0] - hue)) < 0.015


def test_one_whole_turn_of_hue_is_the_same_colour():
    assert np.array_equal(picture(floor_hue=0.25, wall_hue=1.5), picture(floor_hue=1.25, wall_hue=0.5))


@pytest.mark.parametrize("shape", range(4))
def test_a_larger_scale_is_a_larger_object(shape):
    areas = [is_hue(picture(shape=shape, scale=s, object_hue=0.35), 0.35).sum() for s in GRID[SCALE]]
    assert all(b > a for a, b in itertools.pairwise(areas))
    assert areas[-1] / areas[0] == pytest.approx((1.25 / 0.75) ** 2, rel=0.35)


@pytest.mark.parametrize("shape", [1, 2, 3])
def test_a_round_object_does_not_turn(shape):
    """Orientation turns the room; what is round about the vertical, and its shadow on the floor, stay."""
    first, second = (picture(shape=shape, orientation=o) for o in (-25, 20))
    inside = is_hue(first, float(BASE[OBJECT]))
    assert inside.sum() > 100
    assert not (differs(first, second) & inside).any()
    assert differs(first, second).sum() > 100


def test_a_cube_turns_with_the_room():
    first, second = (is_hue(picture(orientation=o), float(BASE[OBJECT])) for o in (0, 30))
    assert second.any(0).sum() > first.any(0).sum() + 3  # cornerwise it is wider


def test_the_corner_of_the_room_passes_from_right_to_left():
    """At -30 degrees the darker side wall is on the right, at +30 on the left, at 0 it cannot be seen."""
    rows = {o: picture(orientation=o, shape=2, scale=0.75)[:, 24].max(0) for o in (-30, 0, 30)}
    assert rows[-30][-3:].max() < 0.8 * rows[-30][:20].min()
    assert rows[30][:3].max() < 0.9 * rows[30][-20:].min()
    assert rows[0].min() > 0.85 * rows[0].max()


@pytest.mark.parametrize("shape", range(4))
def test_the_object_casts_a_shadow_on_the_floor(shape):
    """Right of the object's foot the floor is much darker than left of it."""
    image = picture(shape=shape, scale=1.25, orientation=0)
    floor = is_hue(image, float(BASE[FLOOR]))
    dark = floor & (image.max(0) < 110) & (np.arange(64)[:, None] > 46)
    assert dark.sum() > 15
    columns = np.nonzero(dark)[1]
    assert columns.mean() > 32


@pytest.mark.parametrize("orientation", np.linspace(-180, 180, 25).tolist())
def test_any_orientation_has_walls_floor_and_sky(orientation):
    image = picture(orientation=orientation, object_hue=0.35)
    assert is_hue(image, float(BASE[WALL])).sum() > 300
    assert is_hue(image, float(BASE[FLOOR])).sum() > 300


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "size", "message"),
    [
        ([[0, 0, 0, 1, 0]], 64, "factor values"),
        ([[0, 0, 0, 1, 0, 0]], 48, "size"),
        ([[0, 0, 0, 0, 0, 0]], 64, "scale"),
        ([[0, 0, 0, 1, 0.5, 0]], 64, "shape"),
        ([[0, float("nan"), 0, 1, 0, 0]], 64, "finite"),
    ],
)
def test_senseless_values_are_refused(values, size, message):
    with pytest.raises(ValueError, match=message):
        render(torch.tensor(values), size)


def test_no_pictures_of_no_values():
    assert render(torch.zeros(0, 6)).shape == (0, 3, 64, 64)
