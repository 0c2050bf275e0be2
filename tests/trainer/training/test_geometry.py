"""Spearman and distortion at each validation: right, without a trace in the training, and cheap."""

from __future__ import annotations

import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from tests.fixtures import make_run
from trainer.training import geometry


@pytest.fixture(params=["gmp", "np", "normal"])
def model(request, tmp_path):
    return make_run(tmp_path / "small", prior=request.param).load_model()


def test_it_is_spearman_of_prior_samples(model):
    found = geometry.measure(model, seed=4)
    z = model.sample_prior(geometry.SAMPLES, torch.Generator().manual_seed(4)).detach()
    x = model.decode(z).detach().flatten(1)
    expected = spearmanr(pdist(z.double().numpy()), pdist(x.double().numpy())).statistic
    assert found["spearman"] == pytest.approx(expected, abs=1e-9)
    assert 0 < found["distortion"] < 1


def test_it_leaves_no_trace(model):
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    first = geometry.measure(model, seed=0)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert geometry.measure(model, seed=0) == first


def test_a_diverged_model_adds_nothing(model):
    with torch.no_grad():
        for weights in model.decoder.parameters():
            weights.fill_(float("nan"))
    assert geometry.measure(model, seed=0) == {}
