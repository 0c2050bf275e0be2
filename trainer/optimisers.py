"""The optimiser of each player, and their learning rates over the training."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn
from torch.optim import Optimizer

from trainer.config import OptimConfig

MAIN_BETAS = (0.9, 0.999)
CRITIC_BETAS = (0.5, 0.9)  # the usual choice under a gradient penalty: little momentum for a moving target


def build(objective: nn.Module, settings: OptimConfig) -> dict[str, Optimizer]:
    """Optimisers by player: 'main', and 'critic' where the objective has one."""
    optimizers = {"main": _optimiser(objective.main_parameters(), settings, settings.lr, MAIN_BETAS)}
    if objective.has_critic:
        optimizers["critic"] = _optimiser(objective.critic_parameters(), settings, settings.critic_lr, CRITIC_BETAS)
    return optimizers


def _optimiser(groups: list[dict], settings: OptimConfig, lr: float, betas: tuple[float, float]) -> Optimizer:
    groups = [
        {"params": group["params"], "lr": lr * group["scale"], "initial_lr": lr * group["scale"]} for group in groups
    ]
    if settings.name == "adam":
        return torch.optim.Adam(groups, betas=betas, fused=True)
    return torch.optim.RMSprop(groups, foreach=True)


def set_learning_rates(optimizers: Mapping[str, Optimizer], settings: OptimConfig, step: int) -> None:
    """Cosine from the initial rate to a tenth of it at max_steps, or constant; a function of the step alone."""
    share = step / settings.max_steps
    factor = 0.1 + 0.45 * (1 + math.cos(math.pi * share)) if settings.decay else 1.0
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
