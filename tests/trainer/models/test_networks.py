"""Networks: the published sizes, ranges of what goes in and comes out, and the critic's spectral norms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from trainer import config
from trainer.models import build, networks
from trainer.models.base import LOG_VAR_LIMIT, bounded_log_var, posterior_sample
from trainer.models.gwae import GWAE

SHAPES = [(channels, size, size) for channels in (1, 3) for size in (32, 64)]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gwae(size: int = 32, channels: int = 1, prior: str = "gmp", **model: object) -> GWAE:
    sizes = {"z_dim": 5, "width": 4, "critic_width": 2}
    sections = {"data": {"size": size, "channels": channels}, "model": sizes | model, "prior": {"kind": prior}}
    return build(config.from_dict(sections))


def convolutions(module: nn.Module) -> list[int]:
    kinds = nn.Conv2d | nn.ConvTranspose2d
    return [layer.out_channels for layer in module.modules() if isinstance(layer, kinds)]


def critic_layers(critic: nn.Module) -> list[nn.Module]:
    return [layer for layer in critic.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_the_published_celeba_setting():
    """64x64x3, z_dim 64, NP: 4.6 M parameters in all, with the critic."""
    model = gwae(64, 3, "np", z_dim=64, width=32, critic_width=8)
    assert sum(parameter.numel() for parameter in model.parameters()) == 4_609_405
    assert convolutions(model.encoder) == [32, 64, 128, 256]
    assert convolutions(model.decoder) == [128, 64, 32, 3]
    assert convolutions(model.critic) == [8, 16, 32, 64, 128, 256]
    widths = [
        [layer.out_features for layer in part if isinstance(layer, nn.Linear)] for part in model.critic.children()
    ]
    assert widths == [[64], [256, 256, 64], [256, 256, 1]]
    flat = [layer.in_features for layer in model.encoder.modules() if isinstance(layer, nn.Linear)]
    assert flat == [4096, 256]
    assert not [layer for layer in model.decoder.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    assert model.log_scale.exp().item() == pytest.approx(2.5)


@pytest.mark.parametrize("size", [32, 64])
def test_smaller_pictures_have_fewer_stages(size):
    model = gwae(size)
    stages = {32: 3, 64: 4}[size]
    assert len(convolutions(model.encoder)) == len(convolutions(model.decoder)) == stages
    assert len(convolutions(model.critic)) == {32: 5, 64: 6}[size]


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape):
    channels, size, _ = shape
    model = gwae(size, channels)
    x = torch.rand(3, *shape, generator=seeded(0))
    mu, log_var = model.encode(x)
    assert mu.shape == log_var.shape == (3, 5)
    assert model.decode(mu).shape == x.shape
    assert model.critic(x, mu).shape == (3,)
    assert model.image_shape == shape


# --- encoder and decoder ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_pictures_stay_between_black_and_white(scale):
    x = gwae(32, 3).decode(scale * torch.randn(20, 5, generator=seeded(0)))
    assert torch.isfinite(x).all()
    assert x.min() >= 0
    assert x.max() <= 1


def test_pixel_logits_are_finite_increasing_and_symmetric():
    bytes_ = torch.arange(256) / 255
    logits = networks.pixel_logits(bytes_)
    assert torch.isfinite(logits).all()
    assert torch.all(logits.diff() > 0)
    assert logits.abs().max() <= 6.3
    assert logits.double().numpy() == pytest.approx(-logits.flip(0).double().numpy(), abs=1e-3)
    p = (np.arange(256) + 0.5) / 256
    assert logits.double().numpy() == pytest.approx(np.log(p / (1 - p)), rel=1e-3, abs=1e-5)


def test_the_inverse_sigmoid_comes_before_the_first_layer_and_can_be_left_out():
    x = torch.rand(2, 1, 32, 32, generator=seeded(1))
    with_it, without = gwae(), gwae(inverse_sigmoid=False)
    without.load_state_dict(with_it.state_dict())
    assert torch.equal(with_it.encode(x)[0], without.encode(networks.pixel_logits(x))[0])
    assert not torch.equal(with_it.encode(x)[0], without.encode(x)[0])


def test_log_variance_is_bounded_and_still_learns():
    raw = torch.tensor([-1e30, -50.0, -8.0, -0.1, 0.0, 0.1, 8.0, 50.0, 1e30], requires_grad=True)
    bounded = bounded_log_var(raw)
    assert bounded.abs().max() <= LOG_VAR_LIMIT
    assert torch.all(bounded.diff() >= 0)
    assert bounded[3:6].tolist() == pytest.approx([-0.1, 0, 0.1], rel=1e-3)
    bounded.sum().backward()
    assert torch.isfinite(raw.grad).all()
    assert torch.all(raw.grad[1:-1] > 0)  # out at 50 it still finds its way back
    assert torch.isfinite((0.5 * bounded).exp()).all()


def test_extreme_weights_give_a_bounded_log_variance():
    model = gwae()
    with torch.no_grad():
        model.encoder.heads.weight.mul_(1e6)
    mu, log_var = model.encode(torch.rand(4, 1, 32, 32, generator=seeded(0)))
    assert mu.abs().max() > 100
    assert log_var.abs().max() <= LOG_VAR_LIMIT


def test_posterior_samples_have_the_posterior_moments():
    mu, log_var = torch.tensor([[1.0, -2.0, 0.0]]), torch.tensor([[0.0, -4.0, 2.0]])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        z = posterior_sample(mu.expand(100_000, 3), log_var.expand(100_000, 3))
    deviation = [1.0, math.exp(-2), math.exp(1)]
    assert (z.mean(0) - mu[0]).abs().tolist() == pytest.approx([0, 0, 0], abs=0.03)
    assert z.std(0).tolist() == pytest.approx(deviation, rel=0.02)


# --- critic -----------------------------------------------------------------------------------------------------------


def largest_singular_value(layer: nn.Module) -> float:
    """NumPy's, of the weight in use as a matrix (outputs, everything else)."""
    weight = layer.weight.detach().double().numpy()
    return np.linalg.svd(weight.reshape(len(weight), -1), compute_uv=False)[0]


@pytest.mark.parametrize("size", [32, 64])
def test_every_critic_layer_has_spectral_norm_one(size):
    """Also after the weights have been moved far from where the power iteration was last."""
    critic = gwae(size, critic_width=4).critic
    layers = critic_layers(critic)
    assert len(layers) == {32: 5, 64: 6}[size] + 1 + 3 + 3
    generator = seeded(0)
    with torch.no_grad():
        for layer in layers:
            original = layer.parametrizations.weight.original
            original.copy_(7 * torch.randn(original.shape, generator=generator))
        before = [largest_singular_value(layer) for layer in layers]
        assert max(before) > 1.2  # the stored vectors do not fit the new weights
        x, z = torch.rand(2, 1, size, size, generator=seeded(0)), torch.randn(2, 5, generator=seeded(1))
        for _ in range(60):
            critic(x, z)
        after = [largest_singular_value(layer) for layer in critic.eval() and layers]
    assert after == pytest.approx([1] * len(layers), abs=0.05)


def test_an_evaluated_critic_does_not_change():
    critic = gwae().critic.eval()
    before = {name: tensor.clone() for name, tensor in critic.state_dict().items()}
    x, z = torch.rand(2, 1, 32, 32, generator=seeded(0)), torch.randn(2, 5, generator=seeded(1))
    assert torch.equal(critic(x, z), critic(x, z))
    assert all(torch.equal(tensor, before[name]) for name, tensor in critic.state_dict().items())


def test_the_joint_branch_sees_both_halves_divided_by_two():
    critic = gwae().critic.eval()
    seen = []
    critic.joint.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x, z = torch.rand(2, 1, 32, 32, generator=seeded(0)), torch.randn(2, 5, generator=seeded(1))
    critic(x, z)
    assert torch.equal(2 * seen[0], torch.cat([critic.image(x), critic.latent(z)], dim=1))


def test_the_potential_depends_on_picture_and_code():
    critic = gwae().critic.eval()
    x = torch.rand(4, 1, 32, 32, generator=seeded(0)).requires_grad_()
    z = torch.randn(4, 5, generator=seeded(1)).requires_grad_()
    critic(x, z).sum().backward()
    assert torch.all(x.grad.flatten(1).norm(dim=1) > 0)
    assert torch.all(z.grad.norm(dim=1) > 0)
    assert torch.allclose(critic(x, z)[:1], critic(x[:1], z[:1]), rtol=1e-4)  # of one picture, not of the batch


# --- the model as a whole ---------------------------------------------------------------------------------------------


def test_scores_are_deterministic_and_see_the_picture_itself():
    """The published score is f(g(z), z) of a sampled z: the picture never reaches the critic."""
    model = gwae().eval().requires_grad_(False)
    x = torch.rand(6, 1, 32, 32, generator=seeded(0))
    first, second = model.ood_scores(x), model.ood_scores(x)
    assert {"potential f(g(mu), mu)", "potential f(x, mu)", "prior", "reconstruction error"} <= set(first)
    assert all(torch.equal(first[name], second[name]) for name in first)
    mu, _ = model.encode(x)
    assert torch.equal(first["potential f(x, mu)"], model.critic(x, mu))
    assert torch.equal(first["potential f(g(mu), mu)"], model.critic(model.decode(mu), mu))
    assert first["prior"].numpy() == pytest.approx(-model.prior.log_prob(mu).numpy())
    expected = 0.5 * ((x - model.decode(mu)) ** 2).sum((1, 2, 3))
    assert first["reconstruction error"].numpy() == pytest.approx(expected.numpy(), rel=1e-5)


def test_a_prior_without_density_gives_no_prior_score():
    assert "prior" not in gwae(prior="np").eval().ood_scores(torch.rand(2, 1, 32, 32))


def test_the_seed_decides_the_initial_weights_and_the_global_state_is_spared():
    before = torch.get_rng_state()
    first, second = gwae().state_dict(), gwae().state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    other = build(config.from_dict({"model": {"z_dim": 5, "width": 4, "critic_width": 2}, "seed": 1})).state_dict()
    assert not torch.equal(first["encoder.heads.weight"], other["encoder.heads.weight"])
