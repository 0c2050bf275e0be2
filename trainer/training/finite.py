"""Checks that end a training with NaN or infinite numbers before they replace a good checkpoint."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from trainer.errors import UserError


def require_terms(terms: Mapping[str, Tensor], step: int) -> None:
    """Raise UserError on a term that is not finite, naming it and the step.

    The first term is the sum of the others and decides, so that a sound step costs one comparison.
    """
    first, *others = terms
    if torch.isfinite(terms[first]):
        return
    name = next((other for other in others if not torch.isfinite(terms[other])), first)
    raise _error(f"The term '{name}'", step)


def require_weights(model: nn.Module, step: int) -> None:
    """Raise UserError if any weight is not finite: a sound loss can still be followed by a step to nowhere."""
    for name, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise _error(f"The weights '{name}'", step)


def _error(what: str, step: int) -> UserError:
    return UserError(
        f"{what} became non-finite at step {step}; "
        "lower optim.lr and optim.critic_lr, then resume from the last checkpoint or start anew."
    )
