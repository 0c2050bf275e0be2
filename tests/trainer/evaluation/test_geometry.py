from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import pdist

from trainer.evaluation import geometry


def cloud(n: int = 60, d: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)) * np.arange(1, d + 1)


def test_a_similarity_is_perfect():
    z = cloud()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    d_z, d_x = pdist(z), pdist(7 * z @ rotation + 2)
    assert geometry.correlations(d_z, d_x) == pytest.approx({"Spearman": 1, "Pearson": 1})
    assert geometry.distortion(d_z, d_x) == pytest.approx(0, abs=1e-12)


def test_distortion_is_the_minimum_over_the_scale():
    d_z, d_x = pdist(cloud(seed=1)), pdist(cloud(seed=2))
    search = minimize_scalar(lambda c: np.abs(c * d_z - d_x).mean() / d_x.mean(), bounds=(0, 5), method="bounded")
    assert geometry.distortion(d_z, d_x) == pytest.approx(search.fun, abs=1e-5)


def test_duplicates_and_a_collapsed_decoder_stay_finite():
    z = cloud()
    z[:5] = z[0]
    flat = np.zeros(len(pdist(z)))
    assert geometry.correlations(pdist(z), flat) == {"Spearman": 0.0, "Pearson": 0.0}
    assert geometry.distortion(pdist(z), flat) == pytest.approx(0)
    assert geometry.distortion(flat, pdist(z)) == pytest.approx(1)
    assert np.isfinite(geometry.distortion(pdist(z), pdist(cloud(seed=4))))


def test_gromov_wasserstein_sees_shape_not_order_nor_scale():
    z = cloud(30)
    shuffled = 3 * z[np.random.default_rng(2).permutation(30)]
    same = geometry.gromov_wasserstein(pdist(z), pdist(shuffled), seed=0, starts=20)
    line = geometry.gromov_wasserstein(pdist(z), pdist(cloud(30, d=1, seed=3)), seed=0, starts=20)
    assert same < 0.05
    assert line > 5 * max(same, 1e-6)
    assert line > 0.1


def test_gromov_wasserstein_of_two_pairs_by_hand():
    # Three points each, so all 6 permutations are the vertices: equilateral (1, 1, 1) against a path (1, 1, 2).
    a, b = np.ones(3), np.array([1.0, 1.0, 2.0])
    a_scaled, b_scaled = a / (6 / 9), b / (8 / 9)  # the mean runs over all 9 ordered pairs, zeros included
    expected = np.sqrt(2 * ((a_scaled - b_scaled) ** 2).sum() / 9)  # every permutation costs the same by symmetry of a
    value = geometry.gromov_wasserstein(a, b, seed=0)
    assert value <= expected + 1e-9
    assert value > 0.5 * expected
