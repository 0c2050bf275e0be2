"""The group "disentanglement" of `evaluate`, and the same measurement for a page: from a run folder to a Record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainer import data
from trainer.metrics.disentanglement import protocol as protocols
from trainer.metrics.disentanglement import record as records
from trainer.metrics.disentanglement.codes import FactorCodes, Progress

if TYPE_CHECKING:
    from trainer.config import Config
    from trainer.data.imageset import ImageSet
    from trainer.metrics.context import Context
    from trainer.metrics.disentanglement.record import Record
    from trainer.run import Metric, Run


def applies(config: Config, images: ImageSet) -> bool:
    """Needs pictures whose factors are known, and enough of them."""
    return images.factors is not None and len(images) >= protocols.LEAST


def measure(context: Context) -> list[Metric]:
    """Measure under the full protocol, or the fast one where the context says so, and store the record."""
    run, config = context.run, context.run.config
    if "all" in _splits(config):
        images = _load(config, "all", context.data_root, context.progress)
        source = FactorCodes.of_model(context.model, images, context.device)
    else:
        images = context.images
        source = FactorCodes.of_codes(context.mu.numpy(), images.factors.numpy(), images.factor_names)
    protocol = protocols.FAST if context.fast else protocols.FULL
    found = _measured(source, images, run, protocol, context.seed, context.progress)
    records.write(found, run.path / records.file_name(protocol.name))
    return records.metrics(found)


def of_run(
    run: Run,
    protocol: str = "full",
    data_root: Path | None = None,
    progress: Progress = lambda what, done, total: None,
    seed: int = 0,
) -> Record:
    """Measure a trained run on its own data set; nothing is written.

    Args:
        protocol: "full" or "fast".

    Raises: UserError if the data set is absent or has no factors, or the weights cannot be loaded.
    """
    progress("reading", 0, 1)
    images = _load(run.config, "all" if "all" in _splits(run.config) else "test", data_root, progress)
    source = FactorCodes.of_model(run.load_model(), images)
    return _measured(source, images, run, protocols.PROTOCOLS[protocol], seed, progress)


def _splits(config: Config) -> tuple[str, ...]:
    """The published protocol draws from all combinations of factors, those of the training included."""
    return data.DATASETS[config.data.name].splits


def _load(config: Config, split: str, data_root: Path | None, progress: Progress) -> ImageSet:
    return data.load(config.data, split, data_root, lambda done, total: progress("preparing pictures", done, total))


def _measured(
    source: FactorCodes, images: ImageSet, run: Run, protocol: protocols.Protocol, seed: int, progress: Progress
) -> Record:
    return protocols.measure(
        source, protocol, checkpoint=run.hash, data=images.name, split=images.split, seed=seed, progress=progress
    )
