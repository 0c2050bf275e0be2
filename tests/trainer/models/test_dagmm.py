"""DAGMM: its energy is a mixture density, its moments are those of the training set, and it trains and resumes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from tests.trainings import CPU, assert_same_training, history, pictures, settings, train
from trainer import config, models
from trainer.config import from_dict
from trainer.errors import UserError
from trainer.models.base import LOG_VAR_LIMIT
from trainer.models.dagmm import component_log_density, mixture_energy, mixture_moments
from trainer.runs import folder
from trainer.training.fit import Trainer

TINY = {
    "model": {"kind": "dagmm", "z_dim": 3},
    "prior": {"kind": "gmp", "components": 2},
    "dagmm": {"width": 8},
    "optim": {"batch_size": 24, "lr": 1e-3},
}


def tiny(**optim: object) -> config.Config:
    return settings(**(TINY | {"optim": TINY["optim"] | optim}))


def random_mixture(components: int = 3, d: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrices = rng.normal(size=(components, d, d))
    return rng.dirichlet(np.ones(components)), rng.normal(0, 2, (components, d)), matrices @ matrices.swapaxes(1, 2)


# --- the mixture -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_energy_is_scipys_mixture_density(jitter):
    phi, mu, sigma = random_mixture()
    z = np.random.default_rng(1).normal(0, 4, (50, 4))
    parts = [
        np.log(p) + multivariate_normal(m, s + jitter * np.eye(4)).logpdf(z)
        for p, m, s in zip(phi, mu, sigma, strict=True)
    ]
    arguments = [torch.from_numpy(part) for part in (z, phi, mu, sigma)]
    np.testing.assert_allclose(mixture_energy(*arguments, jitter), -logsumexp(parts, axis=0), rtol=1e-10)
    np.testing.assert_allclose(component_log_density(*arguments, jitter), np.stack(parts, 1), rtol=1e-9)


def test_energy_stays_finite_where_the_density_underflows():
    phi, mu, sigma = (torch.from_numpy(part) for part in random_mixture())
    far = mixture_energy(torch.full((1, 4), 1e4, dtype=torch.float64), phi, mu, sigma, 0.0)
    assert torch.isfinite(far).all()
    assert far.item() > 1e5


def test_moments_are_weighted_means_and_covariances():
    rng = np.random.default_rng(2)
    z, gamma = rng.normal(size=(200, 3)), rng.dirichlet(np.ones(4), 200)
    phi, mu, sigma = mixture_moments(torch.from_numpy(z), torch.from_numpy(gamma))
    np.testing.assert_allclose(phi, gamma.mean(0))
    for k in range(4):
        np.testing.assert_allclose(mu[k], np.average(z, axis=0, weights=gamma[:, k]))
        np.testing.assert_allclose(sigma[k], np.cov(z.T, aweights=gamma[:, k], ddof=0))


def test_singular_covariances_are_told_and_jitter_is_the_remedy():
    z = torch.zeros(6, 3, dtype=torch.float64)
    z[:, 0] = torch.arange(6)
    moments = mixture_moments(z, torch.full((6, 2), 0.5, dtype=torch.float64))
    with pytest.raises(UserError, match=r"component 0 is singular.*dagmm\.jitter"):
        mixture_energy(z, *moments, 0.0)
    assert torch.isfinite(mixture_energy(z, *moments, 1e-3)).all()
    moments[2][1, 0, 0] = torch.nan
    with pytest.raises(UserError, match="component 1"):
        mixture_energy(z, *moments, 1e-3)


def test_a_component_without_members_breaks_nothing():
    z = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    gamma = torch.tensor([1.0, 0.0]).repeat(40, 1)
    phi, mu, sigma = mixture_moments(z, gamma)
    assert phi.tolist() == [1, 0]
    assert torch.isfinite(mixture_energy(z, phi, mu, sigma, 1e-3)).all()


# --- the model -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    found = models.build(tiny())
    found.finalise(pictures(64))
    return found.eval()


def test_finalise_stores_the_moments_of_the_pictures_and_touches_nothing_else():
    found, images = models.build(tiny()).train(), pictures(64)
    weights = {name: value.clone() for name, value in found.named_parameters()}
    state = torch.get_rng_state()
    found.finalise(images)
    assert found.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, weights[name]) for name, value in found.named_parameters())
    x = images.float_batch(slice(None))
    with torch.no_grad():
        found.eval()
        mu, _ = found.encode(x)
        features = found.features(x, mu, found.decode(mu))
        expected = mixture_moments(features.double(), found.memberships(features).double())
    for stored, value in zip((found.prior.phi, found.prior.mu, found.prior.sigma), expected, strict=True):
        torch.testing.assert_close(stored, value.float(), rtol=1e-4, atol=1e-6)


def test_features_are_code_relative_error_and_cosine(model):
    x = pictures(5).float_batch(slice(None))
    mu, log_var = model.encode(x)
    y = model.decode(mu)
    features = model.features(x, mu, y)
    assert torch.equal(features[:, :3], mu)
    for row in range(5):
        a, b = x[row].flatten(), y[row].flatten()
        assert features[row, 3].item() == pytest.approx(((a - b).norm() / a.norm()).item(), rel=1e-5)
        assert features[row, 4].item() == pytest.approx(torch.cosine_similarity(a, b, dim=0).item(), rel=1e-4)
    assert (log_var == -LOG_VAR_LIMIT).all()
    assert torch.isfinite(model.ood_scores(torch.zeros(1, 1, 32, 32))["energy"]).all()  # a black picture has no length


def test_scores_are_deterministic_and_named(model):
    x = pictures(6).float_batch(slice(None))
    first, second = model.ood_scores(x), model.ood_scores(x)
    assert list(first) == ["reconstruction error", "relative error", "prior", "energy"]
    assert all(torch.equal(first[name], second[name]) and first[name].shape == (6,) for name in first)
    features = model.features(x, model.encode(x)[0], model.reconstruct(x))
    torch.testing.assert_close(first["energy"], model.prior.energy(features).float())


def test_the_prior_is_the_marginal_over_the_code(model):
    prior, generator = model.prior, torch.Generator().manual_seed(0)
    phi, mu, sigma = (torch.from_numpy(part).float() for part in random_mixture(2, 5))
    kept = [buffer.clone() for buffer in (prior.phi, prior.mu, prior.sigma)]
    prior.store(phi, mu, sigma)
    try:
        z = prior.sample(200_000, generator)
        mean = (phi[:, None] * mu[:, :3]).sum(0)
        second = (phi[:, None, None] * (sigma[:, :3, :3] + mu[:, :3, None] * mu[:, None, :3])).sum(0)
        torch.testing.assert_close(z.mean(0), mean, atol=0.05, rtol=0)
        torch.testing.assert_close(z.T.cov(), second - mean[:, None] * mean, atol=0.2, rtol=0.02)
        one = prior.sample_component(1, 100_000, generator)
        torch.testing.assert_close(one.T.cov(), sigma[1, :3, :3], atol=0.1, rtol=0.05)
        density = sum(
            p * multivariate_normal(m, s).pdf(z[:50].numpy())
            for p, m, s in zip(phi.numpy(), mu[:, :3].numpy(), prior.covariances().numpy(), strict=True)
        )
        np.testing.assert_allclose(prior.log_prob(z[:50]), np.log(density), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(prior.responsibilities(z[:50]).sum(1), torch.ones(50))
    finally:
        prior.store(*kept)


@pytest.mark.parametrize(
    "sections",
    [
        {"prior": {"kind": "normal"}},
        {"prior": {"kind": "gmp", "warm_start": True}, "optim": {"warmup_steps": 5}},
        {"dagmm": {"jitter": -1}},
        {"dagmm": {"widht": 3}},
    ],
)
def test_configurations_that_make_no_sense_are_refused(sections):
    with pytest.raises(UserError, match=r"prior\.kind=gmp|jitter|widht"):
        from_dict({"model": {"kind": "dagmm"}, "prior": {"kind": "gmp"}} | sections)


def test_bundled_moments_keep_their_precision(model, tmp_path):
    models.save_weights(model, tmp_path / "half.safetensors", half=True)
    loaded = models.load_weights(tiny(), tmp_path / "half.safetensors")
    assert torch.equal(loaded.prior.sigma, model.prior.sigma)


# --- training --------------------------------------------------------------------------------------------------------


def test_training_lowers_the_loss(tmp_path):
    assert train(tmp_path / "run", tiny(max_steps=60, validate_every=10)).reason == "finished"
    losses = [float(row["validation loss"]) for row in history(tmp_path / "run") if "validation loss" in row]
    assert losses[-1] < 0.8 * losses[0]
    assert min(float(row["energy"]) for row in history(tmp_path / "run") if "energy" in row) < 20


def test_the_presented_weights_hold_the_moments_of_the_whole_training_set(tmp_path):
    images = pictures(64)
    made = folder.create(tmp_path / "run", tiny(max_steps=6, keep="best"))
    trainer = Trainer(made, images, hardware=CPU)
    trainer.sample = trainer.train_set.subset(slice(8))  # what checkpoints measure
    trainer.fit(progress=False)
    presented = made.load_model()
    stored = presented.prior.sigma.clone()
    presented.finalise(trainer.train_set.subset(slice(8)))
    assert not torch.allclose(stored, presented.prior.sigma)
    presented.finalise(trainer.train_set)
    assert torch.equal(stored, presented.prior.sigma)


def test_resumed_training_is_bit_equal(tmp_path, monkeypatch):
    wanted = tiny(max_steps=14, validate_every=5)
    train(tmp_path / "whole", wanted)
    one_step = Trainer._one_step

    def stop_after_seven(trainer, bar):
        one_step(trainer, bar)
        if trainer.counters.step == 7:
            (trainer.run.path / "training" / "stop").touch()

    monkeypatch.setattr(Trainer, "_one_step", stop_after_seven)
    assert train(tmp_path / "parts", wanted).step == 7
    monkeypatch.setattr(Trainer, "_one_step", one_step)
    assert train(tmp_path / "parts", wanted).reason == "finished"
    assert_same_training(tmp_path / "whole", tmp_path / "parts")
