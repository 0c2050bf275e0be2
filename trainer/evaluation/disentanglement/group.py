"""The group "disentanglement" of `evaluate`, and the same measurement for a page: from a run folder to a Record."""

from functools import partial
from pathlib import Path

import numpy as np
import torch

from trainer import data
from trainer.batching import Progress, silent
from trainer.config import Config
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.evaluation.context import Context
from trainer.evaluation.disentanglement import protocol as protocols
from trainer.evaluation.disentanglement import record as records
from trainer.evaluation.disentanglement.codes import FactorCodes
from trainer.evaluation.disentanglement.record import Record
from trainer.models.base import LatentModel
from trainer.runs import layout
from trainer.runs.folder import Metric, Run

SAME_FACTORS = ("shapes3d", "shapes3d-rendered")


def applies(config: Config, images: ImageSet) -> bool:
    """Return whether the factors of the pictures are known, and the pictures enough."""
    return images.factors is not None and len(images) >= protocols.LEAST


def measure(context: Context) -> list[Metric]:
    """Measure under the full protocol, or the fast one where the context says so, and store the record."""
    run, config = context.run, context.run.config
    if "all" in _splits(config):
        images = _load(config, "all", context.data_root, context.progress)
        source = posterior_means(context.model, images, context.device)
    else:
        images = context.images
        source = FactorCodes.of_codes(context.mu.numpy(), images.factors.numpy(), images.factor_names)
    protocol = protocols.FAST if context.fast else protocols.FULL
    record = _measured(source, images, run, protocol, context.seed, context.progress)
    records.write(record, run.path / layout.disentanglement(protocol.name))
    return records.metrics(record)


def of_run(
    run: Run,
    protocol: str = "full",
    data_root: Path | None = None,
    progress: Progress = silent,
    seed: int = 0,
    other: str = "",
) -> Record:
    """Measure a trained run on its own data set, or on another one of the same factors; nothing is written.

    Args:
        protocol: "full" or "fast".
        other: one of `others`, or empty for its own data set.

    Raises: UserError if the data set is absent, has no or other factors, or the weights cannot be loaded.
    """
    progress("reading", 0, 1)
    settings = on_data(run.config, other)
    images = _load(settings, "all" if "all" in _splits(settings) else "test", data_root, progress)
    source = posterior_means(run.load_model(), images)
    return _measured(source, images, run, protocols.PROTOCOLS[protocol], seed, progress)


def posterior_means(model: LatentModel, images: ImageSet, device: str = "cpu") -> FactorCodes:
    """Return the posterior means of a model for pictures with factors."""
    model = model.to(device)

    def encode(rows: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model.encode(images.float_batch(rows).to(device))[0].cpu().numpy()

    factors = np.zeros((len(images), 0)) if images.factors is None else images.factors.numpy()
    return FactorCodes(factors, images.factor_names, encode)


def others(config: Config) -> tuple[str, ...]:
    """Return names of the data sets with the factors of this one: pictures of the same things, made in another way."""
    own = config.data.name
    return tuple(name for name in SAME_FACTORS if name != own) if own in SAME_FACTORS else ()


def on_data(config: Config, other: str) -> Config:
    """Return the same settings with another data set of the same factors, at the model's size.

    Raises: UserError if it is none of `others`.
    """
    if not other or other == config.data.name:
        return config
    if other not in others(config):
        known = ", ".join((config.data.name, *others(config)))
        raise UserError(f"A model of '{config.data.name}' cannot be measured on '{other}'; choose from: {known}.")
    return config.model_copy(update={"data": config.data.model_copy(update={"name": other})})


def _splits(config: Config) -> tuple[str, ...]:
    """The published protocol draws from all combinations of factors, those of the training included."""
    return data.DATASETS[config.data.name].splits


def _load(config: Config, split: str, data_root: Path | None, progress: Progress) -> ImageSet:
    return data.load(config.data, split, data_root, partial(progress, "preparing pictures"))


def _measured(
    source: FactorCodes, images: ImageSet, run: Run, protocol: protocols.Protocol, seed: int, progress: Progress
) -> Record:
    return protocols.measure(
        source, protocol, checkpoint=run.hash, data=images.name, split=images.split, seed=seed, progress=progress
    )
