"""The resumable state of a training: one safetensors file, nothing pickled, replaced atomically.

Holds the model, the moments of both optimisers, the random generators and the loop's counters, so that a
resumed training continues bit by bit where the uninterrupted one would have been (on the CPU).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from trainer import files
from trainer.errors import UserError


def optimiser_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as `index.name` -> tensor."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value) for index, slots in state.items() for name, value in slots.items()
    }


def restore_optimiser(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Inverse of optimiser_tensors; the groups keep the hyper-parameters of the configuration."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, slots in optimizer.state.items():
        for name, tensor in slots.items():
            # Fused optimisers walk through memory: moments in another layout than their weights' (channels last)
            # would be applied to the wrong weights, without any error.
            if tensor.shape == parameter.shape:
                slots[name] = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def random_tensors() -> dict[str, Tensor]:
    """State of torch's global generators."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def restore_random(tensors: Mapping[str, Tensor]) -> None:
    """Inverse of random_tensors."""
    torch.set_rng_state(tensors["cpu"])
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])


def save(
    path: Path,
    model: nn.Module,
    optimizers: Mapping[str, Optimizer],
    generators: Mapping[str, torch.Generator],
    counters: dict,
) -> None:
    """Write everything atomically; a crash or a full disk leaves the previous file as it was.

    Raises: UserError if the disk is full or the folder may not be written.
    """
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    for player, optimizer in optimizers.items():
        tensors |= {f"{player}/{name}": tensor for name, tensor in optimiser_tensors(optimizer).items()}
    tensors |= {f"random/{name}": tensor for name, tensor in random_tensors().items()}
    tensors |= {f"generator/{name}": generator.get_state() for name, generator in generators.items()}
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {"counters": json.dumps(counters)}
    files.write_atomic(path, lambda temporary: save_file(tensors, temporary, metadata=metadata))


def load(
    path: Path,
    model: nn.Module,
    optimizers: Mapping[str, Optimizer],
    generators: Mapping[str, torch.Generator],
) -> dict:
    """Restore everything in place and return the counters.

    Raises: UserError if the file is truncated or belongs to another configuration.
    """
    groups: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            counters = json.loads(file.metadata()["counters"])
            for key in file.keys():  # noqa: SIM118 - a safe_open handle is not iterable
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file.get_tensor(key)
        model.load_state_dict(groups["model"])
        for player, optimizer in optimizers.items():
            restore_optimiser(optimizer, groups.get(player, {}))
        restore_random(groups["random"])
        for name, generator in generators.items():
            generator.set_state(groups["generator"][name])
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"{path}: truncated or of another configuration; start the training anew.") from error
    return counters
