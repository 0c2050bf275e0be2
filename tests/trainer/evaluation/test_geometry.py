from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import pdist, squareform

from tests.fixtures import make_run
from trainer.evaluation import geometry
from trainer.latent.distances import best_scale, places
from trainer.training.objectives.gwae import GWAEObjective


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


def test_places_keep_the_distances_of_points_in_a_plane():
    z = cloud(40, 2)
    drawn = places(pdist(z))
    np.testing.assert_allclose(pdist(drawn), pdist(z) / pdist(z).mean(), atol=1e-9)


# ---------------------------------------------------------------- a model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("geometry") / "small", trained=True)


@pytest.fixture(scope="module")
def model(run):
    return run.load_model()


def test_l_gw_is_the_term_of_the_training_on_the_same_samples(run, model, monkeypatch):
    objective = GWAEObjective(model, run.config)
    z = model.sample_prior(64, torch.Generator().manual_seed(3))
    monkeypatch.setattr(type(model.prior), "sample_weighted", lambda *_: (z, None))
    with torch.no_grad():
        term = objective.terms(torch.rand(64, *model.image_shape), "main")["gw"]
    found = geometry.of_prior(model, seed=3, n=64).numbers["L_GW"]
    assert found == pytest.approx(term.item(), rel=1e-6)


def test_l_gw_is_the_published_formula(model):
    pairs = geometry.of_prior(model, seed=1, n=50)
    d_z, d_x = squareform(pairs.d_z), squareform(pairs.d_x)
    spread = pairs.codes.double().std(0).mean().item()
    expected = np.abs(math.exp(model.log_scale.item()) * d_z / spread - d_x).mean()
    assert pairs.numbers["L_GW"] == pytest.approx(expected, rel=1e-5)
    assert pairs.slope == pytest.approx(math.exp(model.log_scale.item()) / spread, rel=1e-5)


def test_the_order_of_the_samples_changes_nothing(model):
    pairs = geometry.of_prior(model, seed=1, n=50)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    assert geometry.Pairs(model, pairs.codes[order], pairs.pictures[order]).numbers == pytest.approx(
        pairs.numbers, rel=1e-5
    )


def test_isometric_spaces_are_perfect(model):
    """Pictures that are the codes, blown up by C / s: every number is at its end."""
    codes = torch.from_numpy(cloud(40, 4)).float()
    slope = math.exp(model.log_scale.item()) / codes.std(0).mean().item()
    found = geometry.Pairs(model, codes, slope * codes[:, None, None]).numbers
    assert (found["Spearman"], found["Pearson"]) == pytest.approx((1, 1))
    assert found["distortion"] == pytest.approx(0, abs=1e-6)
    assert found["L_GW"] == pytest.approx(0, abs=1e-4)


def test_a_model_without_a_coefficient_has_the_best_line_and_no_l_gw(tmp_path):
    vae = make_run(tmp_path / "vae", kind="vae", trained=True).load_model()
    pairs = geometry.of_prior(vae, seed=0, n=40)
    assert set(pairs.numbers) == {"Spearman", "Pearson", "distortion"}
    assert pairs.slope == best_scale(pairs.d_z, pairs.d_x)


def test_the_two_sets_of_test_pictures_are_disjoint():
    first, second = geometry.chosen(31)
    assert len(first) == len(second) == 15
    assert not set(first) & set(second)
    np.testing.assert_array_equal(geometry.chosen(31).first, first)
