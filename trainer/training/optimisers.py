"""The optimiser of each player, and their learning rates over the training."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainer.config import OptimConfig

MAIN_BETAS = (0.9, 0.999)
CRITIC_BETAS = (0.5, 0.9)  # the usual choice under a gradient penalty: little momentum for a moving target


def build(
    objective: nn.Module, settings: OptimConfig, capturable: bool = False, device: torch.device | str = "cpu"
) -> dict[str, Optimizer]:
    """Return optimisers by player: 'main', and 'critic' where the objective has one.

    Args:
        capturable: whether all state, learning rates included, lies on `device`, so that a recorded step
            (trainer/training/graphs.py) finds it there and nothing is read back.
    """
    kind = _capturable if capturable else _optimiser
    optimizers = {"main": kind(objective.main_parameters(), settings, settings.lr, MAIN_BETAS)}
    if objective.has_critic:
        optimizers["critic"] = kind(objective.critic_parameters(), settings, settings.critic_lr, CRITIC_BETAS)
    if capturable:
        for group in (group for optimizer in optimizers.values() for group in optimizer.param_groups):
            group["lr"] = torch.tensor(group["initial_lr"], device=device)
    return optimizers


def _capturable(*wanted: object) -> Optimizer:
    optimizer = _optimiser(*wanted)
    for group in optimizer.param_groups:
        group["capturable"] = True
    return optimizer


def _optimiser(groups: list[dict], settings: OptimConfig, lr: float, betas: tuple[float, float]) -> Optimizer:
    groups = [
        {"params": group["params"], "lr": lr * group["scale"], "initial_lr": lr * group["scale"]} for group in groups
    ]
    if settings.name == "adam":
        return torch.optim.Adam(groups, betas=betas, fused=True)
    return torch.optim.RMSprop(groups, foreach=True)


def set_learning_rates(optimizers: Mapping[str, Optimizer], settings: OptimConfig, step: int) -> None:
    """Cosine from the initial rate to a tenth of it, or constant; RMSprop starts up gently.

    One cosine for the steps up to the refinement, another for those of the refinement: a critic that is refined at a
    tenth of its rate stays where the last main step left it.

    A function of the step and of the optimisers' state alone, so that a resumed training takes the same rates.
    """
    begin = settings.max_steps - settings.refine_steps
    share = step / begin if step < begin else (step - begin) / settings.refine_steps
    factor = 0.1 + 0.45 * (1 + math.cos(math.pi * share)) if settings.decay else 1.0
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            rate = group["initial_lr"] * factor
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate).mul_(start_up(optimizer))
            else:
                group["lr"] = rate * start_up(optimizer)


def start_up(optimizer: Optimizer) -> float | Tensor:
    """Return the factor on RMSprop's rate, sqrt(1 - alpha^n) at its n-th step: 0.1, 0.14, ..., 0.98 at the 300th; else
    1.

    RMSprop divides by the root of an average of squared gradients that starts at 0, so its first step is
    1 / sqrt(1 - alpha) = 10 times the learning rate in every weight at once, and the next ones little less. The
    factor is the bias correction that Adam has. Without it log sigma^2 goes from 0.1 to above 100 within five steps
    at a rate of 5e-4 (docs/robustness.md).
    """
    if not isinstance(optimizer, torch.optim.RMSprop):
        return 1.0
    done = next((slots["step"] for slots in optimizer.state.values()), 0)
    if optimizer.param_groups[0]["capturable"] and isinstance(done, Tensor):
        return (1 - optimizer.defaults["alpha"] ** (done + 1)).sqrt()  # where the number of steps is
    done = int(done)
    return math.sqrt(1 - optimizer.defaults["alpha"] ** (done + 1))
