"""The contour term: what contours are, what the term reaches, and that a training with it continues where it was."""

from __future__ import annotations

import pytest
import torch

from tests.trainings import CPU, pictures, settings
from trainer.models import build
from trainer.runs import folder
from trainer.training import contours, losses, objectives
from trainer.training.fit import Trainer

WEIGHT = {"objective": {"lambda_c": 50.0}}


def step_edge(height: float, size: int = 32, column: int = 16) -> torch.Tensor:
    x = torch.zeros(1, 3, size, size)
    x[..., column:] = height
    return x


# --- contours of pictures ---------------------------------------------------------------------------------------------


def test_even_pictures_have_none():
    for shade in (0.0, 0.4, 1.0):
        assert contours.contours(torch.full((2, 3, 32, 32), shade)).abs().max() < 1e-6


def test_they_lie_in_the_unit_interval_and_have_one_channel():
    worst = (torch.arange(32)[:, None] + torch.arange(32)[None]).remainder(2).float().expand(1, 3, 32, 32)
    found = contours.contours(torch.cat([worst, torch.rand(4, 3, 32, 32)]))
    assert found.shape == (5, 1, 32, 32)
    assert found.min() >= 0
    assert 0.8 < found.max() <= 1


def test_they_lie_where_the_picture_changes():
    found = contours.contours(step_edge(0.5))[0, 0]
    assert found[16].argmax() in (15, 16)
    assert found[:, :10].abs().max() < 1e-6


def test_a_faint_contour_counts_nearly_as_much_as_a_strong_one():
    faint, strong = (contours.contours(step_edge(height)).max() for height in (0.25, 1.0))
    assert 0.4 < faint / strong < 0.5  # nearly the root of a quarter, in squares a sixteenth


def test_they_do_not_depend_on_the_sign_or_on_where_the_colours_are():
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for same in (1 - x, x[:, [2, 0, 1]]):
        assert torch.allclose(contours.contours(x), contours.contours(same), atol=1e-6)


def test_they_move_with_the_picture():
    x = torch.zeros(1, 1, 32, 32)
    x[..., 10:18, 12:20] = 0.7
    moved = contours.contours(x.roll((3, -2), (2, 3)))
    assert torch.allclose(contours.contours(x).roll((3, -2), (2, 3)), moved, atol=1e-6)


# --- the term ---------------------------------------------------------------------------------------------------------


def objective(**sections: object) -> objectives.Objective:
    wanted = settings(**sections)
    return objectives.build(build(wanted), wanted)


VAE = {"model": {"kind": "vae"}, "prior": {"kind": "normal"}}


@pytest.mark.parametrize(("kind", "player"), [(VAE, "main"), ({}, "main"), ({}, "warmup")])
def test_the_loss_has_it_by_its_weight(kind, player):
    x = pictures(8).float_batch(slice(None))
    task = objective(**kind, **WEIGHT)
    terms = task(x, player)
    assert terms["contours"] > 0
    named = {"main": {"reconstruction": 1, "kl": 1}, "warmup": {"reconstruction": 1, "kl": 0.06}}[player]
    if "kl" in terms:
        expected = sum(weight * terms[name] for name, weight in named.items()) + 50 * terms["contours"]
        assert terms["loss"].item() == pytest.approx(expected.item(), rel=1e-5)
    task.contours = None
    assert "contours" not in task(x, player)


def test_it_is_the_error_of_the_contours_drawn_from_the_code():
    task, x = objective(**VAE, **WEIGHT), pictures(8).float_batch(slice(None))
    z = torch.randn(8, task.settings.model.z_dim)
    terms = task.with_contours({"loss": torch.tensor(3.0)}, x, z)
    expected = losses.reconstruction(contours.contours(x), task.contours(z))
    assert terms["contours"].item() == pytest.approx(expected.item(), rel=1e-6)
    assert terms["loss"].item() == pytest.approx(3 + 50 * expected.item(), rel=1e-6)


def test_it_reaches_the_encoder_and_its_own_decoder_and_not_the_decoder_of_pictures():
    task, x = objective(**VAE, **WEIGHT), pictures(8).float_batch(slice(None))
    task(x)["contours"].backward()
    parameters = dict(task.named_parameters())
    reached = {name for name, each in parameters.items() if each.grad is not None and each.grad.abs().max() > 0}
    assert {".".join(name.split(".")[:2]) for name in reached} == {"model.encoder", "contours.body"}


def test_without_a_weight_nothing_is_built():
    task = objective(**VAE)
    assert task.contours is None
    assert not [name for name, _ in task.named_parameters() if name.startswith("contours")]


def test_its_decoder_is_seeded_and_leaves_the_global_generator_alone():
    before = torch.random.get_rng_state()
    first, second = (contours.decoder(settings(**WEIGHT)).state_dict() for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)


# --- trainings --------------------------------------------------------------------------------------------------------


def test_a_code_learns_to_tell_the_contours(tmp_path):
    """Overfitted on few pictures, the error of the contours falls far below that of their mean."""
    few = pictures(8)
    optim = {"lr": 1e-3, "max_steps": 400, "validate_every": 400}
    wanted = settings(**VAE, objective={"lambda_c": 50.0, "beta": 0.0}, optim=optim)
    trainer = Trainer(folder.create(tmp_path / "run", wanted), few, hardware=CPU)
    x = trainer.train_set.float_batch(slice(None))
    target = contours.contours(x)
    trainer.fit(progress=False)
    with torch.no_grad():
        drawn = trainer.objective.contours(trainer.model.encode(x)[0])
    error, spread = ((target - other).square().mean().item() for other in (drawn, target.mean(0, keepdim=True)))
    assert error < 0.3 * spread
