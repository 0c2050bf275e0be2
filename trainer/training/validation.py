"""How well a model does in the middle of its training, on pictures held out from the training set."""

import torch

from trainer.data.imageset import ImageSet
from trainer.training.objectives.base import Objective

PICTURES = 2_000


@torch.no_grad()
def validate(
    objective: Objective, images: ImageSet, batch_size: int, seed: int, player: str, device: torch.device
) -> dict[str, float]:
    """Return the mean terms of the player over at most 2,000 pictures, with fixed noise, and PSNR in dB; all in
    float32.

    Batches are those of the training, as L_GW depends on their size. No random state changes.
    """
    model = objective.model
    sums: dict[str, float] = {}
    indices = torch.arange(min(PICTURES, len(images)))
    objective.eval()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for chunk in indices.split(batch_size):
            x = images.float_batch(chunk).to(device)
            terms = objective(x, player)
            squared = (x - model.reconstruct(x)).square().flatten(1).mean(1)
            terms["psnr"] = (-10 * squared.clamp_min(1e-10).log10()).mean()
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value.item() * len(chunk)
    objective.train()
    return {name: value / len(indices) for name, value in sums.items()}
