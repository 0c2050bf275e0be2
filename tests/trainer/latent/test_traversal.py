from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from trainer.latent import neighbours, traversal
from trainer.models.base import LatentModel
from trainer.models.priors import NormalPrior

STRENGTHS = torch.tensor([0.02, 0.3, 0.0, 0.1, 0.005])


class Planted(LatentModel):
    """A linear decoder whose axis j changes every pixel of its own place by strengths[j] per unit."""

    def __init__(self, strengths: Tensor = STRENGTHS):
        super().__init__()
        self.z_dim, self.image_shape = len(strengths), (1, 4, 4)
        self.prior = NormalPrior(self.z_dim)
        signs = torch.tensor([1.0, -1.0]).repeat(8)  # RMS over pixels is the strength itself
        self.weight = strengths[:, None] * signs

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def decode(self, z: Tensor) -> Tensor:
        return (0.5 + z @ self.weight).unflatten(1, self.image_shape)


@pytest.fixture(scope="module")
def codes() -> Tensor:
    return torch.randn(1500, len(STRENGTHS), generator=torch.Generator().manual_seed(3)) * torch.linspace(0.5, 2, 5)


@pytest.fixture(scope="module")
def table(codes: Tensor) -> traversal.AxisTable:
    return traversal.describe_axes(Planted(), codes)


# ---------------------------------------------------------------- effects


def test_effect_of_a_linear_decoder_is_its_slope_times_the_quantile_range(codes):
    q05, q95 = torch.quantile(codes, torch.tensor([0.05, 0.95]), dim=0)
    torch.testing.assert_close(traversal.axis_effects(Planted(), codes), STRENGTHS * (q95 - q05), rtol=1e-4, atol=1e-6)


def test_axes_are_ranked_and_the_dead_ones_found(table):
    assert table.order.tolist() == [1, 3, 0, 4, 2]
    assert table.live.tolist() == [True, True, False, True, True]  # z4: 4 % of z1's effect


def test_an_axis_is_dead_below_either_bound():
    strong = torch.tensor([0.5, 0.5 * 0.021, 0.5 * 0.019])
    assert traversal.live_axes(strong).tolist() == [True, True, False]
    assert traversal.live_axes(torch.tensor([0.0021, 0.0019])).tolist() == [True, False]  # half of 1/255 is 0.00196
    assert not traversal.live_axes(torch.zeros(3)).any()


def test_the_effect_needs_few_codes_and_survives_one(codes):
    assert traversal.axis_effects(Planted(), codes[:1]).tolist() == [0] * 5
    assert traversal.default_bases(16) == 32
    assert traversal.default_bases(64) == 8
    assert traversal.default_bases(512) == 4


def test_spread_rows_reach_both_ends():
    assert traversal.spread_rows(100, 4).tolist() == [0, 33, 66, 99]
    assert traversal.spread_rows(3, 10).tolist() == [0, 1, 2]


# ---------------------------------------------------------------- ranges and densities


def test_ranges_hold_nearly_all_codes_and_are_never_empty(codes):
    low, high = traversal.axis_ranges(codes)
    inside = ((codes > low) & (codes < high)).float().mean(0)
    assert (inside > 0.99).all()
    low, high = traversal.axis_ranges(torch.full((50, 2), 3.0))
    assert low.tolist() == [2.0, 2.0]
    assert high.tolist() == [4.0, 4.0]


def test_density_matches_the_normal_it_was_drawn_from():
    sample = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0))
    low, high = torch.tensor([-3.0]), torch.tensor([3.0])
    grid = torch.linspace(-3, 3, traversal.GRID_POINTS)
    exact = torch.exp(-0.5 * grid**2) / math.sqrt(2 * math.pi)
    assert (traversal.densities(sample, low, high)[0] - exact).abs().max() < 0.02


def test_density_of_equal_codes_is_finite():
    density = traversal.densities(torch.zeros(10, 1), torch.tensor([-1.0]), torch.tensor([1.0]))
    assert torch.isfinite(density).all()
    assert traversal.densities(torch.zeros(1, 1), torch.tensor([-1.0]), torch.tensor([1.0])).isfinite().all()


def test_density_at_is_high_in_the_middle_and_zero_beyond(table):
    middle = traversal.density_at(table, table.quantiles[:, 1])
    assert (middle > 0.5).all()
    assert traversal.density_at(table, table.high + 0.01).tolist() == [0] * 5
    assert traversal.density_at(table, table.low - 0.01).tolist() == [0] * 5
    assert (traversal.density_at(table, table.low) < 0.05).all()
    torch.testing.assert_close(table.density.max(1).values, torch.ones(5))


def test_a_gap_between_two_clusters_is_outside():
    generator = torch.Generator().manual_seed(0)
    clusters = torch.cat([torch.randn(500, 1, generator=generator) * 0.2 + centre for centre in (-3.0, 3.0)])
    table = traversal.describe_axes(Planted(torch.tensor([0.3])), clusters)
    assert traversal.density_at(table, torch.tensor([3.0])) > 0.5
    assert traversal.density_at(table, torch.tensor([1.2])) < traversal.OUTSIDE_SHARE


# ---------------------------------------------------------------- sheets, sweeps and pads


def test_the_centre_column_of_a_sheet_is_the_code_itself(table):
    z = torch.tensor([0.3, -1.1, 0.0, 2.2, 0.7])
    sheet = traversal.sheet_codes(z, [3, 1], table.low, table.high, 9)
    assert sheet.shape == (2, 9, 5)
    assert torch.equal(sheet[:, 4], z.repeat(2, 1))
    pictures = traversal.decode(Planted(), sheet.flatten(0, 1)).unflatten(0, (2, 9))
    base = Planted().decode(z[None])[0]
    torch.testing.assert_close(pictures[0, 4], base)
    torch.testing.assert_close(pictures[1, 4], base)


def test_a_sheet_row_moves_only_its_axis_from_end_to_end(table):
    z = torch.zeros(5)
    row = traversal.sheet_codes(z, [3], table.low, table.high, 7)[0]
    assert row[0, 3] == table.low[3]
    assert row[-1, 3] == table.high[3]
    assert (row[1:, 3] > row[:-1, 3]).all()
    row[:, 3] = 0
    assert torch.equal(row, torch.zeros(7, 5))


def test_a_sheet_reaches_out_to_a_code_beyond_the_range(table):
    z = torch.zeros(5)
    z[0] = table.high[0] + 5
    row = traversal.sheet_codes(z, [0], table.low, table.high, 5)[0, :, 0]
    assert row[2] == row[-1] == z[0]
    assert (row[1:] >= row[:-1]).all()


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_sheets_need_an_odd_number_of_steps(table, steps):
    with pytest.raises(ValueError, match="odd"):
        traversal.sheet_codes(torch.zeros(5), [0], table.low, table.high, steps)


def test_a_sweep_goes_there_and_back_without_pausing():
    values = traversal.sweep_codes(torch.zeros(3), 1, -2.0, 2.0, 8)[:, 1]
    assert values.tolist() == [-2, -1, 0, 1, 2, 1, 0, -1]
    with pytest.raises(ValueError, match="even"):
        traversal.sweep_codes(torch.zeros(3), 1, -2.0, 2.0, 7)


def test_a_pad_has_x_to_the_right_and_y_upwards():
    low, high = torch.zeros(3), torch.tensor([4.0, 8.0, 1.0])
    codes = traversal.pad_codes(torch.full((3,), 0.5), 0, 1, low, high, 4)
    assert codes[0, :, 0].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert codes[:, 0, 1].tolist() == [7, 5, 3, 1]
    assert (codes[..., 2] == 0.5).all()


# ---------------------------------------------------------------- paths


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_paths_start_and_end_exactly(path):
    a, b = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    codes = traversal.interpolate(a, b, 11, path)
    assert codes.shape == (11, 16)
    assert torch.equal(codes[0], a)
    assert torch.equal(codes[-1], b)


def test_linear_steps_are_equal():
    codes = traversal.interpolate(torch.zeros(2), torch.tensor([10.0, 0.0]), 11)
    torch.testing.assert_close(codes[:, 0], torch.arange(11.0))


def test_spherical_steps_turn_equally_on_the_sphere():
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    codes = traversal.interpolate(a, b, 7, "spherical")
    torch.testing.assert_close(codes.norm(dim=1), torch.full((7,), 2.0))
    angles = torch.atan2(codes[:, 1], codes[:, 0])
    torch.testing.assert_close(angles.diff(), torch.full((6,), math.pi / 12))


@pytest.mark.parametrize("second", [[2.0, 2.0], [-1.0, -1.0], [0.0, 0.0]])
def test_spherical_is_the_straight_line_where_there_is_no_angle(second):
    a, b = torch.tensor([1.0, 1.0]), torch.tensor(second)
    straight = traversal.interpolate(a, b, 5, "linear")
    torch.testing.assert_close(traversal.interpolate(a, b, 5, "spherical"), straight)


# ---------------------------------------------------------------- distances


def test_distance_to_real_codes_and_between_them():
    codes = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    assert traversal.nearest_distance(torch.tensor([[0.0, 1.0]]), codes).item() == 1
    assert neighbours.neighbour_distances(codes.numpy(), 1000).tolist() == [1.0, 1.0, 5.0]


def test_decoding_in_chunks_equals_decoding_at_once(monkeypatch, codes):
    whole = Planted().decode(codes[:10])
    monkeypatch.setattr(traversal, "DECODE_CHUNK", 3)
    torch.testing.assert_close(traversal.decode(Planted(), codes[:10]), whole)
    assert traversal.decode(Planted(), codes[:0]).shape == (0, 1, 4, 4)
