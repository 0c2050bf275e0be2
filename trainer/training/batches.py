"""The pictures of each step: which ones, drawn by a generator of their own, and how they are changed."""

import torch
from torch import Tensor

from trainer.config import Config
from trainer.data import augment
from trainer.data.imageset import ImageSet
from trainer.training.distributed import Share
from trainer.training.hardware import Fabric

ROOM = 0.5
"""Share of a card's free memory that pictures may take; more of them stay on the processor's side."""


class Batches:
    """Draws batches; every process draws the whole batch and takes its rows (trainer/training/distributed.py).

    Args:
        images: the training pictures.
        resident: whether their bytes are kept and drawn where the model is, so that a step waits for no transfer.
    """

    def __init__(self, images: ImageSet, settings: Config, share: Share, fabric: Fabric, resident: bool = False):
        self.images, self.data, self.size = images, settings.data, settings.optim.batch_size
        self.share, self.fabric, self.resident = share, fabric, resident
        device = fabric.device if resident else torch.device("cpu")
        self.generator = torch.Generator(device).manual_seed(settings.seed)
        self._bytes = images.images[:].to(device) if resident else images.images

    def draw(self) -> Tensor:
        """Return this process's pictures of the next batch, float32 (B, C, H, W) in [0, 1], where the model is."""
        generator, data = self.generator, self.data
        indices = torch.randint(len(self.images), (self.size,), generator=generator, device=generator.device)
        images = self._bytes[self.share.rows(indices)].to(torch.float32).div_(255)
        if data.mirror or data.shift:
            drawn = augment.draw(len(indices), data.shift, data.mirror, generator)
            images = augment.changed(images, *map(self.share.rows, drawn), most=data.shift)
        if data.mutation:
            drawn = augment.draw_mutation(len(indices), data.shape, data.mutation, generator)
            images = torch.where(*map(self.share.rows, drawn), images)
        return self.fabric.to_device(images.contiguous(memory_format=torch.channels_last))


def fits(images: ImageSet, device: torch.device) -> bool:
    """Return whether the pictures have room beside the model on this card; False on a CPU, where they are already."""
    if device.type != "cuda":
        return False
    return images.images.shape.numel() < ROOM * torch.cuda.mem_get_info(device)[0]
