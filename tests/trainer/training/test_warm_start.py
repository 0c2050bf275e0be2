"""Placing a mixture on codes: exact where it says exact, on planted clusters, without labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score
from torch import nn

from tests.trainings import pictures, settings
from trainer.data.imageset import ImageSet
from trainer.models import build
from trainer.models.gwae import GWAE
from trainer.training import warm_start

CLUSTERS = 5


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model(**sections: object) -> GWAE:
    return build(settings(prior={"kind": "gmp", "components": CLUSTERS}, **sections))


def planted(n: int = 600, seed: int = 0) -> tuple[GWAE, ImageSet, np.ndarray]:
    """A model that reads codes off pictures linearly, and noisy copies of a few templates in unequal numbers.

    The codes are far from standardised: off centre, and of another scale on each axis.
    """
    shares = torch.tensor([0.35, 0.25, 0.2, 0.12, 0.08])
    labels = torch.multinomial(shares, n, replacement=True, generator=seeded(seed))
    templates = torch.rand(CLUSTERS, 1, 32, 32, generator=seeded(seed + 1)) * 200 + 25
    noise = 5 * torch.randn(n, 1, 32, 32, generator=seeded(seed + 2))
    images = (templates[labels] + noise).clamp(0, 255).to(torch.uint8)
    made = model(model={"inverse_sigmoid": False})
    linear = nn.Linear(32 * 32, 256)
    made.encoder.body = nn.Sequential(nn.Flatten(), linear)
    with torch.no_grad():
        linear.weight.copy_(torch.randn(256, 1024, generator=seeded(seed + 3)) / 16)
        heads = made.encoder.heads
        heads.weight.copy_(torch.randn(heads.weight.shape, generator=seeded(seed + 4)))
        heads.weight[:4] *= torch.tensor([[3.0], [0.5], [1.0], [2.0]])
        heads.bias[:4] = torch.tensor([10.0, -4.0, 0.0, 2.0])
        heads.weight[4:] *= 0.001
        heads.bias[4:] = -20.0  # sigma is nothing beside the distances
        linear.bias.zero_()
    ids = tuple(f"planted-{i}" for i in range(n))
    return made, ImageSet(images, None, (), ids, "Planted", "train"), labels.numpy()


@torch.no_grad()
def assigned(made: GWAE, images: ImageSet) -> np.ndarray:
    return made.prior.responsibilities(made.encode(images.float_batch(slice(None)))[0]).argmax(1).numpy()


# --- codes ------------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_standardising_changes_codes_as_said_and_pictures_not_at_all():
    made, images = model(), pictures(40)
    x = images.float_batch(slice(None))
    mu, log_var = made.encode(x)
    z = torch.randn(40, 4, generator=seeded(0))
    reconstructed, generated = made.decode(mu), made.decode(z)
    mean, std = torch.tensor([3.0, -2.0, 0.5, 0.0]), torch.tensor([0.2, 4.0, 1.0, 1.5])
    warm_start.standardise_codes(made, mean, std)
    new_mu, new_log_var = made.encode(x)
    assert new_mu.numpy() == pytest.approx(((mu - mean) / std).numpy(), rel=1e-4, abs=1e-5)
    assert made.decode(new_mu).numpy() == pytest.approx(reconstructed.numpy(), abs=1e-5)
    assert made.decode((z - mean) / std).numpy() == pytest.approx(generated.numpy(), abs=1e-5)
    # The bound bends log sigma^2 by less than a sixth of the change here.
    change, wanted = new_log_var - log_var, -2 * std.log()
    assert torch.all((change - wanted).abs() <= wanted.abs() / 6 + 1e-5)


@torch.no_grad()
def test_standardised_codes_have_zero_mean_and_unit_deviation():
    made, images, _ = planted()
    codes = warm_start.sample_codes(made, images, seed=1)
    assert codes.mean(0).abs().max() > 1
    warm_start.standardise_codes(made, codes.mean(0), codes.std(0))
    codes = warm_start.sample_codes(made, images, seed=1)
    assert codes.mean(0).abs().max() < 0.01
    assert (codes.std(0) - 1).abs().max() < 0.02


@torch.no_grad()
def test_codes_are_samples_of_the_posterior_by_seed_alone(monkeypatch):
    made, images, _ = planted(400)
    with torch.no_grad():
        made.encoder.heads.bias[4:] = 0.0  # sigma near one
    before = torch.get_rng_state()
    first, second, other = (warm_start.sample_codes(made, images, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    order = torch.randperm(400, generator=seeded(1))
    mu, log_var = made.encode(images.float_batch(order))
    noise = (first - mu) / (0.5 * log_var).exp()
    assert noise.std().item() == pytest.approx(1, abs=0.05)
    assert noise.mean().item() == pytest.approx(0, abs=0.1)
    monkeypatch.setattr(warm_start, "PICTURES", 150)
    assert warm_start.sample_codes(made, images, 1).shape == (150, 4)


# --- the mixture ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", ["em", "neighbours"])
def test_components_land_on_planted_clusters(placement):
    made, images, labels = planted()
    assert normalized_mutual_info_score(labels, assigned(made, images)) < 0.9
    before = torch.get_rng_state()
    warm_start.place_mixture(made, images, seed=0, placement=placement)
    assert torch.equal(torch.get_rng_state(), before)
    found = assigned(made, images)
    assert normalized_mutual_info_score(labels, found) == pytest.approx(1)
    prior = made.prior
    with torch.no_grad():
        mu, _ = made.encode(images.float_batch(slice(None)))
        for k in range(CLUSTERS):
            own = mu[found == k]
            assert prior.weights()[k].item() == pytest.approx(len(own) / len(mu), abs=0.005)
            assert prior.means()[k].numpy() == pytest.approx(own.mean(0).numpy(), abs=0.05)
            ratio = prior.covariances()[k].diagonal() / own.var(0)
            assert torch.all((ratio > 0.8) & (ratio < 1.25))
        samples = prior.sample(2000, seeded(0))
        assert torch.cdist(samples, mu).min(1).values.quantile(0.95) < 0.5  # samples lie among the codes


def test_placing_keeps_reconstructions_and_is_decided_by_the_seed():
    first, images, _ = planted()
    x = images.float_batch(slice(0, 20))
    with torch.no_grad():
        before = first.reconstruct(x)
        second = planted()[0]
        for made in (first, second):
            warm_start.place_mixture(made, images, seed=3)
        assert first.reconstruct(x).numpy() == pytest.approx(before.numpy(), abs=1e-4)
    assert all(torch.equal(tensor, second.state_dict()[name]) for name, tensor in first.state_dict().items())


def test_a_placed_mixture_keeps_learning():
    made, images, _ = planted(200)
    warm_start.place_mixture(made, images, seed=0)
    assert all(parameter.requires_grad for parameter in made.parameters())
    z, shares = made.prior.sample_weighted(64)
    (shares * z.norm(dim=1)).mean().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in made.prior.parameters())
