"""What is benchmarked: settings, and pictures of noise, which cost what real ones do."""

from itertools import product

import torch

from trainer import config
from trainer.data.imageset import ImageSet
from trainer.training.hardware import Hardware

PICTURES = 2_000
CPU = Hardware(accelerator="cpu")
PUBLISHED = {
    "name": "published",
    "data": {"size": 64, "channels": 3},
    "model": {"z_dim": 64},
    "prior": {"kind": "np"},
    "optim": {"name": "rmsprop", "lr": 1e-4, "critic_lr": 1e-4, "batch_size": 64, "critic_steps": 5},
}
"""The CelebA setting of the paper (appendix on experiments)."""
MODELS = {
    "gwae, np": {"model": {"kind": "gwae"}, "prior": {"kind": "np"}},
    "gwae, fnp": {"model": {"kind": "gwae"}, "prior": {"kind": "fnp"}},
    "gwae, gmp": {"model": {"kind": "gwae"}, "prior": {"kind": "gmp"}},
    "vae": {"model": {"kind": "vae"}, "prior": {"kind": "normal"}},
    "wae-mmd": {"model": {"kind": "wae-mmd"}, "prior": {"kind": "normal"}},
    "dagmm": {"model": {"kind": "dagmm"}, "prior": {"kind": "gmp"}},
}
SIZES = {"32x32x1": {"size": 32, "channels": 1}, "64x64x3": {"size": 64, "channels": 3}}


def by_name() -> dict[str, config.Config]:
    """Return the published setting, and the 32x32 recipe without its warm-up."""
    recipe = config.load(config.RECIPES / "mnist-gmp.yaml", ["optim.warmup_steps=0", "prior.warm_start=false"])
    return {"published, 64x64x3": config.from_dict(PUBLISHED), "recipe mnist-gmp, 32x32": recipe}


def by_model_and_size() -> dict[tuple[str, str], config.Config]:
    """Return every model at every size, with the batches of the published setting."""
    common = {"optim": PUBLISHED["optim"]}
    return {
        (model, size): config.from_dict(common | MODELS[model] | {"data": SIZES[size]})
        for model, size in product(MODELS, SIZES)
    }


def synthetic(settings: config.Config, count: int = PICTURES) -> ImageSet:
    """Return random pictures of the configured form."""
    shape = (count, *settings.data.shape)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet(images, None, (), tuple(map(str, range(count))), "Noise", "train")
