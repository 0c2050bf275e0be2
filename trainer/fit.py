"""The training loop on Lightning Fabric: critic steps, main step, validation, early stopping, checkpoints."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor
from tqdm import tqdm

from trainer import checkpoint, data, files, models, objectives, warm_start
from trainer.data.imageset import ImageSet, split_validation
from trainer.errors import UserError
from trainer.run import Run

LOG_EVERY = 50
"""Main steps averaged into one row of history.csv."""
VALIDATION_PICTURES = 2_000
CRITIC_BETAS = (0.5, 0.9)  # the usual choice under a gradient penalty: little momentum for a moving target


@dataclass
class Counters:
    """Where the loop stands; stored with every checkpoint."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0
    stale: int = 0  # validations since the best one


class Trainer:
    """One training in one run folder; `run()` trains until a limit, a stop request or early stopping.

    Raises: UserError on missing data, a non-finite loss (naming term and step), or an unwritable folder.
    """

    def __init__(self, run: Run, images: ImageSet, *, accelerator: str = "auto", devices: int = 1):
        self.run, self.settings = run, run.config
        self.optim = self.settings.optim
        self.fabric = Fabric(accelerator=accelerator, devices=devices)
        self.fabric.launch()
        torch.manual_seed(self.settings.seed)
        self.train_set, self.validation_set = split_validation(
            images, self.settings.data.validation, self.settings.seed
        )
        self.batches = torch.Generator().manual_seed(self.settings.seed)
        # Channels last: convolutions of these sizes run up to twice as fast on the CPU.
        self.model = models.build(self.settings).to(memory_format=torch.channels_last)
        self.objective = objectives.build(self.model, self.settings)
        self.optimizers = {"main": self._optimizer(self.objective.main_parameters(), self.optim.lr, (0.9, 0.999))}
        if self.objective.has_critic:
            groups = self.objective.critic_parameters()
            self.optimizers["critic"] = self._optimizer(groups, self.optim.critic_lr, CRITIC_BETAS)
        self.module, *wrapped = self.fabric.setup(self.objective, *self.optimizers.values())
        self.wrapped = dict(zip(self.optimizers, wrapped, strict=True))
        self.counters = Counters()
        self.pending: dict[str, float] = {}  # sums of terms since the last row
        self.stop_requested = False
        self._restore()

    # --- set-up -----------------------------------------------------------------------------------------------

    def _optimizer(self, groups: list[dict], lr: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
        groups = [{"params": group["params"], "lr": lr * group["scale"]} for group in groups]
        for group in groups:
            group["initial_lr"] = group["lr"]
        if self.optim.name == "adam":
            return torch.optim.Adam(groups, betas=betas, fused=True)
        return torch.optim.RMSprop(groups, foreach=True)

    @property
    def checkpoint_path(self) -> Path:
        return self.run.path / "training" / "checkpoint.safetensors"

    def _restore(self) -> None:
        """Continue from the last checkpoint if there is one, and drop history written after it."""
        files.make_folder(self.run.path / "training")
        self._history: list[dict] = []
        if not self.checkpoint_path.is_file():
            return
        state = checkpoint.load(self.checkpoint_path, self.model, self.optimizers, {"batches": self.batches})
        self.counters = Counters(**state)
        history = self.run.history
        if len(history):
            self._history = history[history["step"] <= self.counters.step].to_dict("records")

    # --- the loop ---------------------------------------------------------------------------------------------

    def fit(self, max_minutes: float | None = None, progress: bool = True) -> str:
        """Train; returns why it ended: 'finished', 'early stop', 'time limit' or 'stopped'."""
        started, before = time.monotonic(), self.counters.seconds
        reason = "finished"
        with self._graceful_stop(), self._progress_bar(progress) as bar:
            while self.counters.step < self.optim.max_steps:
                self._one_step(bar)
                self.counters.seconds = before + time.monotonic() - started
                if self.counters.step % self.optim.validate_every == 0:
                    self._checkpoint(validate=True)
                    if self.counters.stale >= self.optim.patience:
                        reason = "early stop"
                        break
                if self.stop_requested or (self.run.path / "training" / "stop").exists():
                    reason = "stopped"
                    break
                if max_minutes is not None and time.monotonic() - started > 60 * max_minutes:
                    reason = "time limit"
                    break
        self._finish(reason)
        return reason

    def _one_step(self, bar: tqdm) -> None:
        warming_up = self.counters.step < self.optim.warmup_steps
        self._set_learning_rates()
        terms: dict[str, Tensor] = {}
        if self.objective.has_critic and not warming_up:
            for _ in range(self.optim.critic_steps):
                critic_terms = self._update("critic")
            terms |= {name: value for name, value in critic_terms.items() if name != "loss"}
        terms |= self._update("warmup" if warming_up and self.objective.has_critic else "main")
        self.counters.step += 1
        self._record(terms, bar)
        if self.counters.step == self.optim.warmup_steps and self.settings.prior.warm_start:
            warm_start.place_mixture(self.model, self.train_set, self.settings.seed, self.fabric.device)

    def _update(self, player: str) -> dict[str, Tensor]:
        """One optimiser step of one player; the other player's parameters and buffers stay as they are."""
        optimizer = self.wrapped["critic" if player == "critic" else "main"]
        if self.objective.has_critic:
            self.model.critic.requires_grad_(player == "critic").train(player == "critic")
        optimizer.zero_grad(set_to_none=True)
        terms = self.module(self._batch(), player)
        self._assert_finite(terms)
        self.fabric.backward(terms["loss"])
        if player != "critic":
            norm = torch.nn.utils.clip_grad_norm_(
                [parameter for group in self.optimizers["main"].param_groups for parameter in group["params"]],
                self.optim.grad_clip,
            )
            self._assert_finite({"gradient": norm})
        optimizer.step()
        return {name: value.detach() for name, value in terms.items()}

    def _batch(self) -> Tensor:
        indices = torch.randint(len(self.train_set), (self.optim.batch_size,), generator=self.batches)
        images = self.train_set.float_batch(indices).contiguous(memory_format=torch.channels_last)
        return self.fabric.to_device(images)

    def _set_learning_rates(self) -> None:
        """Cosine from the initial rate to a tenth of it, or constant."""
        share = self.counters.step / self.optim.max_steps
        factor = 0.1 + 0.45 * (1 + math.cos(math.pi * share)) if self.optim.decay else 1.0
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor

    def _assert_finite(self, terms: dict[str, Tensor]) -> None:
        loss = next(iter(terms.values()))
        if torch.isfinite(loss):
            return
        name = next((n for n, v in terms.items() if n != "loss" and not torch.isfinite(v)), "loss")
        raise UserError(
            f"The term '{name}' became non-finite at step {self.counters.step + 1}; "
            "lower optim.lr and optim.critic_lr, then resume from the last checkpoint or start anew."
        )

    # --- records ----------------------------------------------------------------------------------------------

    def _record(self, terms: dict[str, Tensor], bar: tqdm) -> None:
        for name, value in terms.items():
            self.pending[name] = self.pending.get(name, 0.0) + value
        self.pending["count"] = self.pending.get("count", 0) + 1
        bar.update()
        if self.counters.step % LOG_EVERY == 0:
            self._log(bar)

    def _log(self, bar: tqdm | None = None, **extra: float) -> None:
        """Turn the pending sums into one row of history.csv."""
        count = self.pending.pop("count", 0)
        row = {"step": self.counters.step, "seconds": round(self.counters.seconds, 1)}
        row |= {name: float(value) / count for name, value in self.pending.items()} if count else {}
        if self.objective.has_critic:
            row["distance coefficient"] = self.model.log_scale.exp().item()
        self.pending.clear()
        if self._history and self._history[-1]["step"] == row["step"]:
            row = self._history.pop() | row
        self._history.append(row | extra)
        table = pd.DataFrame(self._history)
        files.write_atomic(self.run.path / "history.csv", lambda path: table.to_csv(path, index=False))
        self._write_status("running")
        if bar is not None:
            shown = ("loss", "gw", "reconstruction", "critic gap", "entropy", "kl")
            bar.set_postfix({name: f"{row[name]:.3g}" for name in shown if name in row}, refresh=False)

    def _checkpoint(self, validate: bool) -> None:
        """Store the state; after a validation also the presented weights, by optim.keep."""
        self.model.prior.calibrate()
        if validate:
            validation = self.validate()
            self._log(**{f"validation {name}": value for name, value in validation.items()})
            self._note_validation(validation["loss"])
        if self.optim.keep == "last" or not self.run.is_trained:
            models.save_weights(self.model, self.run.weights_path)
        checkpoint.save(
            self.checkpoint_path,
            self.model,
            self.optimizers,
            {"batches": self.batches},
            asdict(self.counters),
        )

    def _note_validation(self, loss: float) -> None:
        counters = self.counters
        if counters.step <= self.optim.warmup_steps or loss < counters.best:
            counters.best = loss if counters.step > self.optim.warmup_steps else math.inf
            counters.best_step, counters.stale = counters.step, 0
            if self.optim.keep == "best":
                models.save_weights(self.model, self.run.weights_path)
        else:
            counters.stale += 1

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Mean terms over at most 2,000 validation pictures, with fixed noise, and PSNR in dB."""
        player = "main" if self.counters.step > self.optim.warmup_steps else "warmup"
        sums: dict[str, float] = {}
        indices = torch.arange(min(VALIDATION_PICTURES, len(self.validation_set)))
        self.model.eval()
        with torch.random.fork_rng():
            torch.manual_seed(self.settings.seed)
            for chunk in indices.split(256):
                x = self.fabric.to_device(self.validation_set.float_batch(chunk))
                terms = self.objective(x, player)
                squared = (x - self.model.reconstruct(x)).square().flatten(1).mean(1)
                terms["psnr"] = (-10 * squared.clamp_min(1e-10).log10()).mean()
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0.0) + value.item() * len(chunk)
        self.model.train()
        return {name: value / len(indices) for name, value in sums.items()}

    # --- ending -----------------------------------------------------------------------------------------------

    def _finish(self, reason: str) -> None:
        on_schedule = self.counters.step % self.optim.validate_every == 0
        if not on_schedule:
            self._checkpoint(validate=reason == "finished")
        (self.run.path / "training" / "stop").unlink(missing_ok=True)
        self._write_status(reason)

    def _write_status(self, state: str) -> None:
        status = {"state": state, "pid": os.getpid(), "heartbeat": time.time(), "max_steps": self.optim.max_steps}
        text = json.dumps(status | asdict(self.counters) | {"best": repr(self.counters.best)}, indent=1)
        files.write_text(self.run.path / "training" / "status.json", text + "\n")

    @contextmanager
    def _graceful_stop(self):
        """SIGINT and SIGTERM end the loop after the running step, with a checkpoint."""

        def request(signum, frame):
            self.stop_requested = True

        previous = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _progress_bar(self, enabled: bool) -> tqdm:
        return tqdm(
            initial=self.counters.step,
            total=self.optim.max_steps,
            unit="step",
            disable=not enabled,
            mininterval=1.0,
            dynamic_ncols=True,
        )


def fit(
    run: Run,
    data_root: Path | None = None,
    max_minutes: float | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
) -> str:
    """Train the run, from its last checkpoint if it has one; returns why it ended (Trainer.fit).

    Raises: UserError on missing data, a non-finite loss, a full disk or an unwritable folder.
    """
    images = data.load(run.config.data, "train", data_root)
    return Trainer(run, images, accelerator=accelerator, devices=devices).fit(max_minutes, progress)
