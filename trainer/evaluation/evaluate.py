"""Measure a trained model on its test set and fill the run folder with all that pages and readers need.

Writes metrics.json, codes.parquet, sprite.png (where the pictures may be passed on), decoder.onnx and
card.md. The columns of codes.parquet, one row per test picture in the order of the data set:

    id            stable name of the picture, e.g. "mnist-test-00012"
    label         int64, -1 without labels;  label_name: str, "" without labels
    factor_<name> int64 index of the value of each generative factor, e.g. factor_floor_hue, where factors are known
    sprite_index  int64, place in sprite.png, -1 if it is not in there
    z0...         float32 posterior mean, rounded to 16 bits (trainer.runs.folder.rounded), as are psnr and scores
    log_var0...   float16 posterior log variance
    psnr          float32, dB, of the reconstruction from the posterior mean
    score_<name>  float32, every score of LatentModel.ood_scores, larger is more out-of-distribution
    component     int64, most responsible mixture component (prior gmp only)
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from trainer import data
from trainer.batching import Progress, batches, silent
from trainer.config import Config
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.evaluation import card, clustering, geometry, ood, reconstruction
from trainer.evaluation import map as mapping
from trainer.evaluation.context import Context
from trainer.evaluation.disentanglement import group as disentanglement
from trainer.evaluation.generation import group as generation
from trainer.models.base import LatentModel
from trainer.runs import layout, onnx_files, sprite
from trainer.runs.folder import Metric, Run, rounded
from trainer.system import files


class Group(NamedTuple):
    """A function that measures, and whether it has anything to measure on such a model and test set."""

    measure: Callable[[Context], list[Metric]]
    applies: Callable[[Config, ImageSet], bool] = lambda config, images: True
    needs: str = ""  # what is missing where it does not apply, for the sentence that refuses it


GROUPS: dict[str, Group] = {
    "reconstruction": Group(reconstruction.measure),
    "clustering": Group(clustering.measure, clustering.applies),
    "geometry": Group(geometry.measure),
    "generation": Group(
        generation.measure,
        generation.applies,
        "generation needs as many test pictures as its network has features; --network names another network",
    ),
    "ood": Group(ood.measure),
    "disentanglement": Group(disentanglement.measure, disentanglement.applies),
    "map": Group(mapping.measure, mapping.applies),
}
"""What `evaluate --only` knows, in the order of the results; a new group is one line here."""


Encoded = tuple[Tensor, Tensor, dict[str, Tensor]]
"""What `encode` returns."""
TEST_PICTURES = 10_000
"""Test pictures at most, as many as MNIST has: intervals are narrow, and a run folder stays small enough to pass on."""


def evaluate(
    run: Run,
    data_root: Path | None = None,
    only: list[str] | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    device: str = "cpu",
    fast: bool = False,
    outliers: Path | None = None,
    background: Path | None = None,
    without: tuple[str, ...] = (),
    begin: Progress | None = None,
    networks: tuple[str, ...] = (),
) -> list[Metric]:
    """Encode the test set, measure the groups named in `only` (None: all that apply), and write the folder's files.

    The same weights and seed give the same files. All files are rewritten whatever `only` says, so that a folder
    never mixes two checkpoints; metrics of other groups stay if they belong to this checkpoint.

    Args:
        run: a trained run folder.
        data_root: where the data sets are; None for the default of trainer.data.
        only: names of GROUPS.
        progress: called as progress(what, done, total).
        seed: of every random choice (bootstrap, k-means, prior samples).
        device: where the networks run.
        fast: measure disentanglement by its fast protocol, which is stored beside the full one.
        outliers: folder or zip of own pictures, scored as one more pair of the group ood.
        background: run folder of a background model (trainer/ood/detectors/ratio.py).
        without: names of GROUPS that are left out, should they apply.
        begin: called as begin(part, place, places) before each part: "reading", of which nothing is counted yet, then,
            from place 1, "codes", the groups, and "files".

    Raises: UserError for an unknown or inapplicable group, absent data, a broken checkpoint or one replaced meanwhile,
        an unwritable folder.
    """
    progress, begin = progress or silent, begin or silent
    _refuse(set(only or []) - set(GROUPS), list(GROUPS))
    run = Run(run.path)  # afresh: a Run remembers the hash of the weights it first saw
    checkpoint, model = run.hash, run.load_model()
    begin("reading", 0, 0)  # how many parts there are is known once the pictures are
    images = measured(data.load(run.config.data, "test", data_root, partial(progress, "reading pictures")))
    wanted = _wanted(run, images, only, without, outliers, networks)
    parts = ["codes", *wanted, "files"]
    turn_to = lambda part: begin(part, parts.index(part) + 1, len(parts))  # noqa: E731
    turn_to("codes")
    encoded = encode(model, images, device, progress)
    given = dict(data_root=data_root, outliers=outliers, background=background, networks=networks)
    context = _context(run, model, images, encoded, seed=seed, progress=progress, device=device, fast=fast, **given)
    metrics: list[Metric] = []
    for name in wanted:
        turn_to(name)
        metrics += GROUPS[name].measure(context)
    if Run(run.path).hash != checkpoint:  # a training goes on in this folder
        raise UserError(f"{run.path}: the weights changed meanwhile; evaluate again when the training has ended.")

    turn_to("files")
    run.write_codes(code_table(images, *encoded, _write_sprite(run, images)))
    _write_metrics(run, metrics)
    onnx_files.write_decoder(run.path, model.cpu())
    card.write_card(run)
    return metrics


def _wanted(
    run: Run,
    images: ImageSet,
    only: list[str] | None,
    without: tuple[str, ...],
    outliers: Path | None,
    networks: tuple[str, ...],
) -> list[str]:
    """Return the names of the groups to measure. Raises: UserError where one of them, or `outliers`, does not apply."""
    applicable = [name for name, group in GROUPS.items() if name not in without and group.applies(run.config, images)]
    if networks and "generation" not in applicable:
        applicable.append("generation")  # asked for by name: it says itself what it lacks
    _refuse(set(only or []) - set(applicable), applicable)
    if outliers is not None and (not outliers.exists() or "ood" not in (only or applicable)):
        raise UserError(f"--outliers {outliers}: give a folder or zip that exists, and measure the group ood.")
    return [name for name in applicable if only is None or name in only]


def _context(run: Run, model: LatentModel, images: ImageSet, encoded: Encoded, **given: Any) -> Context:
    """Return what the groups are given. Raises: UserError if the model gives values that are not finite."""
    mu, log_var, columns = encoded
    if not all(bool(values.isfinite().all()) for values in (mu, log_var, columns["psnr"])):
        raise UserError(f"{run.path}: the model gives values that are not finite; train it again at a lower optim.lr.")
    scores = {name.removeprefix("score_"): v.numpy() for name, v in columns.items() if name.startswith("score_")}
    known = {"labels": images.labels, "psnr": columns["psnr"], "component": columns.get("component"), "scores": scores}
    return Context(run, model, images, mu, log_var, **known, **given)


def measured(images: ImageSet) -> ImageSet:
    """Return the test set itself, or a fixed random sample of TEST_PICTURES of it, in the order of the data set."""
    if len(images) <= TEST_PICTURES:
        return images
    return images.subset(np.sort(np.random.default_rng(0).permutation(len(images))[:TEST_PICTURES]))


def encode(model: LatentModel, images: ImageSet, device: str = "cpu", progress: Progress = silent) -> Encoded:
    """Return posterior means and log variances, each (N, z_dim), and the per-picture columns of codes.parquet, each
    (N,).
    """
    model = model.to(device)
    with_components = getattr(model.prior, "kind", "") == "gmp"
    means, log_variances, columns = [], [], {}
    with torch.inference_mode():
        for rows in batches(len(images)):
            x = images.float_batch(rows).to(device)
            mu, log_var = model.encode(x)
            decoded = model.decode(mu)
            measured = {"psnr": reconstruction.psnr(decoded, x)}
            measured |= {f"score_{name}": score for name, score in model.scores_from(x, mu, decoded).items()}
            if with_components:
                measured["component"] = model.prior.responsibilities(mu).argmax(1)
            means.append(mu.cpu())
            log_variances.append(log_var.cpu())
            for name, values in measured.items():
                columns.setdefault(name, []).append(values.reshape(len(rows)).cpu())
            progress("encoding", int(rows[-1]) + 1, len(images))
    return torch.cat(means), torch.cat(log_variances), {name: torch.cat(parts) for name, parts in columns.items()}


def code_table(
    images: ImageSet, mu: Tensor, log_var: Tensor, columns: dict[str, Tensor], tiles: np.ndarray
) -> pd.DataFrame:
    """Return codes.parquet as a table; `tiles` are the rows shown in the sprite, in its order."""
    n = len(images)
    labels = np.full(n, -1, dtype=np.int64) if images.labels is None else images.labels.numpy().astype(np.int64)
    names = np.array([*images.label_names, ""], dtype=object)  # the last one, index -1, is "no label"
    sprite_index = np.full(n, -1, dtype=np.int64)
    sprite_index[tiles] = np.arange(len(tiles))
    table: dict[str, np.ndarray] = {
        "id": np.array(images.ids, dtype=object),
        "label": labels,
        "label_name": names[labels],
        "sprite_index": sprite_index,
    }
    if images.factors is not None:
        for position, name in enumerate(images.factor_names):
            table[f"factor_{name.replace(' ', '_')}"] = images.factors[:, position].numpy().astype(np.int64)
    # A log variance is bounded by 8 and only draws the width of a posterior: half precision is plenty.
    for axis in range(mu.shape[1]):
        table[f"z{axis}"] = rounded(mu[:, axis].numpy())
    for axis in range(mu.shape[1]):
        table[f"log_var{axis}"] = log_var[:, axis].half().numpy()
    for name, values in columns.items():
        table[name] = values.numpy().astype(np.int64) if name == "component" else rounded(values.numpy())
    return pd.DataFrame(table)


def _refuse(wrong: set[str], available: list[str]) -> None:
    if wrong:
        named = ", ".join(sorted(wrong))
        needs = "; ".join(GROUPS[name].needs for name in sorted(wrong & set(GROUPS)) if GROUPS[name].needs)
        why = f" ({needs})" if needs else ""
        raise UserError(f"--only {named}: not available for this run{why}; choose from {', '.join(available)}.")


def _write_sprite(run: Run, images: ImageSet) -> np.ndarray:
    """Write sprite.png where the pictures may be bundled or are the user's own; returns the rows it shows."""
    path = run.path / layout.SPRITE
    if not data.DATASETS[run.config.data.name].shows_pictures:
        path.unlink(missing_ok=True)  # one of an earlier version would no longer fit the codes
        return np.zeros(0, dtype=np.int64)
    tiles = sprite.choose_tiles(None if images.labels is None else images.labels.numpy(), len(images))
    sprite.write_sprite(images.images[tiles].numpy(), path)
    return tiles


def _write_metrics(run: Run, metrics: list[Metric]) -> None:
    """Write metrics.json; a damaged one is dropped: the message about it asks for this very command."""
    try:
        _ = run.metrics
    except UserError:
        files.write_text(run.path / layout.METRICS, "[]\n")
    run.write_metrics(metrics)
