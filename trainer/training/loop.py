"""The training loop: steps, validation, early stopping, records, checkpoints."""

import contextlib
import logging
import math
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from trainer import models
from trainer.data.imageset import ImageSet, split_validation
from trainer.errors import EchoError, UserError
from trainer.models.base import LatentModel
from trainer.ood.history import History
from trainer.runs import layout, onnx_files
from trainer.runs.folder import Run
from trainer.system import files, memory
from trainer.training import checkpoint, finite, reading, validation
from trainer.training.geometry import Geometry
from trainer.training.hardware import Fabric, Hardware, launch
from trainer.training.history import Counters, Recorder, Row
from trainer.training.loggers import Log
from trainer.training.players import Players
from trainer.training.preview import Preview
from trainer.training.stopping import Limits

LOG_EVERY = 50
"""Main steps averaged into one row of history.csv."""
LOG_FIRST = 10
"""Likewise before the first such row: the steepest part of the curves, and the first sign of life."""
BAR_SECONDS = 60.0
"""Between two lines of progress where standard error is no terminal."""
SAMPLE = 2_000
"""Training pictures from which a model may measure statistics at a checkpoint (LatentModel.finalise)."""
SHOWN = ("loss", "gw", "reconstruction", "critic gap", "entropy", "kl")
"""Terms beside the progress bar."""

REASONS = (None, "stopped", "time limit", "failed")
"""Why the training has to end now, by rank."""

T = TypeVar("T")

_log = logging.getLogger("trainer")


class Ended(NamedTuple):
    """Why a training ended: 'finished', 'early stop', 'time limit' or 'stopped'; and where."""

    reason: str
    step: int
    trained: bool = True  # False if it had ended before, so that nothing was left to do


class Trainer:
    """One training in one run folder; `fit()` trains until a limit, a stop request or early stopping.

    Construction restores the last checkpoint if there is one. Of several processes the leading one writes the folder
    and decides; the others follow step by step.

    Args:
        run: its folder; one that all processes see.
        images: the training pictures, all of them in every process.
        hardware, fabric: what it runs on, and the Fabric that was launched for it if one was.
        data_root: where the outlier sets for the scores over training are.
        pause: called before every step of a player; may wait.

    Raises: UserError on a damaged checkpoint, an unknown accelerator or an unwritable folder.
    """

    def __init__(
        self,
        run: Run,
        images: ImageSet,
        *,
        hardware: Hardware = Hardware(),
        fabric: Fabric | None = None,
        data_root: Path | None = None,
        pause: Callable[[], None] = lambda: None,
    ):
        self.run, self.settings = run, run.config
        self.optim = self.settings.optim
        self.fabric = fabric or launch(hardware)
        torch.manual_seed(self.settings.seed)
        self.data = reading.fingerprint(images)
        self.train_set, self.validation_set = split_validation(
            images, self.settings.data.validation, self.settings.seed
        )
        self.counters = Counters()
        self.players = Players(self.settings, self.train_set, self.fabric, hardware, pause, self._note_placing)
        self.model, self.objective, self.share = self.players.model, self.players.objective, self.players.share
        self._failure: UserError | None = None
        self.recorder = Recorder(run.path, self.optim.max_steps, asdict(hardware), writes=self.share.leads)
        self.log = Log(self.fabric)
        self.sample = self.train_set.subset(slice(SAMPLE if self.model.needs_training_set else 0))
        self._restore()
        self.ood = History(run.path, self.settings, self.validation_set, data_root, self.counters.step)
        self.preview = Preview(run.path, self.validation_set, self.settings.seed, self.counters.step)
        self.geometry = Geometry(run.path, self.validation_set, self.settings.seed, self.counters.step)

    def _restore(self) -> None:
        """Continue from the last checkpoint if there is one, and drop history written after it."""
        files.make_folder(self.run.path / layout.TRAINING)
        sums: dict[str, Tensor] = {}
        if self.share.seen(self.run.checkpoint_path):
            self.counters, sums = checkpoint.load(self.run.checkpoint_path, *self._state())
        self.recorder.restore(self.counters.step, sums)

    def _state(self) -> tuple[dict[str, nn.Module], dict[str, Optimizer], dict[str, torch.Generator]]:
        """What a checkpoint holds besides counters and sums: modules, optimisers and generators by name."""
        return self.players.modules(), self.players.optimizers, {"batches": self.players.batches.generator}

    # --- the loop ---------------------------------------------------------------------------------------------

    def fit(self, max_minutes: float | None = None, progress: bool = True) -> Ended:
        """Train; every ending but a non-finite term or a full disk leaves a checkpoint of the last step.

        Raises: UserError on a non-finite term (naming it and the step), a full disk or an unwritable folder; the last
            checkpoint is then as it was, and training/status.json says why.
        """
        memory.return_large_blocks()
        first, before = self.counters.step, self.counters.seconds
        self._written(lambda: self.recorder.status("running", self.counters))
        limits = Limits(self.run.path / layout.STOP if self.share.leads else None, max_minutes)
        try:
            with limits, self._progress_bar(progress and self.share.leads) as bar:
                while (reason := self._reason_to_end(limits, first)) is None:
                    self._one_step(bar)
                    self.counters.seconds = before + limits.elapsed
                    self._keep_records(bar)
                self._finish(reason)
        except Exception as error:
            failure = self.share.explained(error)
            with contextlib.suppress(Exception):  # the disk may be full; the error itself matters more
                self.recorder.status("failed", self.counters, str(failure))
            if failure is error:
                raise
            raise failure from error
        return Ended(reason, self.counters.step)

    def _reason_to_end(self, limits: Limits, first: int) -> str | None:
        """Return why the training ends now, or None; at least one step is made, however short the time.

        A process that has to end ends all. Raises: what the leading process could not write.
        """
        if reason := completed(self.counters, self.run):
            return reason
        if self.counters.step == first:
            return None
        own = "failed" if self._failure else limits.reason()
        reason = REASONS[self.share.most(REASONS.index(own))]
        if reason == "failed":
            raise self._failure or EchoError
        return reason

    def _one_step(self, bar: tqdm) -> None:
        with self.share.alike():
            terms = self.players.step(self.counters.step)
        self.counters.step += 1
        self.recorder.add(terms)
        bar.update()

    # --- records ----------------------------------------------------------------------------------------------

    def _keep_records(self, bar: tqdm) -> None:
        """After a step: a row, a checkpoint or a heartbeat, whatever is due."""
        step = self.counters.step
        if step % LOG_EVERY == 0 or (step < LOG_EVERY and step % LOG_FIRST == 0):
            self._require_finite()
            row = self._written(self._close_row) or {}
            shown = {name: f"{row[name]:.3g}" for name in SHOWN if name in row}
            bar.set_postfix(shown, refresh=False)
        if step % self.optim.validate_every == 0:
            self._checkpoint(validate=True)
        elif self.players.places(step - 1):
            self._checkpoint(validate=False)  # a resumed training does not place the mixture again
        if self.share.leads:
            self._written(lambda: self.recorder.beat(self.counters))
            self._written(lambda: self.preview.beat(self.model, step))

    def _require_finite(self) -> None:
        """Read the flags of terms that were not finite, where they were not looked at in each step."""
        with self.share.alike():
            self.players.watch.require()

    def _note_placing(self, what: str, done: int, total: int) -> None:
        """Progress of the placing of the mixture, which takes as long as hundreds of steps."""
        self.recorder.beat(self.counters, done=done, total=total)

    def _written(self, write: Callable[[], T]) -> T | None:
        """What the leading process writes between steps; if it cannot, all end at the next step, which all reach.

        Raises: UserError, in a training of one process, at once.
        """
        try:
            return write()
        except UserError as error:
            if self.share.size == 1:
                raise
            self._failure = self._failure or error
            return None

    def _close_row(self, **extra: float) -> Row:
        if self.objective.has_critic:
            extra = {"distance coefficient": self.model.log_scale.exp().item(), **extra}
        row = self.recorder.close_row(self.counters, extra)
        self.log.row(row)
        return row

    def _checkpoint(self, validate: bool) -> None:
        """Store the state; after a validation also the presented weights, by optim.keep.

        Every process counts the validations, as all end together; the leading one measures and stores.
        """
        self._require_finite()
        measured = self.share.broadcast(self.share.first(lambda: self._measure(validate)))
        if validate:
            self._written(lambda: self._close_row(**measured))
            self._note_validation(measured["validation loss"])
        self.share.first(lambda: self._store(validate))

    def _measure(self, validate: bool) -> Row:
        """The model's statistics, a check of its weights, and the columns that a validation adds to the row."""
        memory.release()  # what steps have freed makes room for what measures
        self.model.finalise(self.sample)
        finite.require_weights(self.model, self.counters.step)
        if not validate:
            return {}
        player = "warmup" if self.is_warming_up else "main"
        terms = validation.validate(
            self.objective, self.validation_set, self.optim.batch_size, self.settings.seed, player, self.fabric.device
        )
        terms = {f"validation {name}": value for name, value in terms.items()}
        finite.require_terms({name: torch.tensor(value) for name, value in terms.items()}, self.counters.step)
        summary = ", ".join(f"{name} {value:.4g}" for name, value in terms.items())
        _log.info("step %d of %d: %s", self.counters.step, self.optim.max_steps, summary)
        scales = self.preview.scales(self.model)._asdict()  # no random state changes
        terms |= {name: float(values.mean()) for name, values in scales.items()}
        self.preview.record(self.model, self.counters.step)
        return terms | self.geometry.measure(self.model, self.counters.step)

    def _store(self, validated: bool) -> None:
        """The checkpoint and, where it is their turn, the presented weights and the outlier scores."""
        with self.players.presented():
            if validated:
                self.ood.record(self.model, self.counters.step)
            if self.optim.keep == "last" or not self.run.is_trained:
                self._save_model(self.model)
        state = checkpoint.State(self.counters, self.recorder.sums)
        checkpoint.save(self.run.checkpoint_path, *self._state(), state, self.data)
        files.remove(self.run.path / layout.CHANGED_DATA)

    def _save_model(self, model: LatentModel) -> None:
        """The networks for the browser, then the weights, whose hash names them on the pages."""
        onnx_files.write(self.run.path, model)
        models.save_weights(model, self.run.weights_path)

    @property
    def is_warming_up(self) -> bool:
        """Whether the last step still belonged to the warm-up."""
        return self.players.is_warming_up(self.counters.step - 1)

    @property
    def is_refining(self) -> bool:
        """Whether the last step trained the critic alone."""
        return self.players.is_refining(self.counters.step - 1)

    def _note_validation(self, loss: float) -> None:
        """Best so far? Every one in warm-up and refinement is, as their losses are not that of the main steps."""
        counters = self.counters
        if self.is_warming_up or self.is_refining or loss < counters.best:
            counters.best = math.inf if self.is_warming_up else loss
            counters.best_step, counters.stale = counters.step, 0
            if self.optim.keep == "best":
                self.share.first(lambda: self._save_model(self.model))
        else:
            counters.stale += 1

    # --- ending -----------------------------------------------------------------------------------------------

    def _finish(self, reason: str) -> None:
        """A checkpoint of the last step, what the whole training set tells the model, and the last word."""
        on_schedule = self.counters.step % self.optim.validate_every == 0
        is_lost = not self.share.seen(self.run.weights_path)  # the model of a finished training was removed
        if not on_schedule or is_lost:
            self._checkpoint(validate=not on_schedule and reason == "finished")
        self.share.first(lambda: self._present(reason))

    def _present(self, reason: str) -> None:
        if self._failure:
            raise self._failure
        if self.model.needs_training_set:
            presented = self.run.load_model()
            presented.finalise(self.train_set)
            self._save_model(presented)
        self.preview.write(self.model, self.counters.step)
        self.recorder.status(reason, self.counters)

    def _progress_bar(self, enabled: bool) -> tqdm:
        return tqdm(
            initial=self.counters.step,
            total=self.optim.max_steps,
            unit="step",
            disable=not enabled,
            mininterval=1.0 if sys.stderr.isatty() else BAR_SECONDS,
            dynamic_ncols=True,
        )


def completed(counters: Counters, run: Run) -> str | None:
    """Return why nothing is left to train, or None."""
    if counters.step >= run.config.optim.max_steps:
        return "finished"
    return "early stop" if counters.stale >= run.config.optim.patience else None
