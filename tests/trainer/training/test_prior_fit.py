"""Fitting a neural prior to the codes: by its distance, on planted codes, without touching anything else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from tests.trainer.training.test_warm_start import planted, seeded
from tests.trainings import pictures, settings
from trainer.models import build
from trainer.runs.folder import Run
from trainer.training import prior_fit
from trainer.training.warm_start import sample_codes


def planted_model():
    """A model with the encoder of `planted`, whose codes lie in five clusters, far from any neural prior's samples."""
    linear, images, _ = planted(400)
    made = build(settings(prior={"kind": "np"}, model={"inverse_sigmoid": False}))
    made.encoder = linear.encoder
    return made, images


def samples(made, n: int = 2000) -> np.ndarray:
    with torch.no_grad():
        return made.prior.eval().sample(n, seeded(9)).numpy()


def test_the_energy_distance_is_that_of_scipy():
    """SciPy's is the root of 2 E|z - s| - E|z - z'| - E|s - s'|, on a line."""
    z = torch.randn(1500, 1, generator=seeded(0)) + 1
    first, second = (2 * torch.randn(1500, 1, generator=seeded(seed)) for seed in (1, 2))
    within = torch.cdist(z, z).sum() / (len(z) * (len(z) - 1))
    found = prior_fit.energy_distance(z, first, second) - within
    wanted = stats.energy_distance(z[:, 0].numpy(), torch.cat([first, second])[:, 0].numpy()) ** 2
    assert found.item() == pytest.approx(wanted, abs=0.02)
    assert wanted > 0.2


def test_samples_have_the_correlations_and_clusters_of_the_codes():
    made, images = planted_model()
    before = samples(made)
    prior_fit.fit_prior(made, images, 0, "cpu", 1200)
    after, codes = samples(made), sample_codes(made, images, 1).numpy()
    wanted = np.corrcoef(codes.T)
    assert np.abs(np.corrcoef(before.T) - wanted).max() > 0.5
    assert np.abs(np.corrcoef(after.T) - wanted).max() < 0.15
    far, near = (np.median(np.linalg.norm(each[:, None] - codes[None], axis=2).min(1)) for each in (before, after))
    assert near < 0.5 * far


def test_nothing_else_changes_and_the_seed_decides():
    def fitted(seed: int):
        made, images = planted_model()
        prior_fit.fit_prior(made, images, seed, "cpu", 5)
        return made, images

    made, images = planted_model()
    x = images.float_batch(slice(20))
    with torch.no_grad():
        wanted = made.decode(made.encode(x)[0])
    critic = [weight.clone() for weight in made.critic.parameters()]
    state = torch.get_rng_state()
    prior_fit.fit_prior(made, images, 3, "cpu", 5)
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        assert made.decode(made.encode(x)[0]).numpy() == pytest.approx(wanted.numpy(), abs=1e-4)
    assert all(torch.equal(one, other) for one, other in zip(critic, made.critic.parameters(), strict=True))
    assert made.prior.training
    assert np.array_equal(samples(fitted(3)[0]), samples(made))
    assert not np.array_equal(samples(fitted(4)[0]), samples(fitted(3)[0]))


def test_a_training_ends_with_it(tmp_path):
    from trainer.runs.folder import create
    from trainer.training.loop import Trainer

    def trained(name: str, **prior: object) -> Run:
        run = create(tmp_path / name, settings(prior={"kind": "np", **prior}, optim={"max_steps": 3, "keep": "last"}))
        Trainer(run, pictures(60)).fit(progress=False)
        return run

    plain, fitted = trained("plain").load_model(), trained("fitted", fit_steps=50).load_model()
    codes = sample_codes(fitted, pictures(60), 0)
    assert codes.std(0).numpy() == pytest.approx(1, abs=0.3)
    assert not np.allclose(samples(plain), samples(fitted))
