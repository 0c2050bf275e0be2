"""LeakyReLU for the gradient penalty: torch's numbers, bit by bit, and no zeros sent back through the layers."""

from __future__ import annotations

import copy
from unittest import mock

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from trainer.models.leaky import LeakyReLU
from trainer.models.networks import Critic
from trainer.training import losses


class Counted(TorchDispatchMode):
    """Counts the backward passes of convolutions."""

    def __init__(self):
        super().__init__()
        self.backward = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.backward += func is torch.ops.aten.convolution_backward.default
        return func(*args, **(kwargs or {}))


def penalised(critic: Critic) -> tuple[list[torch.Tensor], int]:
    """Gradients of potential and penalty, and how many backward passes of convolutions they took."""
    torch.manual_seed(1)
    x, z = torch.rand(2, 6, 1, 32, 32), torch.randn(2, 6, 4)
    with Counted() as counted:
        penalty = losses.gradient_penalty(critic, (x[0], z[0]), (x[1], z[1]))
        (penalty + critic(x[0], z[0]).mean()).backward()
    return [parameter.grad for parameter in critic.parameters()], counted.backward


def test_the_gradients_are_torchs_with_fewer_passes():
    torch.manual_seed(0)
    critic = Critic((1, 32, 32), 4, 2)
    other = copy.deepcopy(critic)
    with mock.patch.object(LeakyReLU, "forward", nn.LeakyReLU.forward):
        expected, more = penalised(other)
    found, fewer = penalised(critic)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    stages = sum(isinstance(layer, nn.Conv2d) for layer in critic.image)
    assert (fewer, more) == (2 * stages, 3 * stages)


def test_derivatives_agree_with_finite_differences():
    x = torch.tensor([-2.0, -0.3, 0.4, 1.5], dtype=torch.float64, requires_grad=True)
    layer = LeakyReLU(0.2)
    assert torch.equal(layer(x), nn.functional.leaky_relu(x, 0.2))
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(lambda x: layer(x) ** 2, x)
