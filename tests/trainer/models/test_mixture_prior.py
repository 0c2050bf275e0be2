"""The Gaussian mixture against its declared moments, SciPy's density, and the gradient of its logits."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from tests.trainer.models.drawing import DRAWS, assert_moments, make, seeded
from trainer.models import priors


def mixture(seed: int = 0, z_dim: int = 3, components: int = 4, spread: float = 2.0) -> priors.MixturePrior:
    """Unequal weights, and matrices far from diagonal, symmetric or triangular."""
    prior = make("gmp", z_dim, seed, components=components, spread=spread)
    generator = seeded(seed + 100)
    with torch.no_grad():
        prior.logits.copy_(torch.randn(components, generator=generator))
        prior.raw_scales.copy_(torch.randn(components, z_dim, z_dim, generator=generator))
        prior.raw_means.add_(5.0)  # the raw mixture is far from standardised
    return prior


def scipy_parts(prior: priors.MixturePrior, z: np.ndarray) -> np.ndarray:
    """log w_k + log N(z; c_k, Sigma_k + 1e-6 I) in double precision, (B, K)."""
    floor = 1e-6 * np.eye(prior.z_dim)
    exact = copy.deepcopy(prior).double().requires_grad_(False)
    means, covariances, log_weights = exact.means().numpy(), exact.covariances().numpy(), exact.weights().log().numpy()
    columns = [
        log_weights[k] + multivariate_normal(means[k], covariances[k] + floor).logpdf(z)
        for k in range(prior.components)
    ]
    return np.stack(columns, axis=1)


def test_a_new_mixture_starts_from_equal_weights_and_nearly_round_components():
    prior = make("gmp", 8, components=10)
    assert prior.weights().tolist() == pytest.approx([0.1] * 10)
    assert (prior.raw_scales - torch.eye(8)).abs().max() < 0.06
    assert (prior.raw_scales - torch.eye(8)).std().item() == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_each_component_has_its_declared_mean_and_full_covariance(seed):
    prior = mixture(seed)
    with torch.no_grad():
        means, covariances = prior.means(), prior.covariances()
        correlation = covariances[:, 0, 1] / (covariances[:, 0, 0] * covariances[:, 1, 1]).sqrt()
        assert correlation.abs().max() > 0.3  # not what a diagonal covariance can do
        for k in range(prior.components):
            samples = prior.sample_component(k, DRAWS // 4, seeded(seed + k))
            assert_moments(samples, means[k], covariances[k])


def test_mixture_samples_have_the_declared_weights_means_and_covariances():
    """Components so far apart that the nearest mean tells which one a sample came from."""
    prior = mixture(1, spread=300.0)
    with torch.no_grad():
        z, means, covariances = prior.sample(DRAWS, seeded(2)), prior.means(), prior.covariances()
    component = torch.cdist(z, means).argmin(1)
    w = prior.weights().detach()
    shares = component.bincount(minlength=4) / DRAWS
    assert torch.all((shares - w).abs() < 5 * (w * (1 - w) / DRAWS).sqrt())
    for k in range(4):
        assert_moments(z[component == k], means[k], covariances[k])


@pytest.mark.parametrize("seed", range(3))
def test_the_whole_mixture_is_standardised_in_code_space(seed):
    prior = mixture(seed)
    with torch.no_grad():
        w, means, covariances = prior.weights(), prior.means(), prior.covariances()
        z = prior.sample(DRAWS, seeded(seed)).double()
    mean = (w[:, None] * means).sum(0)
    covariance = (w[:, None, None] * (covariances + means[:, :, None] * means[:, None, :])).sum(0)
    assert mean.abs().max() < 1e-5
    assert (covariance.diagonal() - 1).abs().max() < 1e-5
    assert z.mean(0).abs().max() < 5 / DRAWS**0.5
    fourth = z.pow(4).mean(0)
    assert torch.all((z.var(0) - 1).abs() < 5 * (fourth / DRAWS).sqrt())
    assert (torch.cov(z.T) - covariance.double()).abs().max() < 0.02


def test_sampling_is_exact_despite_the_relaxed_gradient():
    """Vanishing covariances: every sample is one of the means, not a blend of several."""
    prior = mixture(2)
    with torch.no_grad():
        prior.raw_scales.zero_()
    z, means = prior.sample(500, seeded(0)), prior.means()
    assert torch.cdist(z, means, compute_mode="donot_use_mm_for_euclid_dist").min(1).values.max() < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_density_and_responsibilities_match_scipy(seed):
    prior = mixture(seed)
    z = torch.randn(40, 3, generator=seeded(seed)) * 1.5
    parts = scipy_parts(prior, z.double().numpy())
    with torch.no_grad():
        assert prior.component_log_prob(z).numpy() == pytest.approx(parts, rel=1e-3, abs=1e-2)
        assert prior.log_prob(z).numpy() == pytest.approx(logsumexp(parts, axis=1), rel=1e-3, abs=1e-3)
        shares = prior.responsibilities(z)
    expected = np.exp(parts - logsumexp(parts, axis=1, keepdims=True))
    assert shares.numpy() == pytest.approx(expected, abs=1e-3)
    assert shares.sum(1).numpy() == pytest.approx(1, abs=1e-6)


def test_density_integrates_to_one():
    prior = mixture(3, z_dim=2)
    box = torch.rand(DRAWS, 2, generator=seeded(0)) * 16 - 8
    with torch.no_grad():
        assert (prior.log_prob(box).exp().mean() * 256).item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("flat", ["one direction", "a point"])
def test_a_collapsed_component_keeps_density_and_gradient_finite(flat):
    """A component that is flat in most directions but wide in one: Cholesky in single precision fails on it."""
    prior = make("gmp", 16, components=10)
    with torch.no_grad():
        prior.logits[0] = -4  # light, so that standardisation does not shrink it
        direction = torch.randn(16, 1, generator=seeded(0)) @ torch.randn(1, 16, generator=seeded(1))
        prior.raw_scales[0] = 3 * direction if flat == "one direction" else 0
    z = prior.sample(20, seeded(2)).detach()
    value = prior.log_prob(z)
    value.sum().backward()
    parts = scipy_parts(prior, z.double().numpy())
    assert value.detach().numpy() == pytest.approx(logsumexp(parts, axis=1), rel=1e-3)
    assert all(torch.isfinite(parameter.grad).all() for parameter in prior.parameters())


def test_density_gradient_agrees_with_finite_differences():
    prior = mixture(4, z_dim=2, components=3).double()
    z = torch.randn(5, 2, generator=seeded(0), dtype=torch.float64)
    names = [f"prior.{name}" for name, _ in prior.named_parameters()]

    def density(*parameters):
        return torch.func.functional_call(_Density(prior), dict(zip(names, parameters, strict=True)), (z,))

    assert torch.autograd.gradcheck(density, tuple(prior.parameters()))


class _Density(torch.nn.Module):
    def __init__(self, prior):
        super().__init__()
        self.prior = prior

    def forward(self, z):
        return self.prior.log_prob(z)


def test_plain_samples_leave_the_logits_alone():
    """Standardising alone would pass them the gradient's smaller half, with the wrong sign."""
    prior = mixture(0)
    prior.sample(64, seeded(0)).square().sum().backward()
    assert prior.logits.grad is None
    assert prior.raw_means.grad.abs().max() > 0


def test_weighted_samples_are_the_plain_ones_with_weights_of_one():
    prior = mixture(0)
    z, shares = prior.sample_weighted(64, seeded(0))
    assert torch.equal(z, prior.sample(64, seeded(0)))
    assert torch.equal(shares, torch.ones(64))


def crossing(z: torch.Tensor) -> torch.Tensor:
    """A loss with slope, curvature and a bump, (B,)."""
    return (z - torch.tensor([1.0, -0.5])).norm(dim=1) - 2 * torch.exp(-(z + 0.7).square().sum(1))


@pytest.mark.parametrize("seed", range(3))
def test_the_weighted_gradient_is_that_of_the_expected_loss(seed):
    """Against sum_k w_k E[loss(c_k + L_k eps)], which is differentiable in the logits as it stands."""
    prior = mixture(seed, z_dim=2, components=4)
    z, shares = prior.sample_weighted(DRAWS, seeded(0))
    found = torch.autograd.grad((shares * crossing(z)).mean(), list(prior.parameters()))
    parts = [crossing(prior.sample_component(k, DRAWS // 4, seeded(k))).mean() for k in range(4)]
    exact = torch.autograd.grad((prior.weights() * torch.stack(parts)).sum(), list(prior.parameters()))
    for (name, _), got, expected in zip(prior.named_parameters(), found, exact, strict=True):
        assert (got - expected).norm() < 0.1 * expected.norm(), name


def energy_distance(z: torch.Tensor, shares: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """2 E|Z - Y| - E|Z - Z'|, up to a constant: smallest where both laws are equal (Szekely & Rizzo, 2013)."""
    return 2 * (shares[:, None] * torch.cdist(z, y)).mean() - (torch.outer(shares, shares) * torch.cdist(z, z)).mean()


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("weights", [(0.7, 0.2, 0.1), (0.1, 0.6, 0.3), (0.2, 0.1, 0.7)])
def test_logits_learn_the_weights_of_the_data(weights, seed):
    """Straight-through Gumbel-softmax ends at (0.87, 0.07, 0.06) and worse, in any order but the right one."""
    prior, data = (make("gmp", 2, components=3, spread=4.0, seed=seed) for _ in range(2))
    with torch.no_grad():
        data.logits.copy_(torch.tensor(weights).log())
    optimizer, generator = torch.optim.Adam([prior.logits], lr=0.05), seeded(0)
    for _ in range(150):
        optimizer.zero_grad()
        y = data.sample(96, generator).detach()
        energy_distance(*prior.sample_weighted(96, generator), y).backward()
        optimizer.step()
    assert prior.weights().tolist() == pytest.approx(weights, abs=0.1)


@pytest.mark.parametrize("favoured", range(3))
def test_logits_learn_which_component_a_loss_favours(favoured):
    prior = make("gmp", 2, components=3, spread=4.0, seed=3)
    optimizer, generator = torch.optim.Adam([prior.logits], lr=0.1), seeded(0)
    assert prior.weights()[favoured].item() == pytest.approx(1 / 3)
    for _ in range(80):
        optimizer.zero_grad()
        z, shares = prior.sample_weighted(64, generator)
        near = prior.responsibilities(z.detach()).detach()[:, favoured]
        (-shares * near).mean().backward()
        optimizer.step()
    assert prior.weights()[favoured] > 0.8


def test_placing_a_mixture_standardises_what_it_is_given():
    generator = np.random.default_rng(0)
    weights = np.array([0.5, 0.3, 0.2])
    means = generator.normal(size=(3, 4)) * 3 + 1
    roots = generator.normal(size=(3, 4, 4))
    covariances = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(4)
    prior = make("gmp", 4, components=3)
    prior.place(*(torch.as_tensor(part, dtype=torch.float32) for part in (weights, means, covariances)))
    mean = weights @ means
    variance = weights @ (np.einsum("kii->ki", covariances) + (means - mean) ** 2)
    with torch.no_grad():
        assert prior.weights().numpy() == pytest.approx(weights, rel=1e-5)
        assert prior.means().numpy() == pytest.approx((means - mean) / np.sqrt(variance), rel=1e-4, abs=1e-5)
        expected = covariances / np.sqrt(np.outer(variance, variance))
        assert prior.covariances().numpy() == pytest.approx(expected, rel=1e-4, abs=1e-5)
