"""Lightning Fabric: which processors train, how many processes, in what precision."""

import contextlib
import os
import shutil
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import torch

from trainer.errors import UserError
from trainer.system import modules
from trainer.training.precision import Precision

# Fabric asks for the version of torchmetrics by importing it, and with it scipy.signal, for a feature that is not used
# here: 75 MB and a second or two of every training.
with modules.without("torchmetrics"):
    from lightning_fabric import Fabric
    from lightning_fabric.loggers import Logger
    from lightning_fabric.plugins import MixedPrecision
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy

POLL_SECONDS = 2.0
FOLLOWER = "follower"
PATIENCE = timedelta(hours=2)
"""How long processes wait for the one that reads the pictures first; one that died is noticed by its launcher,
and a leading one by those it started (_follow)."""
QUIET = ("Grad strides do not match bucket view", r"torch\.distributed\.nn\.functional\.all_gather is deprecated")
"""Beginnings of warnings that tell a user nothing: weights in channels-last order, and how Fabric gathers."""
COMPILERS = {True: ("g++", "clang++", "c++"), False: ("cc", "gcc", "clang")}
"""What torch.compile needs on the CPU, and for a GPU."""


@dataclass(frozen=True)
class Hardware:
    """What a training runs on; no part of the recipe, whose result it changes by rounding alone.

    accelerator: 'auto' is CUDA where there is one, else the CPU (Apple's lacks operations); 'cpu'; 'cuda'.
    devices: processes on each machine, one for each GPU; they share out the batch.
    num_nodes: machines.
    strategy: 'ddp' averages gradients over the processes; 'auto' does so where there are several. The models are a few
        megabytes, so strategies that shard them have nothing to save.
    precision: '32-true'; 'bf16-mixed': encoder, decoder and the critic's picture branch in bfloat16; weights, losses
        and distances in float32; 'bf16-forward': so in passes without gradients, where that is faster (precision.py).
        (CUDA's convolutions in '32-true' use TF32, as torch does by default.)
    compile: put encoder and decoder through torch.compile.
    graphs: record the main step once as a CUDA graph and replay it (graphs.py); one GPU, pictures that fit its memory.
    """

    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    strategy: Literal["auto", "ddp"] = "auto"
    precision: Precision = "32-true"
    compile: bool = False
    graphs: bool = False


class _Mixed(MixedPrecision):
    """Mixed precision that leaves its input alone: rounded to bfloat16, a byte / 255 would be off by up to one byte."""

    def convert_input(self, data: Any) -> Any:
        """The pictures as they are."""
        return data


def launch(hardware: Hardware = Hardware(), in_turns: bool = True, loggers: Sequence[Logger] = ()) -> Fabric:
    """Return a Fabric with all its processes started and known to each other; the others run this same program from its
    start.

    Processes that torchrun or SLURM started are recognised and used.

    Args:
        hardware: what to train on; the default is one process on what there is.
        in_turns: whether a step may leave some of the weights without gradients, as that of one of two players does.
        loggers: take the rows of history.csv as well (trainer/training/loggers.py).

    Raises: UserError if this machine has no such devices, the launcher started another number of processes, or there
        is no compiler.
    """
    accelerator = hardware.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if hardware.compile and not any(map(shutil.which, COMPILERS[accelerator == "cpu"])):
        raise UserError("--compile: needs a compiler (on Debian: apt-get install g++); or leave it out.")
    if hardware.graphs and (accelerator != "cuda" or hardware.devices * hardware.num_nodes > 1):
        raise UserError("--graphs: records the step of one NVIDIA GPU; leave it out here.")
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=hardware.devices,
            num_nodes=hardware.num_nodes,
            strategy=_strategy(hardware, in_turns),
            plugins=[_Mixed("bf16-mixed", accelerator)] if hardware.precision == "bf16-mixed" else [],
            loggers=list(loggers),
        )
    except Exception as error:  # Lightning has its own types, and torch others, for "there is no such device"
        raise UserError(_unavailable(hardware, error)) from error
    for message in QUIET:
        warnings.filterwarnings("ignore", message=message)
    try:
        fabric.launch()
    except ValueError as error:  # the number of processes is not that of SLURM's tasks
        raise UserError(_otherwise(hardware, str(error).splitlines()[0])) from error
    if fabric.world_size != hardware.devices * hardware.num_nodes:
        raise UserError(_otherwise(hardware, f"{fabric.world_size}"))
    if fabric.local_rank and isinstance(getattr(fabric.strategy, "cluster_environment", None), LightningEnvironment):
        threading.Thread(target=_follow, args=(os.getppid(),), daemon=True, name=FOLLOWER).start()
    return fabric


def _otherwise(hardware: Hardware, counts: str) -> str:
    return (
        f"--devices {hardware.devices} --num-nodes {hardware.num_nodes}: the launcher started another number of "
        f"processes ({counts}); give both the same."
    )


def is_follower() -> bool:
    """Return whether Fabric started this process for another one, which it kills as soon as this one fails."""
    return any(thread.name == FOLLOWER for thread in threading.enumerate())


def _follow(parent: int) -> None:
    """End with the process that started this one: in a collective that waits for it, nothing else would."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)


@contextlib.contextmanager
def leaving(fabric: Fabric) -> Iterator[None]:
    """Return a context at whose end the processes part: one that goes before the others end would abort them."""
    try:
        yield
        fabric.barrier()
    finally:
        if fabric.world_size > 1:
            torch.distributed.destroy_process_group()


def _strategy(hardware: Hardware, in_turns: bool) -> DDPStrategy | str:
    launched = torch.distributed.is_torchelastic_launched() or "SLURM_STEP_ID" in os.environ
    if hardware.devices * hardware.num_nodes == 1 and hardware.strategy == "auto" and not launched:
        return "auto"
    # Buffers are the same everywhere already.
    return DDPStrategy(find_unused_parameters=in_turns, forward_sync_buffers=False, timeout=PATIENCE)


def _unavailable(hardware: Hardware, error: Exception) -> str:
    if hardware.devices * hardware.num_nodes > 1:
        return (
            f"--accelerator {hardware.accelerator} --devices {hardware.devices}: not that many on this machine, or not "
            f"what the launcher started ({str(error).splitlines()[0]})."
        )
    return f"--accelerator {hardware.accelerator}: not available on this machine; choose auto or cpu."
