"""The evaluation group `generation`: prior samples, reconstructions and two controls against held-out pictures.

    prior samples       g(z), z ~ pi: pictures that the model makes without one
    reconstructions     g(mu(x)) of the reference pictures
    fitted mixture      g(z), z from a Gaussian mixture fitted afterwards to training codes: the known control of
                        autoencoders (Ghosh et al., ICLR 2020); a learned prior that does not beat it has gained nothing
    training pictures   the data itself: the value that a perfect generator has at this n

All four have as many pictures as the reference, which is the test set, or the training set where the network has more
features than the test set pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from trainer import data
from trainer.batching import batches
from trainer.config import Config
from trainer.data import digits as digit_files
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.evaluation.context import Context
from trainer.evaluation.generation import scores
from trainer.evaluation.generation.networks import NETWORKS, Network
from trainer.runs.folder import Metric

GROUP = "generation"
PICTURES = 5_000
"""Pictures a side at most; the neighbourhoods' distance matrices then take 100 MB each."""
CODES = 10_000
COMPONENTS = 10
VARIANTS = ("prior samples", "reconstructions", "fitted mixture", "training pictures")
MEASURES = ("distance", "kernel", "precision", "recall", "density", "coverage")
FEW_FEATURES = 512
"""Up to here the Frechet distance of a half takes a fraction of a second, and its interval is estimated."""
_BATCH = 50
_DEFAULTS = {"mnist": "mnist-classifier", "celeba": "efficientnet-lite0", "folder": "efficientnet-lite0"}


def default_network(settings: Config) -> str | None:
    """Return the name of the feature network for a data set, or None where none says anything about its pictures."""
    return _DEFAULTS.get(settings.data.name)


def applies(settings: Config, images: ImageSet) -> bool:
    """Return whether there is a network for the data, and as many test pictures as it has features."""
    name = default_network(settings)
    return name is not None and len(images) >= NETWORKS[name].least


def metric_name(measure: str, network: Network, variant: str) -> str:
    """Return a number's name, for example "Frechet distance (EfficientNet-Lite0), prior samples"."""
    named = {"distance": network.distance, "kernel": network.kernel}
    return f"{named.get(measure, f'{measure} ({network.title})')}, {variant}"


def measure(context: Context) -> list[Metric]:
    """Return MEASURES of VARIANTS with every network asked for.

    Raises: UserError for an unknown network, one that cannot be had, or too few pictures for it.
    """
    names = context.networks or (default_network(context.run.config) or "efficientnet-lite0",)
    unknown = set(names) - set(NETWORKS)
    if unknown:
        raise UserError(f"--network {', '.join(sorted(unknown))}: unknown; choose from {', '.join(NETWORKS)}.")
    return [metric for name in names for metric in _with_network(context, NETWORKS[name])]


def _with_network(context: Context, network: Network) -> list[Metric]:
    train = _training_pictures(context)
    reference, others = _reference(context, train, network)
    variants = _pictures(context, train, reference, others)
    features, count = network.load(), _Counter(context, network, len(reference) * (1 + len(variants)))
    with torch.inference_mode():
        real = _features(reference.float_batch, len(reference), features, count)
        fakes = {name: _features(pictures, len(reference), features, count) for name, pictures in variants.items()}
    return [
        metric for name, fake in fakes.items() for metric in _compare(context, network, reference, name, real, fake)
    ]


def _training_pictures(context: Context) -> ImageSet | None:
    """The training pictures, or None where they are not on this disk: the variants that need them are left out."""
    settings, root = context.run.config.data, context.data_root or data.default_data_root()
    try:
        if settings.name in digit_files.NAMES and not digit_files.on_disk(settings.name, "train", root):
            return None  # loading would download them
        return data.load(settings, "train", root)
    except UserError:
        return None


class _Counter:
    """Reports how many pictures have gone through the network."""

    def __init__(self, context: Context, network: Network, total: int):
        self.context, self.what, self.total, self.done = context, f"features, {network.title}", total, 0

    def add(self, count: int) -> None:
        self.done += count
        self.context.progress(self.what, self.done, self.total)


def _reference(context: Context, train: ImageSet | None, network: Network) -> tuple[ImageSet, ImageSet | None]:
    """The reference pictures, and as many training pictures that are not among them, where there are so many."""
    order, test = np.random.default_rng(context.seed).permutation, context.images
    if len(test) >= network.least:
        n = min(len(test), PICTURES)
        others = None if train is None or len(train) < n else train.subset(np.sort(order(len(train))[:n]))
        return test.subset(np.sort(order(len(test))[:n])), others
    known = 0 if train is None else len(train)
    n = min(known // 2, PICTURES)
    if train is None or n < network.least:
        raise UserError(
            f"{network.distance} needs at least {network.least:,} pictures a side, and there are {len(test):,} test "
            f"and {known:,} training pictures; choose a network with fewer features."
        )
    shuffled = order(len(train))
    return train.subset(np.sort(shuffled[:n])), train.subset(np.sort(shuffled[n : 2 * n]))


def _pictures(
    context: Context, train: ImageSet | None, reference: ImageSet, others: ImageSet | None
) -> dict[str, Callable[[np.ndarray], Tensor]]:
    """For each variant, the function from rows to pictures (B, C, H, W)."""
    model, n = context.model, len(reference)

    def decoded(codes: Tensor, rows: np.ndarray) -> Tensor:
        return model.decode(codes[rows].to(context.device)).cpu()

    def reconstructed(rows: np.ndarray) -> Tensor:
        return model.reconstruct(reference.float_batch(rows).to(context.device)).cpu()

    with torch.inference_mode():
        prior = model.sample_prior(n, torch.Generator().manual_seed(context.seed))
        variants = {"prior samples": partial(decoded, prior), "reconstructions": reconstructed}
        if train is not None:
            mixture = fitted_mixture(training_codes(context, train), n, context.seed)
            variants["fitted mixture"] = partial(decoded, mixture)
    return variants | ({} if others is None else {"training pictures": others.float_batch})


def training_codes(context: Context, train: ImageSet) -> np.ndarray:
    """Return posterior means of at most CODES training pictures, (n, z_dim)."""
    rows = np.random.default_rng(context.seed).permutation(len(train))[:CODES]
    parts = [
        context.model.encode(train.float_batch(rows[part]).to(context.device))[0].cpu() for part in batches(len(rows))
    ]
    return torch.cat(parts).double().numpy()


def fitted_mixture(codes: np.ndarray, n: int, seed: int) -> Tensor:
    """Return n draws from a Gaussian mixture of COMPONENTS full covariances fitted to the codes, float32 (n, z_dim)."""
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(min(COMPONENTS, len(codes)), covariance_type="full", random_state=seed).fit(codes)
    draws, _ = mixture.sample(n)
    return torch.from_numpy(np.random.default_rng(seed).permutation(draws)).float()  # they come component by component


def _features(pictures: Callable, n: int, network: Callable[[Tensor], Tensor], count: _Counter) -> Tensor:
    parts = []
    for rows in batches(n, _BATCH):
        parts.append(network(pictures(rows)))
        count.add(len(rows))
    return torch.cat(parts)


def compare(real: Tensor, fake: Tensor, seed: int, is_paired: bool = False) -> dict[str, tuple[float, tuple | None]]:
    """Return every one of MEASURES with its 95 % interval, or None where that would take minutes.

    Args:
        real, fake: features, (n, d) each.
        is_paired: whether row i of both belongs to the same picture, as with reconstructions.
    """
    value, interval = scores.kernel(real, fake, seed)
    near = scores.neighbourhoods(real, fake)
    errors = scores.standard_errors(scores.neighbourhoods, real, fake, seed, is_paired)
    distance, spread = scores.frechet(real, fake), None
    if real.shape[1] <= min(FEW_FEATURES, len(real) // 2, len(fake) // 2):
        by_halves = scores.standard_errors(lambda a, b: {"distance": scores.frechet(a, b)}, real, fake, seed, is_paired)
        spread = scores.around(distance, by_halves["distance"])
    found = {"distance": (distance, spread), "kernel": (value, interval)}
    return found | {name: (value, _possible(name, scores.around(value, errors[name]))) for name, value in near.items()}


def _possible(name: str, interval: tuple[float, float]) -> tuple[float, float]:
    """An interval cut to what such a number can be: shares lie between 0 and 1, a density is at least 0."""
    low, high = interval
    return max(low, 0.0), high if name == "density" else min(high, 1.0)


def _compare(
    context: Context, network: Network, reference: ImageSet, variant: str, real: Tensor, fake: Tensor
) -> list[Metric]:
    n = len(reference)
    crop = context.run.config.data.crop
    sides = f"{n:,} {variant} against {n:,} {reference.split} pictures of {reference.name}"
    sides += f", crop {crop}" if crop else ""
    if variant == "fitted mixture":
        sides += f"; {COMPONENTS} Gaussians of full covariance fitted to training codes, scikit-learn"
    how = {
        "distance": "torchmetrics; interval by the delete-half jackknife",
        "kernel": f"cubic kernel, torchmetrics, mean and spread of {scores.SUBSETS} subsets of {n // 2:,}",
        "precision": f"k = {scores.K}; interval by the delete-half jackknife",
        "density": f"k = {scores.K_COVERAGE}; interval by the delete-half jackknife",
    }
    how |= {"recall": how["precision"], "coverage": how["density"]}
    return [
        context.metric(
            GROUP,
            metric_name(name, network, variant),
            value,
            f"{sides}; {network.protocol}; {how[name]}",
            n=n,
            split=reference.split,
            seed=context.seed,
            interval=interval,
            higher_is_better=name not in ("distance", "kernel"),
        )
        for name, (value, interval) in compare(real, fake, context.seed, variant == "reconstructions").items()
    ]
