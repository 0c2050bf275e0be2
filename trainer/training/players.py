"""The players of a training and their steps: who moves, on which batch, with which optimiser."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from trainer import models
from trainer.batching import Progress, silent
from trainer.config import Config
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.training import finite, graphs, objectives, optimisers, precision, prior_fit, warm_start
from trainer.training.averaging import CriticAverage
from trainer.training.batches import Batches, fits
from trainer.training.distributed import Share
from trainer.training.hardware import Fabric, Hardware
from trainer.training.objectives.base import Terms

MAIN = "main"
"""The kind of step that both players take, and the one that is recorded."""


class Players:
    """The model, what its players minimise, and their optimisers; `step` is one step of the loop.

    Args:
        settings: the configuration.
        images: training pictures.
        fabric: launched; it may spread the batch over processes (trainer/training/distributed.py).
        hardware: what it was launched for.
        pause: called before every step of a player; may wait.
        progress: called while the mixture is placed or the neural prior fitted.

    Raises: UserError if the batch cannot be divided among the processes.
    """

    def __init__(
        self,
        settings: Config,
        images: ImageSet,
        fabric: Fabric,
        hardware: Hardware = Hardware(),
        pause: Callable[[], None] = lambda: None,
        progress: Progress = silent,
    ):
        self.pause, self.progress = pause, progress
        self.settings, self.optim, self.images, self.fabric = settings, settings.optim, images, fabric
        self.share = Share(fabric)
        if hardware.graphs and settings.model.kind == "dagmm":
            raise UserError("--graphs: dagmm looks at its covariances in every step; leave it out.")
        with self.share.alike():
            _require_divisible(self.optim.batch_size, self.share.size)
        on_card = fabric.device.type == "cuda"
        self.batches = Batches(images, settings, self.share, fabric, hardware.graphs or fits(images, fabric.device))
        self.watch = finite.Watch(fabric.device, at_once=not (on_card or hardware.graphs))
        # Channels last: convolutions of these sizes run up to twice as fast on the CPU.
        self.model = models.build(settings).to(memory_format=torch.channels_last)
        self.objective = objectives.build(self.model, settings)
        self.optimizers = optimisers.build(self.objective, self.optim, on_card or hardware.graphs, fabric.device)
        self._module, *wrapped = fabric.setup(self.objective, *self.optimizers.values())
        work = self.model, self.optim.batch_size // self.share.size, fabric.device
        with_gradients, forward = precision.contexts(hardware.precision, fabric.autocast, *work)
        self.objective.on(self.share, with_gradients, hardware.compile, forward)
        self._wrapped = dict(zip(self.optimizers, wrapped, strict=True))
        self.average = CriticAverage(self.model.critic) if self.optim.refine_steps else None
        record = partial(graphs.record_on_card, generators=[self.batches.generator])
        self.recorded = graphs.Recorded(lambda: self._moves(MAIN), record) if hardware.graphs else None

    def modules(self) -> dict[str, nn.Module]:
        """Return everything with weights that a checkpoint has to hold."""
        contours = {} if self.objective.contours is None else {"contours": self.objective.contours}
        return {"model": self.model} | contours | ({"average": self.average.averaged} if self.average else {})

    def presented(self) -> contextlib.AbstractContextManager:
        """Return a context in which the model is as it is to be stored: with the averaged critic, once there is one."""
        return self.average.presented(self.model) if self.average else contextlib.nullcontext()

    def is_warming_up(self, step: int) -> bool:
        """Return whether the step after so many belongs to the warm-up."""
        return self.objective.has_critic and step < self.optim.warmup_steps

    def is_refining(self, step: int) -> bool:
        """Return whether the step after so many trains the critic alone."""
        return step >= self.optim.max_steps - self.optim.refine_steps

    def places(self, step: int) -> bool:
        """Whether the mixture is placed at the end of the step after so many."""
        return self.settings.prior.warm_start and step + 1 == self.optim.warmup_steps

    def fits_prior(self, step: int) -> bool:
        """Whether the prior is fitted to the codes at the end of the step after so many, the last one."""
        return self.settings.prior.fit_steps > 0 and step + 1 == self.optim.max_steps

    def step(self, done: int) -> Terms:
        """Take the step after `done` steps and return its terms, without graphs, over the whole batch.

        Raises: UserError on a term that is not finite; the terms are the whole batch's, so every process raises it.
        """
        optimisers.set_learning_rates(self.optimizers, self.optim, done)
        self.objective.step = done
        self.watch.begin(done + 1)
        kind = "warmup" if self.is_warming_up(done) else "refinement" if self.is_refining(done) else MAIN
        terms = self.recorded() if self.recorded and kind == MAIN else self._moves(kind)
        if self.places(done):
            wanted = self.settings.seed, self.fabric.device, self.settings.prior.placement, self.progress
            self.share.first(lambda: warm_start.place_mixture(self.model, self.images, *wanted))
            self.share.agree(self.model)
        if self.fits_prior(done):
            wanted = self.settings.seed, self.fabric.device, self.settings.prior.fit_steps, self.progress
            self.share.first(lambda: prior_fit.fit_prior(self.model, self.images, *wanted))
            self.share.agree(self.model)
        return terms

    def _moves(self, kind: str) -> Terms:
        """Take a step of a kind: 'warmup' without the critic, 'main', 'refinement' of the critic alone."""
        terms: Terms = {}
        with self._shared(kind) as x:
            if self.objective.has_critic and kind != "warmup":
                terms |= self._critic_steps(kind, x)
            if kind != "refinement":
                terms |= self.update(kind, x)
        return terms

    @contextlib.contextmanager
    def _shared(self, kind: str) -> Iterator[Tensor | None]:
        """Pictures that all players of a step share, encoded once; None where each draws its own."""
        alone = not self.objective.has_critic or kind == "warmup"
        if alone or self.optim.critic_batches == "fresh":
            yield None
            return
        x = self._batch()
        with torch.set_grad_enabled(kind != "refinement"), self.objective.encoded(x), torch.enable_grad():
            yield x

    def _critic_steps(self, kind: str, x: Tensor | None) -> Terms:
        """The critic's turn; terms of its last step."""
        for _ in range(self.optim.critic_steps):
            terms = self.update("critic", x)
            if kind == "refinement":
                self.average.update(self.model.critic)
        return {name: value for name, value in terms.items() if name != "loss"}

    def update(self, player: str, x: Tensor | None = None) -> Terms:
        """Take one optimiser step of one player, on pictures `x` or on new ones, and return its terms; parameters and
        buffers of the other player stay as they are.
        """
        self.pause()
        optimizer = self._wrapped["critic" if player == "critic" else "main"]
        if self.objective.has_critic:
            self.model.critic.requires_grad_(player == "critic").train(player == "critic")
        terms = self._module(self._batch() if x is None else x, player)
        whole = self.share.mean(terms)
        self.watch.note(whole)
        self.fabric.backward(terms["loss"])
        if player != "critic":
            norm = torch.nn.utils.clip_grad_norm_(
                [parameter for group in self.optimizers["main"].param_groups for parameter in group["params"]],
                self.optim.grad_clip,
            )
            self.watch.note({"gradient": norm})
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)  # the other player's step has their memory
        return whole

    def _batch(self) -> Tensor:
        """This process's pictures of the next batch."""
        return self.batches.draw()


def _require_divisible(batch_size: int, processes: int) -> None:
    if batch_size % processes:
        raise UserError(
            f"optim.batch_size={batch_size} cannot be divided among {processes} processes; "
            f"choose a multiple of {processes}."
        )
