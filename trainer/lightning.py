"""Lightning Fabric, imported without torchmetrics.

The import only asks whether torchmetrics is installed, for a feature that is not used here, but asks by importing it,
and with it scipy.signal: 75 MB and a second or two of every training. So it is told that there is none.
"""

from __future__ import annotations

import sys

import torch

from trainer.errors import UserError

_absent = "torchmetrics" not in sys.modules
if _absent:
    sys.modules["torchmetrics"] = None  # type: ignore[assignment]  # what makes an import fail, by Python's rules
try:
    from lightning_fabric import Fabric
finally:
    if _absent:
        del sys.modules["torchmetrics"]


def fabric(accelerator: str = "auto", devices: int = 1) -> Fabric:
    """A Fabric on the named accelerator; 'auto' is CUDA where there is one, else the CPU (Apple's lacks operations).

    Raises: UserError if this machine has none of that name, or more than one device is asked for.
    """
    if devices > 1:
        raise UserError(f"--devices {devices}: this version trains on one device; leave --devices out.")
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return Fabric(accelerator=accelerator, devices=devices)
    except Exception as error:  # Lightning has its own types, and torch others, for "there is no such device"
        raise UserError(f"--accelerator {accelerator}: not available on this machine; choose auto or cpu.") from error
