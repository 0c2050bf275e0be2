"""In which precision the passes of a training compute.

32-true        all in float32.
bf16-mixed     the networks of all passes in bfloat16.
bf16-forward   the networks of passes without gradients in bfloat16 (above all the pictures that critic steps are fed),
               if that is faster here: a few passes at the start tell, as processors without the instructions take
               three times as long. Gradients are float32's, at slightly rounded samples.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch

from trainer.models.base import LatentModel

Precision = Literal["32-true", "bf16-mixed", "bf16-forward"]
Context = Callable[[], contextlib.AbstractContextManager]

GAIN = 1.1
"""How many times as fast bfloat16 has to be."""
ROUNDS = 4
MOST = 64
"""Pictures of the timed passes at most."""

_log = logging.getLogger("trainer")


def contexts(
    precision: Precision, of_launch: Context, model: LatentModel, batch_size: int, device: torch.device
) -> tuple[Context, Context]:
    """Return in which context passes with gradients compute, and in which those without.

    Args:
        of_launch: what Fabric takes for all passes of this precision.
        model, batch_size, device: of the passes that are timed where that decides.
    """
    if precision != "bf16-forward":
        return of_launch, of_launch
    reduced = partial(torch.autocast, device.type, torch.bfloat16)
    gain = speed_up(model, min(batch_size, MOST), device, reduced)
    pays = gain >= GAIN
    use = "used without gradients" if pays else "unused"
    _log.info("bfloat16 is %.2f times as fast as float32 here: %s", gain, use)
    return contextlib.nullcontext, reduced if pays else contextlib.nullcontext


@torch.no_grad()
def speed_up(model: LatentModel, n: int, device: torch.device, reduced: Context) -> float:
    """Return how many times as fast n codes are decoded within the context; no random state changes.

    Both take turns, and the quickest pass of each counts, so that other processes hardly matter.
    """
    codes = torch.zeros(n, model.z_dim, device=device)
    times: dict[Context, list[float]] = {contextlib.nullcontext: [], reduced: []}
    for _ in range(ROUNDS + 1):
        for context, taken in times.items():
            with context():
                taken.append(_seconds(lambda: model.decode(codes), device))
    plain, other = (min(taken[1:]) for taken in times.values())  # the first finds its kernels
    return plain / other


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
