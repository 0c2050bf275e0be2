"""A step recorded once and replayed: CUDA graphs, which launch thousands of small kernels at once.

What a recording holds: the tensors it reads and writes, at fixed places, and the state of random generators. Whatever
Python computed is a constant of it, so nothing in a recorded step may depend on the step's number: learning rates and
the number itself lie in tensors that are filled before a replay (optimisers.py, finite.py). The first steps run as
usual: moments of optimisers and flags come to be in them.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from trainer.training.objectives.base import Terms

WARM_UP = 3
"""Steps before the recording."""

Work = Callable[[], Terms]
Recording = tuple[Terms, Callable[[], None]]
"""The terms, at fixed places, and what replays the step that writes them."""


class Recorded:
    """Calls `work` in the first steps, then replays a recording of it; either way each call is one step.

    Args:
        work: takes a step and returns its terms, without graphs.
        record: makes the recording and takes one step with it.
    """

    def __init__(self, work: Work, record: Callable[[Work], Recording]):
        self.work, self.record, self.taken = work, record, 0
        self._terms: dict[str, Tensor] = {}
        self._replay: Callable[[], None] | None = None

    def __call__(self) -> Terms:
        """Take a step and return its terms, which the next one leaves as they are."""
        self.taken += 1
        if self.taken <= WARM_UP:
            return self.work()
        if self._replay is None:
            self._terms, self._replay = self.record(self.work)
        else:
            self._replay()
        return {name: value.clone() for name, value in self._terms.items()}


def record_on_card(work: Work, generators: Sequence[torch.Generator]) -> Recording:
    """Return a CUDA graph of the work, replayed once.

    Args:
        generators: those that the work draws from, beside torch's own.
    """
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        terms = work()
    graph.replay()
    return terms, graph.replay
