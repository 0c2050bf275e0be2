"""The discrete Gromov-Wasserstein distance and its coupling."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy.spatial.distance import pdist

from trainer.latent import transport


def cloud(n: int = 30, d: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) * np.arange(1, d + 1)


def test_it_sees_shape_not_order_nor_scale():
    z = cloud()
    shuffled = 3 * z[np.random.default_rng(2).permutation(30)]
    same = transport.solve(pdist(z), pdist(shuffled), seed=0, starts=20).value
    line = transport.solve(pdist(z), pdist(cloud(d=1, seed=3)), seed=0, starts=20).value
    assert same < 0.05
    assert line > 5 * max(same, 1e-6)
    assert line > 0.1


def test_two_pairs_by_hand():
    # Three points each, so all 6 permutations are the vertices: equilateral (1, 1, 1) against a path (1, 1, 2).
    a, b = np.ones(3), np.array([1.0, 1.0, 2.0])
    a_scaled, b_scaled = a / (6 / 9), b / (8 / 9)  # the mean runs over all 9 ordered pairs, zeros included
    expected = np.sqrt(2 * ((a_scaled - b_scaled) ** 2).sum() / 9)  # every permutation costs the same by symmetry of a
    value = transport.solve(a, b, seed=0).value
    assert value <= expected + 1e-9
    assert value > 0.5 * expected


def test_isometric_spaces_are_at_distance_0_when_paired():
    z = cloud()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    d_a, d_b = pdist(z), pdist(5 * z @ rotation + 1)
    assert transport.paired_value(d_a, d_b) == pytest.approx(0, abs=1e-12)
    assert transport.solve(d_a, d_b, seed=0, paired=True).value == pytest.approx(0, abs=1e-6)


def test_the_value_is_that_of_pots_own_function():
    d_a, d_b = pdist(cloud(seed=1)), pdist(cloud(seed=2))
    a, b = transport.scaled(d_a), transport.scaled(d_b)
    direct = ot.gromov.gromov_wasserstein2(a, b, ot.unif(30), ot.unif(30), loss_fun="square_loss")
    assert transport.solve(d_a, d_b, seed=0, starts=0).value == pytest.approx(np.sqrt(direct), rel=1e-9)


def test_the_value_is_the_cost_of_the_coupling_and_the_mean_of_the_shares():
    d_a, d_b = pdist(cloud(12, seed=1)), pdist(cloud(15, seed=2))
    value, coupling = transport.solve(d_a, d_b, seed=0)
    a, b = transport.scaled(d_a), transport.scaled(d_b)
    squared = (a[:, :, None, None] - b[None, None]) ** 2  # (i, j, k, l)
    cost = np.einsum("ijkl,ik,jl->", squared, coupling, coupling)
    assert value == pytest.approx(np.sqrt(cost), rel=1e-6)
    for part in transport.shares(d_a, d_b, coupling):
        assert np.sqrt((part**2).mean()) == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(coupling.sum(1), 1 / 12, atol=1e-9)


def test_pairing_is_one_of_the_starts():
    d_a, d_b = pdist(cloud(seed=1)), pdist(cloud(seed=1) + 0.3 * cloud(seed=2))
    assert transport.solve(d_a, d_b, seed=0, starts=0, paired=True).value <= transport.paired_value(d_a, d_b) + 1e-12


def test_the_order_of_the_points_changes_nothing():
    z, x = cloud(seed=1), cloud(seed=2)
    order, other = (np.random.default_rng(seed).permutation(30) for seed in (3, 4))
    value, coupling = transport.solve(pdist(z), pdist(x), seed=0, starts=0)
    shuffled, moved = transport.solve(pdist(z[order]), pdist(x[other]), seed=0, starts=0)
    assert shuffled == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(moved, coupling[order][:, other], atol=1e-9)
