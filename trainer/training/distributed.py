"""One step spread over processes: the whole batch is the mathematics, each process computes its rows of it.

Everything random is drawn for the whole batch by every process, from generators in the same state, and each takes its
rows. So a training over any number of processes is the training of one process, up to the rounding of sums, and its
checkpoint resumes on any other number. Terms that compare the pictures of a batch with each other (L_GW, MMD, DAGMM's
moments) need the whole batch everywhere: `whole` gathers it, with gradients.

With each process's loss L_r and the gradients averaged over processes, as DistributedDataParallel does, the step
follows the gradient of mean_r L_r. A mean over rows has mean_r L_r = L; a term of the gathered batch is the same L on
every process, and the backward pass of the gathering returns to each row the sum of its gradients over the processes.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from trainer.errors import EchoError, StoppedError, UserError
from trainer.training.hardware import Fabric

Result = TypeVar("Result")
LOST = ("gloo", "NCCL", "Connection", "Broken pipe")
"""Words in errors of a lost connection to other processes; torch has no type for these errors."""


class Share:
    """What one process has of a step, and what it has in common with the others.

    Args:
        fabric: the launched Fabric of the training; None for a process of its own.
    """

    def __init__(self, fabric: Fabric | None = None):
        self._fabric = fabric
        self.size = fabric.world_size if fabric else 1
        self.rank = fabric.global_rank if fabric else 0

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes the run folder."""
        return self.rank == 0

    def rows(self, whole: Tensor) -> Tensor:
        """Return this process's part of (n, ...), n a multiple of `size`: (n / size, ...)."""
        return whole if self.size == 1 else whole.chunk(self.size)[self.rank]

    def whole(self, rows: Tensor) -> Tensor:
        """Return the inverse of `rows`, differentiable: the gradient of a row is summed over the processes."""
        return rows if self.size == 1 else self._fabric.all_gather(rows, sync_grads=True).flatten(0, 1)

    def normal(self, like: Tensor) -> Tensor:
        """Return this process's rows of standard normal noise for the whole batch, in the form of `like` (n / size,
        ...).
        """
        return self.rows(torch.randn(self.size * len(like), *like.shape[1:], dtype=like.dtype, device=like.device))

    def uniform(self, like: Tensor) -> Tensor:
        """Return numbers that are uniform in [0, 1), as `normal` does, one number a row, (n / size, 1)."""
        return self.rows(torch.rand(self.size * len(like), 1, dtype=like.dtype, device=like.device))

    def mean(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return scalars by name, without their graphs, averaged over the processes: the terms of the whole batch."""
        terms = {name: value.detach() for name, value in terms.items()}
        if self.size == 1:
            return terms
        values = torch.stack([value.float() for value in terms.values()])
        return dict(zip(terms, self._fabric.all_reduce(values, reduce_op="mean").unbind(), strict=True))

    def agree(self, module: nn.Module) -> None:
        """Give every process the leading one's weights and buffers."""
        if self.size > 1:
            for tensor in module.state_dict().values():
                tensor.copy_(self._fabric.broadcast(tensor.cpu()))

    def most(self, number: int) -> int:
        """Return the largest of the processes' numbers."""
        if self.size == 1:
            return number
        return int(self._fabric.all_reduce(torch.tensor(number, device=self._fabric.device), reduce_op="max"))

    def seen(self, path: Path) -> bool:
        """Return whether the leading process sees the file: on a shared file system others may see it late."""
        return bool(self.most(int(self.leads and path.is_file())))

    def first(self, work: Callable[[], Result]) -> Result | None:
        """The leading process does `work` and returns its result; the others wait until it is done and have None.

        Raises: what `work` raises; EchoError on the other processes.
        """
        if self.size == 1:
            return work()
        result, error = _tried(work) if self.leads else (None, None)
        kind = self._fabric.broadcast(_kind(error))
        if kind:
            raise error or (StoppedError if kind == "stopped" else EchoError)
        return result

    def every(self, work: Callable[[], Result]) -> Result:
        """Return what `work` gives; all processes do `work`; where it fails on any, it fails on all, and the first of
        those says why.

        Raises: what `work` raises; EchoError on the other processes.
        """
        if self.size == 1:
            return work()
        result, error = _tried(work)
        teller = -self.most(-(self.rank if error else self.size))
        if teller < self.size:
            raise error if error and self.rank == teller else EchoError
        return result

    @contextlib.contextmanager
    def alike(self) -> Iterator[None]:
        """Make errors within the context the same on every process, so that the leading one's are enough."""
        try:
            yield
        except UserError as error:
            raise (error if self.leads else EchoError(str(error))) from error

    def explained(self, error: Exception) -> Exception:
        """Return the error itself, or a sentence in place of what a lost connection to the other processes says."""
        lost = type(error) is RuntimeError and any(word in str(error) for word in LOST)
        if self.size == 1 or not (lost or isinstance(error, torch.distributed.DistError)):
            return error
        return UserError(
            f"Another process of this training ended, or the connection to it broke ({str(error).splitlines()[0]}); "
            "resume from the last checkpoint."
        )

    def broadcast(self, numbers: Mapping[str, float] | None) -> dict[str, float]:
        """Return the leading process's numbers on every process."""
        return dict(numbers) if self.size == 1 else self._fabric.broadcast(numbers)


def _tried(work: Callable[[], Result]) -> tuple[Result | None, Exception | None]:
    """The result of `work`, or its failure: whatever it is, the others must not wait for ever."""
    try:
        return work(), None
    except Exception as failure:
        return None, failure


def _kind(error: Exception | None) -> str:
    """What the other processes have to know of a failure; empty for none."""
    return "" if error is None else "stopped" if isinstance(error, StoppedError) else "failed"


ALONE = Share()
