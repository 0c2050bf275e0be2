"""Fitting a neural prior to the codes when all other steps are done, encoder and decoder standing still.

Why: a neural prior has mean 0 and variance 1 on every axis by construction, the codes only nearly. L_D, the critic and
the energy distance alike then spend the difference on a few samples far outside, which the decoder has never seen
(docs/results.md, claim 3). So the codes are standardised first. Not in the paper, whose prior is trained by L_GW, L_W
and L_D alone.
"""

import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from trainer.batching import Progress, silent
from trainer.data.imageset import ImageSet
from trainer.models.gwae import GWAE
from trainer.training.warm_start import sample_codes, standardise_codes

BATCH = 512
RATE = 1e-3
_REPORT = 100


def energy_distance(codes: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return E|z - s| + E|z - s'| - E|s - s'| for codes z and independent samples s, s', each (n, z_dim).

    That is, up to E|z - z'|, which no prior can change, the energy distance of codes and samples (Szekely and Rizzo,
    2013): smallest exactly where both have one distribution. The estimate is unbiased, unlike a distance of batches.
    """
    apart = torch.cdist(first, second).mean()
    return torch.cdist(codes, first).mean() + torch.cdist(codes, second).mean() - apart


def fit_prior(
    model: GWAE,
    images: ImageSet,
    seed: int,
    device: torch.device | str,
    steps: int,
    progress: Progress = silent,
) -> None:
    """Standardise the codes and train the prior's weights on their energy distance, Adam with a falling rate.

    The global generator stays untouched; the same weights, pictures and seed give the same prior. Reconstructions stay
    as they are, and so do distances up to the scale of an axis, whose mean goes into the coefficient C of L_GW. The
    critic is that of the codes before.
    """
    codes = sample_codes(model, images, seed, device).to(device)
    mean, std = codes.mean(0), codes.std(0)
    with torch.no_grad():
        standardise_codes(model, mean, std)
        model.log_scale += std.square().mean().sqrt().log()
    codes = (codes - mean) / std
    generator = torch.Generator(device).manual_seed(seed)
    optimizer = torch.optim.Adam(model.prior.parameters(), RATE)
    schedule = CosineAnnealingLR(optimizer, steps)
    was_training = model.prior.training
    model.prior.train()
    for done in range(steps):
        if done % _REPORT == 0:
            progress("prior", done, steps)
        batch = codes[torch.randint(len(codes), (BATCH,), generator=generator, device=device)]
        loss = energy_distance(batch, *(model.prior.sample(BATCH, generator) for _ in range(2)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    optimizer.zero_grad(set_to_none=True)
    model.prior.train(was_training)
    model.prior.calibrate()
