"""Pictures the model was trained on, with their codes: what a user's picture is most like in the model's eyes.

train_codes.parquet of the run folder, at most PICTURES rows, balanced over the classes, without any held-out picture:

    id, label_name   as in the data set;  tile  int64, place in train_sprite.png, -1 where pictures may not be passed on
    z0...            float16 posterior mean
    checkpoint       hash of the weights, the same in every row
"""

import numpy as np
import pandas as pd
import torch

from trainer import data
from trainer.batching import batches
from trainer.data.imageset import ImageSet
from trainer.latent import neighbours
from trainer.models.base import LatentModel
from trainer.runs import layout, sprite, validation
from trainer.runs.folder import Run, write_parquet
from trainer.system import files

PICTURES = 1_000
NEAREST = 3


def store(run: Run, model: LatentModel, trained: ImageSet, device: torch.device | str = "cpu") -> None:
    """Encode a sample of the training pictures and write both files.

    Args:
        trained: the training pictures without the held-out ones (trainer.data.imageset.split_validation).

    Raises: UserError if the folder cannot be written.
    """
    rows = sprite.choose_tiles(None if trained.labels is None else trained.labels.numpy(), len(trained), PICTURES)
    some = trained.subset(rows)
    with torch.inference_mode():
        mu = torch.cat([model.encode(some.float_batch(part).to(device))[0].cpu() for part in batches(len(some))])
    names = np.array([*some.label_names, ""], dtype=object)
    labels = np.full(len(some), -1) if some.labels is None else some.labels.numpy()
    shown = _write_pictures(run, some)
    table = {"id": np.array(some.ids, dtype=object), "label_name": names[labels]}
    table["tile"] = np.arange(len(some)) if shown else np.full(len(some), -1)
    table |= {f"z{axis}": mu[:, axis].half().numpy() for axis in range(mu.shape[1])}
    table["checkpoint"] = run.hash
    files.write_atomic(run.path / layout.TRAIN_CODES, lambda path: write_parquet(pd.DataFrame(table), path))


def _write_pictures(run: Run, some: ImageSet) -> bool:
    """Write the sprite where the pictures may be passed on or are the user's own."""
    if not data.DATASETS[run.config.data.name].shows_pictures:
        (run.path / layout.TRAIN_SPRITE).unlink(missing_ok=True)
        return False
    sprite.write_sprite(some.images.numpy(), run.path / layout.TRAIN_SPRITE)
    return True


def read(run: Run) -> pd.DataFrame:
    """Return train_codes.parquet of this very checkpoint; no rows where it is absent, damaged or of other weights."""
    try:
        table, _ = validation.read_table(run.path / layout.TRAIN_CODES, validation.TRAIN_COLUMNS)
        if set(table["checkpoint"]) == {run.hash}:
            return table
    except validation.WrongError:  # what is missing here costs one column of a table
        pass
    return pd.DataFrame({"id": [], "label_name": [], "tile": []})


def nearest(known: pd.DataFrame, mu: np.ndarray, count: int = NEAREST) -> list[list[str]]:
    """Return for each code (n, z_dim) the ids of the nearest of the known codes, Euclidean, nearest first."""
    axes = layout.code_columns(mu.shape[1])
    if known.empty or not set(axes) <= set(known.columns):
        return [[] for _ in mu]
    points, ids = known[axes].to_numpy(dtype=np.float64), known["id"].to_numpy()
    return [[str(ids[row]) for row in rows] for rows in neighbours.nearest(mu, points, count)[0]]
