"""Placing a Gaussian-mixture prior on the codes of a warmed-up autoencoder, without labels.

Why: components that start on top of each other hardly ever part under L_GW and L_D alone (docs/results.md).
"""

import torch
from torch import Tensor

from trainer.batching import Progress, silent
from trainer.config import Placement
from trainer.data.imageset import ImageSet
from trainer.latent import mixtures
from trainer.models.base import LatentModel, posterior_sample
from trainer.models.vae import Autoencoder

PICTURES = 20_000


@torch.no_grad()
def sample_codes(model: LatentModel, images: ImageSet, seed: int, device: torch.device | str = "cpu") -> Tensor:
    """Return codes z ~ q(z|x) of at most 20,000 pictures, (n, z_dim), without touching the global generator."""
    generator = torch.Generator().manual_seed(seed)
    indices = torch.randperm(len(images), generator=generator)[:PICTURES]
    with torch.random.fork_rng(devices=[device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(seed)
        codes = [
            posterior_sample(*model.encode(images.float_batch(chunk).to(device))).cpu() for chunk in indices.split(500)
        ]
    return torch.cat(codes)


@torch.no_grad()
def standardise_codes(model: Autoencoder, mean: Tensor, std: Tensor) -> None:
    """Give codes zero mean and unit scale, z' = (z - mean) / std, by changing two linear layers.

    mu and g(mu) change exactly as wanted; log sigma^2 up to the curvature of its bound (base.py). The mixture is
    standardised by construction, so the codes have to be as well before it can be placed on them.
    """
    heads, first = model.encoder.heads, model.decoder.body[0]
    d = model.z_dim
    heads.weight[:d] /= std.unsqueeze(1)
    heads.bias[:d] = (heads.bias[:d] - mean) / std
    heads.bias[d:] -= 2 * std.log()
    first.bias += first.weight @ mean
    first.weight *= std


def place_mixture(
    model: Autoencoder,
    images: ImageSet,
    seed: int,
    device: torch.device | str = "cpu",
    placement: Placement = "em",
    progress: Progress = silent,
) -> None:
    """Standardise the codes, fit a mixture to them (trainer/latent/mixtures.py), and start the prior there.

    Raises: UserError if the process that finds neighbours fails.
    """
    codes = sample_codes(model, images, seed, device)
    mean, std = codes.mean(0), codes.std(0)
    standardise_codes(model, mean.to(device), std.to(device))
    wanted = ((codes - mean) / std).double().numpy(), model.prior.components, seed
    found = mixtures.by_em(*wanted) if placement == "em" else mixtures.by_neighbours(*wanted, progress)
    model.prior.place(*(torch.as_tensor(part, dtype=torch.float32).to(device) for part in found))
