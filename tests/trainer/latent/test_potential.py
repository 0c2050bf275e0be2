"""The critic's potential over a plane: the plane is one, and the values are the critic's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.fixtures import make_run
from trainer.latent import potential

CODES = np.random.default_rng(0).normal(size=(200, 4)) * [1, 2, 3, 4]


@pytest.mark.parametrize(
    "plane",
    [
        potential.of_axes(CODES, 3, 1),
        potential.of_points(CODES, CODES[0], CODES[1]),
        potential.of_points(CODES, CODES[0], 2 * CODES[0] - CODES.mean(0)),
        potential.of_points(CODES, CODES[0], CODES[0]),
        potential.of_points(CODES, CODES.mean(0), CODES.mean(0)),
    ],
)
def test_directions_are_orthonormal_and_places_are_kept(plane):
    basis = np.stack([plane.first, plane.second])
    np.testing.assert_allclose(basis @ basis.T, np.eye(2), atol=1e-9)
    places = np.random.default_rng(1).normal(size=(20, 2))
    np.testing.assert_allclose(plane.places(plane.codes(places)), places, atol=1e-9)


def test_the_plane_of_two_points_holds_both():
    plane = potential.of_points(CODES, CODES[5], CODES[6])
    np.testing.assert_allclose(plane.codes(plane.places(CODES[5:7])), CODES[5:7], atol=1e-9)
    assert plane.places(CODES[5:6])[0] == pytest.approx([np.linalg.norm(CODES[5] - CODES.mean(0)), 0])


def test_values_are_those_of_the_critic(tmp_path):
    model = make_run(tmp_path / "small", z_dim=4, trained=True).load_model()
    plane = potential.of_axes(CODES, 3, 1)
    found = potential.over(model, plane, CODES)
    assert found.values.shape == (potential.GRID, potential.GRID)
    for row, column in ((0, 0), (3, 30), (32, 7)):
        z = CODES.mean(0).copy()
        z[3] += found.x[column]
        z[1] += found.y[row]
        code = torch.from_numpy(z).float()[None]
        with torch.inference_mode():
            expected = model.critic(model.decode(code), code).item()
        assert found.values[row, column] == pytest.approx(expected, abs=1e-5)
    inside = plane.places(CODES)
    assert (inside[:, 0] > found.x[0]).mean() > 0.99
    assert (inside[:, 1] < found.y[-1]).mean() > 0.99


def test_the_mean_over_the_prior_is_the_critics_gap_of_the_prior(tmp_path):
    model = make_run(tmp_path / "small", trained=True).load_model()
    z = model.sample_prior(70, torch.Generator().manual_seed(0)).detach()
    with torch.inference_mode():
        expected = model.critic(model.decode(z), z)
    np.testing.assert_allclose(potential.potentials(model, z), expected.flatten(), atol=1e-6)
