"""The group "map" of `evaluate`: the map of the default settings, and how far it is to be trusted."""

import pandas as pd

from trainer.config import Config
from trainer.data.imageset import ImageSet
from trainer.evaluation.context import Context
from trainer.latent import neighbours
from trainer.latent.map import EVALUATED_FROM, PRIOR_SAMPLES, compute
from trainer.latent.map_file import MapSettings, write
from trainer.runs import layout
from trainer.runs.folder import Metric


def applies(config: Config, images: ImageSet) -> bool:
    """Return whether there are enough pictures for a layout to show more than PCA does."""
    return len(images) >= EVALUATED_FROM


def measure(context: Context) -> list[Metric]:
    """Store the map of the default settings in the run folder; its trustworthiness is the metric."""
    codes = pd.DataFrame(context.mu.numpy(), columns=layout.code_columns(context.mu.shape[1]))
    labels = -1 if context.labels is None else context.labels.numpy()
    codes = codes.assign(id=list(context.images.ids), label=labels)
    settings = MapSettings(seed=context.seed)
    made = compute(codes, context.model.to("cpu"), context.run.hash, settings, context.progress)
    context.model.to(context.device)
    write(made, context.run.path / layout.MAP)
    shown = int((made.frame["kind"] == "code").sum())
    how = (
        f"UMAP ({settings.neighbours} neighbours, min_dist {settings.min_dist}, {settings.metric}) of {shown:,} mu(x) "
        f"and {PRIOR_SAMPLES:,} prior samples; k = {neighbours.TRUST_NEIGHBOURS} (Venna and Kaski 2001)"
    )
    value = made.meta["trustworthiness"]
    return [context.metric("map", "map trustworthiness", value, how, n=shown, seed=context.seed)]
