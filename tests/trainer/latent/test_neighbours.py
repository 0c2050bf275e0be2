from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as reference_trustworthiness

from trainer.latent import contours, neighbours


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def test_nearest_equals_a_full_sort(random):
    known, points = random.normal(size=(700, 5)), random.normal(size=(1100, 5))  # more than one block
    rows, distances = neighbours.nearest(points, known, 7)
    everything = cdist(points, known)
    np.testing.assert_array_equal(rows, everything.argsort(1)[:, :7])
    np.testing.assert_allclose(distances, np.sort(everything, 1)[:, :7])
    assert neighbours.nearest(points, known[:3], 7)[0].shape == (1100, 3)


def test_a_known_point_keeps_its_place_even_far_from_the_origin(random):
    known, values = random.normal(size=(300, 4)).astype(np.float32) + 1000, random.normal(size=(300, 2))
    np.testing.assert_allclose(neighbours.place(known, known, values), values, atol=1e-6)


def test_a_new_point_is_the_weighted_mean_of_its_nearest():
    known = np.array([[0.0], [1.0], [10.0]])
    values = np.array([[0.0, 1.0], [1.0, 0.0], [50.0, 50.0]])
    found = neighbours.place(np.array([[0.25]]), known, values, k=2)
    near, far = 1 / 0.25**2, 1 / 0.75**2
    np.testing.assert_allclose(found, [[far / (near + far), near / (near + far)]])


def test_pca_equals_sklearn_up_to_sign_and_is_fitted_on_the_first_rows(random):
    codes = random.normal(size=(200, 6)) * [5, 4, 3, 2, 1, 0.5]
    more = np.concatenate([codes, 100 * random.normal(size=(20, 6))])
    ours = neighbours.pca(more, 2, fitted_on=200)
    theirs = PCA(2).fit(codes).transform(more)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-8)
    assert neighbours.pca(codes[:, :1], 2).shape == (200, 2)


@pytest.mark.parametrize("n", [60, 1200])
def test_trustworthiness_equals_sklearn(random, n):
    codes = random.normal(size=(n, 8))
    coordinates = codes[:, :2] + 0.3 * random.normal(size=(n, 2))
    ours = neighbours.trustworthiness(codes, coordinates)
    assert ours == pytest.approx(reference_trustworthiness(codes, coordinates, n_neighbors=15), abs=1e-9)
    assert 0.5 < ours < 0.99


def test_trustworthiness_needs_enough_codes(random):
    with pytest.raises(ValueError, match="more than 23 codes"):
        neighbours.trustworthiness(random.normal(size=(20, 3)), random.normal(size=(20, 2)))


def test_neighbour_distances_leave_the_point_itself_out(random):
    codes = random.normal(size=(90, 3))
    distances = cdist(codes, codes)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_allclose(neighbours.neighbour_distances(codes, 90), np.sort(distances.min(1)))


def test_share_beyond():
    values = np.array([1.0, 2.0, 2.0, 4.0])
    assert [neighbours.share_beyond(values, at) for at in (0.5, 2.0, 3.0, 5.0)] == [1.0, 0.75, 0.25, 0.0]


def test_a_stratified_sample_gives_every_label_its_share(random):
    labels = random.choice([0, 1, 2, 7], p=[0.6, 0.3, 0.0995, 0.0005], size=100_000)
    rows = neighbours.stratified_rows(labels, 20_000, seed=1)
    assert len(np.unique(rows)) == 20_000
    assert (np.diff(rows) > 0).all()
    for label in (0, 1, 2, 7):
        assert (labels[rows] == label).sum() == pytest.approx((labels == label).sum() / 5, abs=1.5)
    np.testing.assert_array_equal(rows, neighbours.stratified_rows(labels, 20_000, seed=1))
    assert (rows != neighbours.stratified_rows(labels, 20_000, seed=2)).any()
    np.testing.assert_array_equal(neighbours.stratified_rows(labels[:50], 50), np.arange(50))


# ---------------------------------------------------------------- outlines


def crescents(n: int, random: np.random.Generator) -> np.ndarray:
    """Two arcs that no ellipse could outline."""
    angle = random.uniform(0, np.pi, n)
    side = random.integers(0, 2, n)
    points = (
        np.stack([np.cos(angle), np.sin(angle)], 1) * np.where(side, 1, -1)[:, None]
        + np.array([5.0, 0]) * side[:, None]
    )
    return points + 0.1 * random.normal(size=(n, 2))


@pytest.mark.parametrize("shape", ["gaussian", "crescents", "flat"])
def test_outlines_hold_their_share_of_fresh_points(random, shape):
    def draw(n: int) -> np.ndarray:
        if shape == "crescents":
            return crescents(n, random)
        return random.normal(size=(n, 2)) @ np.array([[2.0, 1.5], [0.0, 0.3 if shape == "gaussian" else 1e-4]])

    shares = list(contours.SIGMA_SHARES.values())
    for paths, share in zip(contours.outlines(draw(4000), shares), shares, strict=True):
        assert all((path[0] == path[-1]).all() for path in paths)
        assert contours.inside(draw(20_000), paths).mean() == pytest.approx(share, abs=0.04)


def test_a_gaussians_outlines_are_its_sigma_circles(random):
    one, two = contours.outlines(random.normal(size=(20_000, 2)), list(contours.SIGMA_SHARES.values()))
    assert len(one) == len(two) == 1
    assert np.linalg.norm(one[0], axis=1).mean() == pytest.approx(1, abs=0.08)
    assert np.linalg.norm(two[0], axis=1).mean() == pytest.approx(2, abs=0.1)


def test_paths_follow_the_level_around_holes_and_saddles():
    y, x = np.mgrid[-2:2:81j, -2:2:81j]
    ring = np.exp(-8 * (np.hypot(x, y) - 1) ** 2)
    ring[[0, -1]], ring[:, [0, -1]] = 0, 0
    paths = contours.level_paths(ring, 0.5)
    radii = sorted(float(np.hypot(*(path / 20 - 2).T).mean()) for path in paths)
    half = np.sqrt(np.log(2) / 8)
    np.testing.assert_allclose(radii, [1 - half, 1 + half], atol=0.01)
    centre = np.array([[40.0, 40.0], [40.0, 60.0], [1.0, 1.0]])
    assert contours.inside(centre, paths).tolist() == [False, True, False]
    checkers = np.zeros((6, 6))
    checkers[[1, 2, 3, 4], [1, 2, 3, 4]] = 1  # touching corners only
    for level in (0.2, 0.45, 0.55, 0.8):
        found = contours.level_paths(checkers, level)
        assert len(found) == (1 if level < 0.5 else 4)
        assert all((path[0] == path[-1]).all() for path in found)
