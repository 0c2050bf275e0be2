"""Lightning Fabric: which processors train, how many processes, in what precision.

Fabric is imported without torchmetrics. The import only asks whether torchmetrics is installed, for a feature that is
not used here, but asks by importing it, and with it scipy.signal: 75 MB and a second or two of every training. So it is
told that there is none.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import torch

from trainer.errors import UserError

_absent = "torchmetrics" not in sys.modules
if _absent:
    sys.modules["torchmetrics"] = None  # type: ignore[assignment]  # what makes an import fail, by Python's rules
try:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins import MixedPrecision
    from lightning_fabric.strategies import DDPStrategy
finally:
    if _absent:
        del sys.modules["torchmetrics"]

PATIENCE = timedelta(hours=2)
"""How long processes wait for the one that reads the pictures first; one that died is noticed by its launcher."""
QUIET = ("Grad strides do not match bucket view", r"torch\.distributed\.nn\.functional\.all_gather is deprecated")
"""Beginnings of warnings that tell a user nothing: weights in channels-last order, and how Fabric gathers."""
COMPILERS = ("g++", "clang++", "c++")


@dataclass(frozen=True)
class Hardware:
    """What a training runs on; no part of the recipe, whose result it changes by rounding alone.

    accelerator: 'auto' is CUDA where there is one, else the CPU (Apple's lacks operations); 'cpu'; 'cuda'.
    devices: processes on each machine, one for each GPU; they share out the batch.
    num_nodes: machines.
    strategy: 'ddp' averages gradients over the processes; 'auto' does so where there are several. The models are a few
        megabytes, so strategies that shard them have nothing to save.
    precision: '32-true', or 'bf16-mixed': convolutions in bfloat16, weights, losses and distances in float32.
    compile: put encoder and decoder through torch.compile.
    """

    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    strategy: Literal["auto", "ddp"] = "auto"
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    compile: bool = False


class _Mixed(MixedPrecision):
    """Mixed precision that leaves its input alone: rounded to bfloat16, a byte / 255 would be off by up to one byte."""

    def convert_input(self, data: Any) -> Any:
        """The pictures as they are."""
        return data


def launch(hardware: Hardware | None = None, in_turns: bool = True) -> Fabric:
    """A Fabric with all its processes started and known to each other; the others run this same program from its start.

    Processes that torchrun or SLURM started are recognised and used.

    Args:
        hardware: what to train on; the default is one process on what there is.
        in_turns: whether a step may leave some of the weights without gradients, as that of one of two players does.

    Raises: UserError if this machine has no such devices, the launcher started another number of processes, or there
        is no compiler.
    """
    hardware = hardware or Hardware()
    accelerator = hardware.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if hardware.compile and accelerator == "cpu" and not any(map(shutil.which, COMPILERS)):
        raise UserError("--compile: needs a C++ compiler (on Debian: apt-get install g++); or leave it out.")
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=hardware.devices,
            num_nodes=hardware.num_nodes,
            strategy=_strategy(hardware, in_turns),
            plugins=[_Mixed("bf16-mixed", accelerator)] if hardware.precision == "bf16-mixed" else [],
        )
    except Exception as error:  # Lightning has its own types, and torch others, for "there is no such device"
        raise UserError(_unavailable(hardware)) from error
    for message in QUIET:
        warnings.filterwarnings("ignore", message=message)
    try:
        fabric.launch()
    except ValueError as error:  # the number of processes is not that of SLURM's tasks
        raise UserError(
            f"--devices {hardware.devices} --num-nodes {hardware.num_nodes}: the launcher started another number of "
            f"processes ({str(error).splitlines()[0]}); give both the same."
        ) from error
    return fabric


@contextlib.contextmanager
def leaving(fabric: Fabric) -> Iterator[None]:
    """A context at whose end the processes part: one that is gone before the others have ended would abort them."""
    try:
        yield
        fabric.barrier()
    finally:
        if fabric.world_size > 1:
            torch.distributed.destroy_process_group()


def _strategy(hardware: Hardware, in_turns: bool) -> DDPStrategy | str:
    if hardware.devices * hardware.num_nodes == 1 and hardware.strategy == "auto":
        return "auto"
    # Buffers are the same everywhere already.
    return DDPStrategy(find_unused_parameters=in_turns, forward_sync_buffers=False, timeout=PATIENCE)


def _unavailable(hardware: Hardware) -> str:
    if hardware.devices > 1:
        return (
            f"--accelerator {hardware.accelerator} --devices {hardware.devices}: not that many on this machine; "
            "choose fewer."
        )
    return f"--accelerator {hardware.accelerator}: not available on this machine; choose auto or cpu."
