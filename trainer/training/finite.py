"""Checks that end a training with NaN or infinite numbers before they replace a good checkpoint.

On a CPU a term is looked at as soon as it is there. A graphics card would have to be waited for, so flags there note
the first step at which a term was not finite, and are read once a row and before every checkpoint (Watch).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from trainer.errors import UserError

NEVER = torch.iinfo(torch.int64).max


def require_terms(terms: Mapping[str, Tensor], step: int) -> None:
    """Raise UserError on a term that is not finite, naming it and the step.

    The first term is the sum of the others and decides, so that a sound step costs one comparison.
    """
    first, *others = terms
    if torch.isfinite(terms[first]):
        return
    name = next((other for other in others if not torch.isfinite(terms[other])), first)
    raise _error(f"The term '{name}'", step)


class Watch:
    """Notes the first step at which each term was not finite.

    Args:
        at_once: look at the terms when they are noted, not when `require` is called.
        device: where the terms are.
    """

    def __init__(self, device: torch.device | str = "cpu", at_once: bool = True):
        self.at_once, self.step = at_once, 1
        self._step = torch.zeros((), dtype=torch.int64, device=device)
        self._first: dict[tuple[str, ...], Tensor] = {}

    def begin(self, step: int) -> None:
        """Say which step the next terms belong to."""
        self.step = step
        if not self.at_once:
            self._step.fill_(step)

    def note(self, terms: Mapping[str, Tensor]) -> None:
        """Look at terms, or set their flags where they are; in a recorded step only terms that were noted before.

        Raises: UserError naming the term and the step, if it looks at once.
        """
        if self.at_once:
            require_terms(terms, self.step)
            return
        names = tuple(terms)
        values = torch.stack([value.detach().float() for value in terms.values()])
        if names not in self._first:
            self._first[names] = torch.full((len(names),), NEVER, device=values.device)
        first = self._first[names]
        first.copy_(torch.where(values.isfinite(), first, torch.minimum(first, self._step)))

    def require(self) -> None:
        """Raise UserError naming the first term that was not finite, and its step; reads the flags."""
        if not self._first:
            return
        names = [name for group in self._first for name in group]
        steps = torch.cat(list(self._first.values())).tolist()
        # The sum of the others comes last: it says least.
        worst = min(zip(steps, names, strict=True), key=lambda found: (found[0], found[1] == "loss"))
        if worst[0] != NEVER:
            raise _error(f"The term '{worst[1]}'", worst[0])


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
