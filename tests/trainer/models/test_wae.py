"""WAE-MMD: the discrepancy against an independent computation and its properties, and a training."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.trainings import history, settings, train
from trainer import config, models
from trainer.errors import UserError
from trainer.runs.folder import Run
from trainer.training import losses

WAE = {"model": {"kind": "wae-mmd"}, "prior": {"kind": "normal"}}


def mmd_by_loops(x: np.ndarray, y: np.ndarray) -> float:
    """Algorithm 2 of Tolstikhin et al. written out pair by pair."""
    n, d = x.shape
    total = 0.0
    for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        c = 2 * d * scale

        def k(a: np.ndarray, b: np.ndarray, c: float = c) -> float:
            return c / (c + float(((a - b) ** 2).sum()))

        for i in range(n):
            for j in range(n):
                if i != j:
                    total += (k(x[i], x[j]) + k(y[i], y[j])) / (n * (n - 1))
                total -= 2 * k(x[i], y[j]) / n**2
    return total


@pytest.mark.parametrize(("n", "d"), [(2, 1), (7, 3), (20, 16)])
def test_mmd_is_that_of_the_paper(n, d):
    generator = np.random.default_rng(n)
    x, y = generator.normal(1, 2, (n, d)), generator.normal(size=(n, d))
    assert losses.mmd(torch.from_numpy(x), torch.from_numpy(y)).item() == pytest.approx(mmd_by_loops(x, y), abs=1e-9)


def test_mmd_vanishes_on_average_for_one_distribution_and_grows_with_the_shift():
    """Unbiased: the mean over many samples of the same distribution is 0 within its standard error."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda: torch.randn(32, 4, generator=generator)  # noqa: E731
    same = torch.stack([losses.mmd(draw(), draw()) for _ in range(400)])
    assert abs(same.mean()) < 4 * same.std() / math.sqrt(len(same))
    shifted = [losses.mmd(draw() + shift, draw()).item() for shift in (1.0, 2.0, 4.0)]
    assert same.mean() < shifted[0] < shifted[1] < shifted[2]


def test_codes_are_told_where_to_go():
    """Gradient descent on the discrepancy alone brings a narrow cloud beside it to N(0, I)."""
    generator = torch.Generator().manual_seed(0)
    codes = (0.3 * torch.randn(128, 2, generator=generator) + 1).requires_grad_()
    optimizer = torch.optim.Adam([codes], lr=0.03)
    for _ in range(300):
        optimizer.zero_grad()
        losses.mmd(codes, torch.randn(128, 2, generator=generator)).backward()
        optimizer.step()
    assert codes.mean(0).abs().max() < 0.15
    assert (codes.std(0) - 1).abs().max() < 0.15


def test_a_training_has_its_terms_resumes_and_loads(tmp_path):
    wanted = settings(**WAE, optim={"max_steps": 8, "validate_every": 4})
    assert train(tmp_path / "run", wanted).reason == "finished"
    run = Run(tmp_path / "run")
    rows = run.history
    whole = rows["reconstruction"] + wanted.objective.lambda_mmd * rows["mmd"]
    assert np.allclose(rows["loss"].dropna(), whole.dropna())
    assert {"prior_scale", "code_scale", "posterior_scale"} <= set(history(tmp_path / "run")[-1])
    mu, log_var = run.load_model().encode(torch.rand(3, 1, 32, 32))
    assert mu.shape == log_var.shape
    assert torch.equal(log_var, torch.full_like(log_var, -8.0)), "codes without noise"


def test_the_encoder_has_no_noise_and_the_prior_no_choice():
    model = models.build(settings(**WAE))
    x = torch.rand(2, 1, 32, 32)
    assert torch.equal(model.encode(x)[0], model.encode(x)[0])
    with pytest.raises(UserError, match=r"model.kind=wae-mmd has the prior 'normal'"):
        config.from_dict({"model": {"kind": "wae-mmd"}, "prior": {"kind": "gmp"}})
