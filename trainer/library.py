"""The functions behind `import trainer`, for notebooks and scripts: arrays and tables in, arrays and tables out.

Pictures are arrays of shape (n, C, H, W) in the model's size, uint8 or floats from 0 to 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from trainer.config import Config, from_dict
from trainer.config import load as load_config
from trainer.data import DATASETS as DATASETS
from trainer.errors import StoppedError, UserError
from trainer.evaluation.evaluate import evaluate as evaluate
from trainer.latent import traversal
from trainer.models.base import LatentModel
from trainer.ood import inputs
from trainer.ood.pictures import FPR, score_pictures
from trainer.runs import folder, sprite
from trainer.runs.folder import Run
from trainer.training import fit as training

CHUNK = 256  # pictures per pass of the encoder
Location = str | Path


def open_run(path: Location) -> Run:
    """Return the run in a folder: its `config`, `hash`, `history`, `codes`, `card` and `load_model()`.

    Raises: UserError if there is no such folder, or its config.yaml is missing or broken.
    """
    return Run(path)


def list_runs(*roots: Location) -> list[Run]:
    """Return every readable run directly below the given folders, default pretrained and runs, by name."""
    return folder.find(*(roots or ("pretrained", "runs")))


def metrics(run: Run) -> pd.DataFrame:
    """Return the stored numbers, one row each with its data, split, n, seed, estimator, interval and checkpoint.

    Empty before `evaluate`. Raises: UserError if metrics.json is damaged.
    """
    return pd.DataFrame([asdict(metric) for metric in run.metrics])


def stored_pictures(run: Run) -> np.ndarray:
    """Return the test pictures that the run folder holds, uint8, shape (n, C, H, W).

    They belong, in this order, to the rows of `run.codes` whose `sprite_index` is not negative.

    Raises: UserError if the folder holds none, or they are damaged.
    """
    codes, path = run.codes, run.sprite_path
    if codes.empty or path is None:
        raise UserError(f"{run.path}: no test pictures are stored here; evaluate the run, or use read_pictures.")
    return sprite.read_sprite_tiles(path, run.config.data.shape, codes["sprite_index"][codes["sprite_index"] >= 0])


def read_pictures(run: Run, *paths: Location) -> inputs.Pictures:
    """Return the pictures of files, folders and zips as the model's input.

    Its `arrays` are uint8, shape (n, C, H, W); `names` are n names, `skipped` a sentence for each file left out.

    Raises: UserError if a folder or zip cannot be read.
    """
    return inputs.read_pictures([Path(path) for path in paths], run.config.data.shape)


def encode(run: Run | LatentModel, pictures: np.ndarray) -> np.ndarray:
    """Return the posterior means of pictures, float32, shape (n, z_dim).

    Args:
        run: a run, or what its `load_model()` returned, which saves reading the weights at every call.
        pictures: uint8 or floats from 0 to 1, shape (n, C, H, W).

    Raises: UserError if the pictures have another form, or the weights are missing or damaged.
    """
    model = _model(run)
    pictures = _checked(pictures, model.image_shape)
    scale = 255 if pictures.dtype == np.uint8 else 1
    with torch.inference_mode():
        chunks = torch.from_numpy(pictures).split(CHUNK)
        return torch.cat([model.encode(chunk.float() / scale)[0] for chunk in chunks]).numpy()


def decode(run: Run | LatentModel, codes: np.ndarray) -> np.ndarray:
    """Return the pictures of codes, float32 from 0 to 1, shape (n, C, H, W); the first argument is that of `encode`.

    Raises: UserError if the codes are not finite numbers of shape (n, z_dim), or the weights are missing or damaged.
    """
    model, codes = _model(run), np.asarray(codes)
    if codes.dtype.kind not in "fiu" or codes.shape[1:] != (model.z_dim,) or not np.isfinite(codes).all():
        raise UserError(f"Codes are finite numbers, shape (n, {model.z_dim}); these are {_described(codes)}.")
    return traversal.decode(model, torch.from_numpy(codes.astype(np.float32))).numpy()


def sample(run: Run | LatentModel, n: int, seed: int = 0) -> np.ndarray:
    """Return n codes drawn from the model's prior, float32, shape (n, z_dim); the same for the same seed."""
    with torch.inference_mode():
        return _model(run).sample_prior(n, torch.Generator().manual_seed(seed)).numpy()


def score(run: Run, pictures: np.ndarray, names: Sequence[str] | None = None, fpr: float = FPR) -> pd.DataFrame:
    """Return the outlier scores of pictures as they are, one row each: those of `python -m trainer score --as-it-is`.

    The columns are those of trainer.ood.pictures.score_pictures: the verdict, every score with its percentile among
    held-out pictures, the threshold, the verdicts of shifted and inverted copies, the nearest training pictures.

    Args:
        pictures: uint8 or floats from 0 to 1 (rounded to 256 levels), shape (n, C, H, W).
        names: of the pictures, n of them; default "0", "1", ...
        fpr: the share of ordinary pictures that may be flagged as outliers, in (0, 1).

    Raises: UserError if the pictures have another form, fpr is out of range, or the run is not calibrated.
    """
    pictures = _checked(pictures, run.config.data.shape)
    if names is not None and len(names) != len(pictures):
        raise UserError(f"{len(names)} names for {len(pictures)} pictures; give each picture one.")
    bytes_ = pictures if pictures.dtype == np.uint8 else (255 * pictures).round()
    return score_pictures(run, bytes_, [*map(str, range(len(pictures)))] if names is None else names, fpr)


def fit(
    config: Config | Mapping[str, Any] | Location,
    out: Location | None = None,
    data_root: Location | None = None,
    max_minutes: float | None = None,
    progress: bool = True,
) -> Run:
    """Train a new model in a new folder and return its run; interrupting the kernel ends it with a checkpoint.

    Args:
        config: a recipe's path, its sections as a dictionary, or what `load_config` returned.
        out: the run folder; default runs/<name>.
        data_root: where the data sets are; default $GWAE_DATA, then ./data.
        max_minutes: end with a checkpoint after this time.
        progress: whether a bar is shown.

    Raises: UserError if the configuration is not valid, the folder is taken, data are absent, or training fails.
    """
    if not isinstance(config, Config):
        config = from_dict(dict(config)) if isinstance(config, Mapping) else load_config(config)
    run = folder.create(out or Path("runs") / config.name, config)
    try:
        return resume(run, data_root, max_minutes, progress)
    except UserError:
        folder.discard_unstarted(run)  # after missing data, for example: the same call can be repeated
        raise


def resume(run: Run, data_root: Location | None = None, max_minutes: float | None = None, progress: bool = True) -> Run:
    """Continue a training from its last checkpoint and return the run; one that has ended is left as it is.

    The arguments are those of `fit`. Raises: UserError as `fit` does, or if the folder holds a model alone.
    """
    try:
        training.fit(run, Path(data_root) if data_root else None, max_minutes, progress)
    except StoppedError as error:
        raise UserError(f"{run.path}: stopped while reading the pictures; resume it to continue.") from error
    return Run(run.path)  # a new object: a Run caches the hash of its first weights


def _model(run: Run | LatentModel) -> LatentModel:
    return run.load_model() if isinstance(run, Run) else run


def _checked(pictures: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return a contiguous copy of the pictures. Raises: UserError if type, shape or range are wrong."""
    array = np.array(pictures, order="C")
    is_share = array.dtype.kind == "f" and ((array >= 0) & (array <= 1)).all()  # NaN is neither
    if array.shape[1:] != shape or not (is_share or array.dtype == np.uint8):
        wanted = "Pictures are uint8 or floats from 0 to 1, shape (n, {}, {}, {})".format(*shape)
        raise UserError(f"{wanted}; these are {_described(array)}.")
    return array


def _described(array: np.ndarray) -> str:
    """Return type, shape and range of an array, for a message."""
    values = f", {array.min():.4g} to {array.max():.4g}" if array.size and array.dtype.kind in "fiu" else ""
    return f"{array.dtype}, shape {array.shape}{values}"
