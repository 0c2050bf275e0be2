"""The training loop on Lightning Fabric: critic steps, main step, validation, early stopping, checkpoints."""

from __future__ import annotations

import contextlib
import logging
import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from trainer import checkpoint, data, files, finite, intake, lightning, models, objectives, optimisers, warm_start
from trainer.averaging import CriticAverage
from trainer.data.imageset import ImageSet, split_validation
from trainer.errors import UserError
from trainer.limits import Limits
from trainer.ood.history import History
from trainer.preview import Preview
from trainer.record import Counters, Recorder, Row
from trainer.run import Run

LOG_EVERY = 50
"""Main steps averaged into one row of history.csv."""
VALIDATION_PICTURES = 2_000
SAMPLE = 2_000
"""Training pictures from which a model may measure statistics at a checkpoint (LatentModel.finalise)."""
SHOWN = ("loss", "gw", "reconstruction", "critic gap", "entropy", "kl")
"""Terms beside the progress bar."""

_log = logging.getLogger("trainer")


class Ended(NamedTuple):
    """Why a training ended: 'finished', 'early stop', 'time limit' or 'stopped'; and where."""

    reason: str
    step: int
    trained: bool = True  # False if it had ended before, so that nothing was left to do


class Trainer:
    """One training in one run folder; `fit()` trains until a limit, a stop request or early stopping.

    Construction restores the last checkpoint if there is one.
    Raises: UserError on a damaged checkpoint, an unknown accelerator or an unwritable folder.
    """

    def __init__(
        self,
        run: Run,
        images: ImageSet,
        *,
        accelerator: str = "auto",
        devices: int = 1,
        data_root: Path | None = None,
    ):
        self.run, self.settings = run, run.config
        self.optim = self.settings.optim
        self.fabric = lightning.fabric(accelerator, devices)
        self.fabric.launch()
        torch.manual_seed(self.settings.seed)
        self.train_set, self.validation_set = split_validation(
            images, self.settings.data.validation, self.settings.seed
        )
        self.batches = torch.Generator().manual_seed(self.settings.seed)
        # Channels last: convolutions of these sizes run up to twice as fast on the CPU.
        self.model = models.build(self.settings).to(memory_format=torch.channels_last)
        self.objective = objectives.build(self.model, self.settings)
        self.optimizers = optimisers.build(self.objective, self.optim)
        self.module, *wrapped = self.fabric.setup(self.objective, *self.optimizers.values())
        self.wrapped = dict(zip(self.optimizers, wrapped, strict=True))
        self.average = CriticAverage(self.model.critic) if self.optim.refine_steps else None
        self.counters = Counters()
        self.recorder = Recorder(run.path, self.optim.max_steps)
        self.sample = self.train_set.subset(slice(SAMPLE if self.model.needs_training_set else 0))
        self._restore()
        self.ood = History(run.path, self.settings, self.validation_set, data_root, self.counters.step)
        self.preview = Preview(run.path, self.validation_set, self.settings.seed)

    def _restore(self) -> None:
        """Continue from the last checkpoint if there is one, and drop history written after it."""
        files.make_folder(self.run.path / "training")
        sums: dict[str, Tensor] = {}
        if self.run.checkpoint_path.is_file():
            self.counters, sums = checkpoint.load(
                self.run.checkpoint_path, self._modules(), self.optimizers, {"batches": self.batches}
            )
        self.recorder.restore(self.counters.step, sums)

    def _modules(self) -> dict[str, nn.Module]:
        """Everything with weights that a checkpoint has to hold."""
        return {"model": self.model} | ({"average": self.average.averaged} if self.average else {})

    # --- the loop ---------------------------------------------------------------------------------------------

    def fit(self, max_minutes: float | None = None, progress: bool = True) -> Ended:
        """Train; every ending but a non-finite term or a full disk leaves a checkpoint of the last step.

        Raises: UserError on a non-finite term (naming it and the step), a full disk or an unwritable folder; the last
            checkpoint is then as it was, and training/status.json says why.
        """
        first, before = self.counters.step, self.counters.seconds
        self.recorder.status("running", self.counters)
        limits = Limits(self.run.path / "training" / "stop", max_minutes)
        try:
            with limits, self._progress_bar(progress) as bar:
                while (reason := self._reason_to_end(limits, first)) is None:
                    self._one_step(bar)
                    self.counters.seconds = before + limits.elapsed
                    self._keep_records(bar)
                self._finish(reason)
        except Exception as error:
            with contextlib.suppress(Exception):  # the disk may be full; the error itself matters more
                self.recorder.status("failed", self.counters, str(error))
            raise
        return Ended(reason, self.counters.step)

    def _reason_to_end(self, limits: Limits, first: int) -> str | None:
        """However short the time, one step is made, so that there is something to show."""
        return _completed(self.counters, self.run) or (limits.reason() if self.counters.step > first else None)

    def _one_step(self, bar: tqdm) -> None:
        optim, step = self.optim, self.counters.step
        warming_up = self.objective.has_critic and step < optim.warmup_steps
        refining = step >= optim.max_steps - optim.refine_steps
        optimisers.set_learning_rates(self.optimizers, optim, step)
        self.objective.step = step
        terms: dict[str, Tensor] = {}
        if self.objective.has_critic and not warming_up:
            terms |= self._critic_steps(refining)
        if not refining:
            terms |= self._update("warmup" if warming_up else "main")
        self.counters.step += 1
        self.recorder.add(terms)
        bar.update()
        if self.counters.step == self.optim.warmup_steps and self.settings.prior.warm_start:
            warm_start.place_mixture(self.model, self.train_set, self.settings.seed, self.fabric.device)

    def _critic_steps(self, refining: bool) -> dict[str, Tensor]:
        """The critic's turn; terms of its last step."""
        for _ in range(self.optim.critic_steps):
            terms = self._update("critic")
            if refining:
                self.average.update(self.model.critic)
        return {name: value for name, value in terms.items() if name != "loss"}

    def _update(self, player: str) -> dict[str, Tensor]:
        """One optimiser step of one player; the other player's parameters and buffers stay as they are."""
        optimizer = self.wrapped["critic" if player == "critic" else "main"]
        if self.objective.has_critic:
            self.model.critic.requires_grad_(player == "critic").train(player == "critic")
        optimizer.zero_grad(set_to_none=True)
        terms = self.module(self._batch(), player)
        finite.require_terms(terms, self.counters.step + 1)
        self.fabric.backward(terms["loss"])
        if player != "critic":
            norm = torch.nn.utils.clip_grad_norm_(
                [parameter for group in self.optimizers["main"].param_groups for parameter in group["params"]],
                self.optim.grad_clip,
            )
            finite.require_terms({"gradient": norm}, self.counters.step + 1)
        optimizer.step()
        return {name: value.detach() for name, value in terms.items()}

    def _batch(self) -> Tensor:
        indices = torch.randint(len(self.train_set), (self.optim.batch_size,), generator=self.batches)
        images = self.train_set.float_batch(indices).contiguous(memory_format=torch.channels_last)
        return self.fabric.to_device(images)

    # --- records ----------------------------------------------------------------------------------------------

    def _keep_records(self, bar: tqdm) -> None:
        """After a step: a row, a checkpoint or a heartbeat, whatever is due."""
        if self.counters.step % LOG_EVERY == 0:
            row = self._close_row()
            shown = {name: f"{row[name]:.3g}" for name in SHOWN if name in row}
            bar.set_postfix(shown, refresh=False)
        if self.counters.step % self.optim.validate_every == 0:
            self._checkpoint(validate=True)
        self.recorder.beat(self.counters)
        self.preview.beat(self.model, self.counters.step)

    def _close_row(self, **extra: float) -> Row:
        if self.objective.has_critic:
            extra = {"distance coefficient": self.model.log_scale.exp().item(), **extra}
        return self.recorder.close_row(self.counters, extra)

    def _checkpoint(self, validate: bool) -> None:
        """Store the state; after a validation also the presented weights, by optim.keep."""
        self.model.finalise(self.sample)
        finite.require_weights(self.model, self.counters.step)
        if validate:
            validation = {f"validation {name}": value for name, value in self.validate().items()}
            finite.require_terms({name: torch.tensor(value) for name, value in validation.items()}, self.counters.step)
            self._close_row(**validation, **self._scales())
            self._note_validation(validation["validation loss"])
            told = ", ".join(f"{name} {value:.4g}" for name, value in validation.items())
            _log.info("step %d of %d: %s", self.counters.step, self.optim.max_steps, told)
        with self.average.presented(self.model) if self.average else contextlib.nullcontext():
            if validate:
                self.ood.record(self.model, self.counters.step)
            if self.optim.keep == "last" or not self.run.is_trained:
                models.save_weights(self.model, self.run.weights_path)
        checkpoint.save(
            self.run.checkpoint_path,
            self._modules(),
            self.optimizers,
            {"batches": self.batches},
            checkpoint.State(self.counters, self.recorder.sums),
        )

    @property
    def is_warming_up(self) -> bool:
        """Whether the last step still belonged to the warm-up."""
        return self.objective.has_critic and self.counters.step <= self.optim.warmup_steps

    @property
    def is_refining(self) -> bool:
        """Whether the last step trained the critic alone."""
        return self.counters.step > self.optim.max_steps - self.optim.refine_steps

    def _note_validation(self, loss: float) -> None:
        """Best so far? Every one in warm-up and refinement is, as their losses are not that of the main steps."""
        counters = self.counters
        if self.is_warming_up or self.is_refining or loss < counters.best:
            counters.best = math.inf if self.is_warming_up else loss
            counters.best_step, counters.stale = counters.step, 0
            if self.optim.keep == "best":
                models.save_weights(self.model, self.run.weights_path)
        else:
            counters.stale += 1

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Mean terms over at most 2,000 validation pictures, with fixed noise, and PSNR in dB."""
        player = "warmup" if self.is_warming_up else "main"
        sums: dict[str, float] = {}
        indices = torch.arange(min(VALIDATION_PICTURES, len(self.validation_set)))
        self.model.eval()
        with torch.random.fork_rng():
            torch.manual_seed(self.settings.seed)
            for chunk in indices.split(self.optim.batch_size):  # L_GW depends on the size of the batch
                x = self.fabric.to_device(self.validation_set.float_batch(chunk))
                terms = self.objective(x, player)
                squared = (x - self.model.reconstruct(x)).square().flatten(1).mean(1)
                terms["psnr"] = (-10 * squared.clamp_min(1e-10).log10()).mean()
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0.0) + value.item() * len(chunk)
        self.model.train()
        return {name: value / len(indices) for name, value in sums.items()}

    def _scales(self) -> dict[str, float]:
        """How wide prior, codes and posterior are (preview.Scales), as means over the axes; no random state changes."""
        return {name: float(values.mean()) for name, values in self.preview.scales(self.model)._asdict().items()}

    # --- ending -----------------------------------------------------------------------------------------------

    def _finish(self, reason: str) -> None:
        """A checkpoint of the last step, what the whole training set tells the model, and the last word."""
        on_schedule = self.counters.step % self.optim.validate_every == 0
        if not on_schedule:
            self._checkpoint(validate=reason == "finished")
        if self.model.needs_training_set:
            presented = self.run.load_model()
            presented.finalise(self.train_set)
            models.save_weights(presented, self.run.weights_path)
        self.preview.write(self.model, self.counters.step)
        self.recorder.status(reason, self.counters)

    def _progress_bar(self, enabled: bool) -> tqdm:
        return tqdm(
            initial=self.counters.step,
            total=self.optim.max_steps,
            unit="step",
            disable=not enabled,
            mininterval=1.0,
            dynamic_ncols=True,
        )


def _completed(counters: Counters, run: Run) -> str | None:
    """Why nothing is left to train, or None."""
    if counters.step >= run.config.optim.max_steps:
        return "finished"
    return "early stop" if counters.stale >= run.config.optim.patience else None


def fit(
    run: Run,
    data_root: Path | None = None,
    max_minutes: float | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
) -> Ended:
    """Train the run, from its last checkpoint if it has one; a run that has ended is left as it is.

    Raises: UserError on missing data, a folder without its training, a second training of the same run, a damaged
        checkpoint, a non-finite term, a full disk or an unwritable folder. StoppedError if asked to stop while the
        pictures were read.
    """
    lock = run.path / "training" / "lock"
    if run.is_trained and not (lock.parent / "status.json").is_file():  # a bundle: resuming would replace its weights
        raise UserError(
            f"{run.path}: holds a finished model without its training; "
            f"train a new one with 'python -m trainer fit {run.path / 'config.yaml'} --out runs/{run.name}'."
        )
    files.make_folder(lock.parent)
    with files.exclusive(lock, f"{run.path}: a training is running here already; stop it first."):
        files.remove_leftovers(run.path, lock.parent)
        counters = checkpoint.read_counters(run.checkpoint_path) if run.checkpoint_path.is_file() else Counters()
        recorder = Recorder(run.path, run.config.optim.max_steps)
        if run.checkpoint_path.is_file() and (reason := _completed(counters, run)):
            recorder.status(reason, counters)
            return Ended(reason, counters.step, trained=False)
        # The pictures have no name here: the trainer's own parts of them are enough, and MNIST twice is 60 MB.
        root = data_root or data.default_data_root()
        images = intake.pictures(run, root, recorder, counters)
        trainer = Trainer(run, images, accelerator=accelerator, devices=devices, data_root=root)
        del images  # the trainer holds what it needs; a second copy is 60 MB of MNIST
        return trainer.fit(max_minutes, progress)
