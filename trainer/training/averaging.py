"""The averaged critic: an exponential moving average of the critic's weights, which is what scores pictures.

The critic plays a game without an end: its potential is fixed up to a constant and hardly at all where neither data nor
samples lie, so single steps move it about and its side on outliers flips (docs/results.md). Its average over many steps
keeps what they agree on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

DECAY = 0.998
"""Weight of what came before at each critic step: the last 500 steps or so count."""
POWER_ITERATIONS = 50
"""Steps of the power method after which the averaged weights' own largest singular values are known."""


class CriticAverage:
    """w_avg <- DECAY w_avg + (1 - DECAY) w after each critic step, starting at the first.

    Args:
        critic: the trained one; it is copied, never changed.
    """

    def __init__(self, critic: nn.Module):
        self.averaged = AveragedModel(critic, multi_avg_fn=get_ema_multi_avg_fn(DECAY)).requires_grad_(False)

    def update(self, critic: nn.Module) -> None:
        """Take in the critic as it is now."""
        self.averaged.update_parameters(critic)

    @contextmanager
    def presented(self, model: nn.Module) -> Iterator[None]:
        """Within the context, the averaged critic stands in the place of `model.critic`, in evaluation mode.

        Nothing is changed if no step was averaged yet.
        """
        if not self.averaged.n_averaged:
            yield
            return
        own, model.critic = model.critic, _normalised(self.averaged.module)
        try:
            yield
        finally:
            model.critic = own


@torch.no_grad()
def _normalised(critic: nn.Module) -> nn.Module:
    """The critic with its spectral norms brought up to date: vectors of the live weights are not those of the mean."""
    critic.train()
    for _ in range(POWER_ITERATIONS):
        for module in critic.modules():
            if nn.utils.parametrize.is_parametrized(module):
                _ = module.weight  # each look in training mode is one power iteration
    return critic.eval()
