"""Priors against their declared moments, and what their names promise about independence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import multivariate_normal, norm

from tests.trainer.models.drawing import make, seeded
from trainer.models import priors

KINDS = ("np", "fnp", "gmp", "normal")


# --- what all priors share --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_samples_have_zero_mean_and_unit_variance(kind):
    prior = make(kind, 6, components=5, spread=3.0).eval()
    prior.calibrate()
    with torch.no_grad():
        z = prior.sample(60_000, seeded(1)).double()
    assert z.shape == (60_000, 6)
    assert z.mean(0).abs().max() < 0.04
    assert (z.var(0) - 1).abs().max() < 0.08  # heavy tails of a neural prior, and 16,384 draws to calibrate


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_decides_the_samples_and_spares_the_global_one(kind):
    prior = make(kind).eval()
    before = torch.get_rng_state()
    first, second, other = (prior.sample(50, seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    with torch.random.fork_rng():
        torch.manual_seed(8)
        repeated = prior.sample(50), prior.sample(50)
        torch.manual_seed(8)
        assert torch.equal(prior.sample(50), repeated[0])
    assert not torch.equal(*repeated)


@pytest.mark.parametrize("kind", ["np", "fnp", "gmp"])
def test_gradients_reach_every_parameter(kind):
    prior = make(kind)
    z, shares = prior.sample_weighted(64, seeded(0))
    loss = (z**3).mul(torch.arange(1.0, 7)).sum(1)
    (loss if shares is None else shares * loss).sum().backward()
    for name, parameter in prior.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        # A constant added to the last layer is standardised away; everything else moves the samples.
        assert parameter.grad.abs().max() > 1e-4 or name == "net.6.bias", name


def test_kinds_are_named():
    assert [make(kind).kind for kind in KINDS] == list(KINDS)


# --- N(0, I) ----------------------------------------------------------------------------------------------------------


def test_normal_density_matches_scipy():
    z = torch.randn(20, 5, generator=seeded(0), dtype=torch.float64) * 2
    expected = multivariate_normal(np.zeros(5), np.eye(5)).logpdf(z.numpy())
    assert make("normal", 5).log_prob(z).numpy() == pytest.approx(expected, rel=1e-12)


# --- neural priors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["np", "fnp"])
def test_training_samples_are_standardised_by_their_own_batch(kind):
    prior = make(kind, 16)
    z = prior.sample(64, seeded(2)).detach().double()
    assert z.mean(0).abs().max() < 1e-5
    assert (z.var(0, correction=0) - 1).abs().max() < 1e-3


@pytest.mark.parametrize("kind", ["np", "fnp"])
def test_only_calibration_writes_the_stored_statistics(kind):
    prior = make(kind)
    before = {name: buffer.clone() for name, buffer in prior.named_buffers()}
    assert {"norm.running_mean", "norm.running_var"} <= set(before)
    prior.sample(64)
    assert all(torch.equal(buffer, before[name]) for name, buffer in prior.named_buffers())
    prior.calibrate()
    assert not torch.equal(prior.norm.running_mean, before["norm.running_mean"])


@pytest.mark.parametrize("kind", ["np", "fnp"])
def test_calibration_standardises_without_touching_the_random_state(kind):
    prior = make(kind, 8)
    with torch.no_grad():
        prior.net[6].weight.mul_(3)
        prior.net[6].bias.add_(4)
        before = torch.get_rng_state()
        prior.calibrate()
        assert torch.equal(torch.get_rng_state(), before)
        first = prior.norm.running_mean.clone()
        prior.sample(64)
        prior.calibrate()
        assert torch.equal(prior.norm.running_mean, first)  # it depends on the weights alone
        z = prior.eval().sample(50_000, seeded(5)).double()
    assert z.mean(0).abs().max() < 0.05
    assert (z.var(0) - 1).abs().max() < 0.15
    assert prior.sample(1, seeded(0)).shape == (1, 8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["np", "fnp"])
def test_no_axis_starts_dead(kind, seed):
    """With PyTorch's default weights an axis of FNP starts constant: its variance of 1e-8 is all epsilon."""
    prior = make(kind, 64, seed)
    with torch.no_grad():
        raw = prior.transport(torch.randn(2000, 64, generator=seeded(seed)))
        z = prior.sample(2000, seeded(seed)).double()
    assert raw.var(0).min() > 1e-6
    assert (z.var(0) - 1).abs().max() < 0.01


def shifted_draw(prior, monkeypatch, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples of the same eps, and of the same eps with one coordinate changed."""
    eps = torch.randn(200, prior.z_dim, generator=seeded(6))
    moved = eps.clone()
    moved[:, axis] += 1
    draws = iter((eps, moved))
    monkeypatch.setattr(priors, "standard_normal", lambda *_: next(draws))
    return prior.sample(200), prior.sample(200)


@pytest.mark.parametrize("axis", range(5))
def test_a_factorised_coordinate_hears_its_own_noise_only(axis, monkeypatch):
    prior = make("fnp", 5)
    prior.calibrate()
    before, after = shifted_draw(prior.eval(), monkeypatch, axis)
    others = torch.arange(5) != axis
    assert torch.equal(before[:, others], after[:, others])
    assert torch.all(before[:, axis] != after[:, axis])


def test_a_neural_coordinate_hears_all_noise(monkeypatch):
    prior = make("np", 5)
    prior.calibrate()
    before, after = shifted_draw(prior.eval(), monkeypatch, 0)
    assert torch.all((before - after).abs().mean(0) > 0.01)


def distance_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Bias-corrected squared distance correlation (Szekely & Rizzo, 2014): mean 0 if and only if independent."""

    def centred(values: np.ndarray) -> np.ndarray:
        d = squareform(pdist(values[:, None]))
        n = len(d)
        rows = d.sum(0) / (n - 2)
        u = d - rows[:, None] - rows[None] + d.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(u, 0)
        return u

    u, v = centred(a), centred(b)
    return float((u * v).sum() / np.sqrt((u * u).sum() * (v * v).sum()))


def dependence(kind: str) -> tuple[float, float]:
    """Largest |correlation| among z_i, z_i^2 of different axes, and largest distance correlation."""
    prior = make(kind, 4, seed=1)
    prior.calibrate()
    with torch.no_grad():
        z = prior.eval().sample(20_000, seeded(7)).double().numpy()
    features = np.corrcoef(np.concatenate([z, z**2], axis=1), rowvar=False)
    axes = np.tile(np.arange(4), 2)
    linear = np.abs(features[axes[:, None] != axes[None]]).max()
    pairs = [(i, j) for i in range(4) for j in range(i)]
    return linear, max(distance_correlation(z[:800, i], z[:800, j]) for i, j in pairs)


def test_factorised_coordinates_are_independent():
    linear, distance = dependence("fnp")
    assert linear < 5 / 20_000**0.5
    assert distance < 0.02


def test_neural_coordinates_depend_on_each_other():
    """The same measures see the dependence of NP, so they would see one in FNP."""
    linear, distance = dependence("np")
    assert linear > 0.2
    assert distance > 0.05


# --- the factorised prior's density ----------------------------------------------------------------------------------


def factorised(z_dim: int = 3) -> priors.FactorisedPrior:
    torch.manual_seed(5)
    prior = priors.FactorisedPrior(z_dim)
    prior.calibrate()
    return prior.eval()


def test_factorised_density_is_the_kernel_estimate_of_its_own_draws():
    prior = factorised()
    z = torch.randn(20, 3)
    draws = prior.sample(4 * priors.KERNELS, torch.Generator().manual_seed(0)).double().detach().numpy()
    expected = np.zeros(20)
    for axis in range(3):
        kernels = norm(draws[:, axis], priors.BANDWIDTH)
        expected += np.log(np.mean([kernels.pdf(float(value)) for value in z[:, axis]], axis=1))
    np.testing.assert_allclose(prior.log_prob(z).detach().numpy(), expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(prior.log_prob(z), prior.log_prob(z))


def test_factorised_density_integrates_to_one():
    prior = factorised(1)
    grid = torch.linspace(-12, 12, 6_001).unsqueeze(1)
    assert torch.trapezoid(prior.log_prob(grid).exp(), grid[:, 0]).item() == pytest.approx(1, abs=1e-3)


def test_cross_entropy_under_the_factorised_prior_moves_it_to_the_codes():
    """Codes of two clumps: the prior's marginal becomes bimodal, which no rescaling of a normal is."""
    torch.manual_seed(0)
    prior = priors.FactorisedPrior(1)
    optimiser = torch.optim.Adam(prior.parameters(), lr=2e-2)
    codes = torch.cat([torch.full((64, 1), -1.0), torch.full((64, 1), 1.0)])
    for _ in range(120):
        loss = -prior.log_prob(codes + 0.1 * torch.randn_like(codes)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    prior.calibrate()
    drawn = prior.eval().sample(4_000, torch.Generator().manual_seed(1))
    assert (drawn.abs() < 0.4).float().mean() < 0.15  # of N(0, 1) 31 % lie there
