"""The resumable state of a training: one safetensors file, nothing pickled, replaced atomically.

Holds the model, the moments of both optimisers, the random generators, the loop's counters and the sums of terms
that are not yet a row of the history, so that a resumed training continues bit by bit where the uninterrupted one
would have been (on the CPU).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from trainer.errors import UserError
from trainer.system import files
from trainer.training.history import Counters

MOMENTS = {torch.optim.Adam: {"step", "exp_avg", "exp_avg_sq"}, torch.optim.RMSprop: {"step", "square_avg"}}
"""What the optimisers of trainer/training/optimisers.py remember of every weight."""
COUNTERS = TypeAdapter(Counters)


class State(NamedTuple):
    """What a checkpoint holds besides what is restored in place."""

    counters: Counters
    sums: dict[str, Tensor]


def optimiser_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state as `index.name` -> tensor."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value) for index, slots in state.items() for name, value in slots.items()
    }


def restore_optimiser(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Inverse of optimiser_tensors; the groups keep the hyper-parameters of the configuration.

    Raises: ValueError if the tensors are those of another kind of optimiser or of other weights.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    expected = MOMENTS[type(optimizer)]
    for parameter, slots in optimizer.state.items():
        if set(slots) != expected or any(tensor.ndim and tensor.shape != parameter.shape for tensor in slots.values()):
            raise ValueError("moments of another optimiser")
        for name, tensor in slots.items():
            # Fused optimisers walk through memory: moments in another layout than their weights' (channels last)
            # would be applied to the wrong weights, without any error.
            same = tensor.shape == parameter.shape
            slots[name] = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor) if same else tensor.clone()


def save(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
    generators: Mapping[str, torch.Generator],
    state: State,
    data: str = "",
) -> None:
    """Write everything atomically; a crash or a full disk leaves the previous file as it was.

    Args:
        modules: the model, and what else holds weights, by name.
        data: fingerprint of the training pictures.

    Raises: UserError if the disk is full or the folder may not be written.
    """
    tensors = {f"{of}/{name}": tensor for of, module in modules.items() for name, tensor in module.state_dict().items()}
    for player, optimizer in optimizers.items():
        tensors |= {f"{player}/{name}": tensor for name, tensor in optimiser_tensors(optimizer).items()}
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    tensors |= {f"generator/{name}": generator.get_state() for name, generator in generators.items()}
    tensors |= {f"sums/{name}": value for name, value in state.sums.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"counters": json.dumps(asdict(state.counters)), "data": data}
    files.write_atomic(path, lambda temporary: save_file(tensors, temporary, metadata=metadata))


def read_counters(path: Path) -> Counters:
    """Return where the training stood, without reading any tensor.

    Raises: UserError if the file is truncated or not a checkpoint.
    """
    with _explained(path), safe_open(path, framework="pt") as file:
        return COUNTERS.validate_json(file.metadata()["counters"], strict=True)


def read_data(path: Path) -> str:
    """Return the fingerprint of the pictures a training was made with, or an empty string where it was not kept.

    Raises: UserError as read_counters.
    """
    with _explained(path), safe_open(path, framework="pt") as file:
        return file.metadata().get("data", "")


def load(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
    generators: Mapping[str, torch.Generator],
) -> State:
    """Restore modules, optimisers and generators in place and return the rest.

    Raises: UserError if the file is truncated or belongs to another configuration.
    """
    counters = read_counters(path)
    groups: dict[str, dict[str, Tensor]] = {}
    with _explained(path):
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 - a safe_open handle is not iterable
                group, name = key.split("/", 1)
                groups.setdefault(group, {})[name] = file.get_tensor(key)
        for name, module in modules.items():
            module.load_state_dict(groups[name])
        for player, optimizer in optimizers.items():
            restore_optimiser(optimizer, groups.get(player, {}))
        torch.set_rng_state(groups["random"]["cpu"])
        if "cuda" in groups["random"] and torch.cuda.is_available():
            torch.cuda.set_rng_state(groups["random"]["cuda"])
        for name, generator in generators.items():
            _continue(generator, groups["generator"][name], counters.step)
    # Everything is a copy by now: a tensor that still lay in the file would keep a replaced one on the disk.
    return State(counters, {name: value.clone() for name, value in groups.get("sums", {}).items()})


def _continue(generator: torch.Generator, state: Tensor, step: int) -> None:
    """Set the generator's state, or begin a stream of its own where the checkpoint is of another kind of processor."""
    if state.shape == generator.get_state().shape:
        generator.set_state(state)
    else:
        generator.manual_seed(generator.initial_seed() + step)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever a damaged or foreign file provokes, as one sentence."""
    try:
        yield
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{path}: truncated or of another configuration; start the training anew.") from error
