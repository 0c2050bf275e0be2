"""Spearman, distortion, GW and pairs at each validation: right, without a trace in the training, and bounded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from tests.fixtures import make_run
from tests.trainings import pictures
from trainer.evaluation.geometry import Pairs
from trainer.latent import pair_history, transport
from trainer.training import geometry


@pytest.fixture(params=["gmp", "np", "normal"])
def model(request, tmp_path):
    return make_run(tmp_path / "small", prior=request.param).load_model()


@pytest.fixture
def recording(tmp_path):
    return geometry.Geometry(tmp_path, pictures(64), seed=4)


def samples(model) -> tuple[torch.Tensor, torch.Tensor]:
    z = model.sample_prior(geometry.SAMPLES, torch.Generator().manual_seed(4)).detach()
    return z, model.decode(z).detach()


def test_it_is_spearman_of_prior_samples(model, recording):
    found = recording.measure(model, step=1)
    z, x = (part.flatten(1).double().numpy() for part in samples(model))
    assert found["spearman"] == pytest.approx(spearmanr(pdist(z), pdist(x)).statistic, abs=1e-9)
    assert 0 < found["distortion"] < 1


def test_gw_is_that_of_codes_and_held_out_pictures(model, recording):
    found = recording.measure(model, step=1)
    z, _ = samples(model)
    held_out = pictures(64).float_batch(slice(64)).flatten(1).double().numpy()
    assert found["gw to data"] == transport.solve(pdist(z[:32].double().numpy()), pdist(held_out[:32]), 4, 2).value
    assert found["gw floor"] == transport.solve(pdist(held_out[32:]), pdist(held_out[:32]), 4, 2).value


def test_few_pictures_have_no_gw(model, tmp_path):
    assert set(geometry.Geometry(tmp_path, pictures(3), 0).measure(model, 1)) == {"spearman", "distortion"}


def test_the_recorded_pairs_and_line_are_those_of_the_samples(model, recording):
    recording.measure(model, step=7)
    stored = pair_history.read(recording.path)
    pairs = Pairs(model, *samples(model))
    assert stored.step.tolist() == [7]
    assert stored.slope[0] == pytest.approx(pairs.slope, rel=1e-5)
    drawn = np.linspace(0, len(pairs.d_z) - 1, pair_history.PAIRS).round().astype(int)
    np.testing.assert_allclose(stored.d_z[0], pairs.d_z[drawn], rtol=1e-3)
    np.testing.assert_allclose(stored.d_x[0], pairs.d_x[drawn], rtol=1e-3)


def test_a_resumed_training_goes_on_from_its_step(model, recording):
    for step in (1, 2, 3):
        recording.measure(model, step)
    resumed = geometry.Geometry(recording.path.parent, pictures(64), seed=4, step=2)
    resumed.measure(model, 3)
    assert resumed.history.step.tolist() == [1, 2, 3]
    recording.path.write_bytes(b"broken")
    assert not len(geometry.Geometry(recording.path.parent, pictures(64), seed=4, step=2).history.step)


def test_it_leaves_no_trace(model, recording):
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    first = recording.measure(model, step=1)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert recording.measure(model, step=2) == first


def test_a_diverged_model_adds_nothing(model, recording):
    with torch.no_grad():
        for weights in model.decoder.parameters():
            weights.fill_(float("nan"))
    assert recording.measure(model, step=1) == {}
    assert not recording.path.exists()
