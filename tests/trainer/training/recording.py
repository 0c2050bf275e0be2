"""A stand-in for CUDA graphs on the CPU, and a watch for what a step on a graphics card may not do."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
WAITING = {
    aten._local_scalar_dense.default,
    aten.equal.default,
    aten.is_nonzero.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten._unique2.default,
}
"""Operations that read numbers back, for which the processor waits."""


class NoHostReads(TorchDispatchMode):
    """Fails where a number is read back, or where an index of truth values would have to be counted."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        by_truth = func in (aten.index.Tensor, aten.index_put_.default) and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        )
        assert func not in WAITING, f"{func} waits for the card"
        assert not by_truth, f"{func} by truth values waits for the card"
        return func(*args, **(kwargs or {}))


class Recorder(NoHostReads):
    """Keeps every operation with the very tensors it read and wrote, and can repeat them without any Python of the
    step: a number that Python computed is a constant, as in a CUDA graph.
    """

    def __init__(self):
        super().__init__()
        self.calls: list[tuple] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = super().__torch_dispatch__(func, types, args, kwargs)
        self.calls.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        """Repeat the operations, into the tensors of the recording."""
        for func, args, kwargs, result in self.calls:
            again = func(*args, **kwargs)
            if any(returned.alias_info for returned in func._schema.returns):
                continue  # a view of, or a change in, what is kept already
            for kept, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                if isinstance(kept, torch.Tensor):
                    kept.copy_(new)


def record(work: Callable[[], dict], generators=()) -> tuple[dict, Callable[[], None]]:
    """What trainer.training.graphs.record_on_card does, without a card."""
    with Recorder() as recorder:
        terms = work()
    return terms, recorder.replay
