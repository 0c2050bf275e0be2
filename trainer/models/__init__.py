"""Models by configuration, and their weights as safetensors."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from trainer.config import Config
from trainer.errors import UserError
from trainer.models.base import LatentModel
from trainer.models.dagmm import DAGMM
from trainer.models.gwae import GWAE
from trainer.models.vae import VAE
from trainer.models.wae import WAE
from trainer.system import files, pickles

MODELS = {"gwae": GWAE, "vae": VAE, "wae-mmd": WAE, "dagmm": DAGMM}
FORMAT = {"format": "gwae-explorer/1"}


def build(settings: Config) -> LatentModel:
    """Return an untrained model, its weights seeded by `settings.seed` without touching the global generator."""
    with seeded(settings.seed):
        return MODELS[settings.model.kind](settings)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Return a context in which weights are drawn with this seed; the global generator is as before afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)  # the CPU's alone, on which weights are made
        yield


HALF_FROM = 1_000
"""Parameters of at least so many numbers are halved; biases, mixture weights and all statistics stay as they are.

A covariance rounded to 11 bits need not be one any more.
"""


def save_weights(model: LatentModel, path: Path, half: bool = False) -> None:
    """Write the state dict as safetensors, atomically; with `half` the large tensors in float16.

    Raises: UserError if the disk is full or the folder may not be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if half:
        large = {name for name, parameter in model.named_parameters() if parameter.numel() >= HALF_FROM}
        tensors = {name: tensor.half() if name in large else tensor for name, tensor in tensors.items()}
    files.write_atomic(path, lambda temporary: save_file(tensors, temporary, metadata=FORMAT))


def load_weights(settings: Config, path: Path) -> LatentModel:
    """Return the configured model with the stored weights, in evaluation mode on the CPU.

    Raises: UserError if the file is missing, truncated, not safetensors, or made for another architecture.
    """
    model = build(settings)
    if not path.is_file():
        raise UserError(f"{path}: no such file; train the model or continue with 'python -m trainer resume'.")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        pickles.refuse(path)
        raise UserError(f"{path}: truncated or not a safetensors file; copy the run folder again.") from error
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if expected != {name: tensor.shape for name, tensor in tensors.items()}:
        raise UserError(f"{path}: the weights do not belong to this config.yaml; use the folder they came from.")
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise UserError(f"{path}: the weights hold values that are not finite (NaN); train the run anew.")
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(False)
