"""Speed of the 3D Shapes renderer: `python -m tests.benchmarks.render [pictures]`.

Prints, for both sizes and for one and two threads, pictures a second and their ratio to the target of 2,000 a second
at 64x64 on two cores: for random values off the grid, where every picture has a scene of its own, and for the whole
grid in its order, as the data set is stored. On a machine that has other work the time of the processor is the fairer
number; both are printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch

from trainer.data.rendering import COUNT, factors_of, render, store, values_of

TARGET = 2_000


def main() -> None:
    """Measure and print one line per case."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2_048
    generator = torch.Generator().manual_seed(0)
    values = values_of(factors_of(torch.randint(COUNT, (n,), generator=generator)))
    values[:, 3] = 0.75 + 0.5 * torch.rand(n, generator=generator)
    values[:, 5] = 60 * torch.rand(n, generator=generator) - 30
    print(f"{'case':24}{'size':>6}{'threads':>9}{'pictures/s':>12}{'ratio':>8}{'per s of CPU':>14}")
    for size in (64, 32):
        for threads in (1, 2):
            torch.set_num_threads(threads)
            _line("continuous values", size, threads, n, lambda size=size: render(values, size))
            _line("grid", size, threads, n * 8, lambda size=size: _grid(size, n * 8))


def _grid(size: int, n: int) -> None:
    for _ in store.rendered_blocks(size, count=n):
        pass


def _line(case: str, size: int, threads: int, n: int, work: Callable[[], object]) -> None:
    work()
    wall, busy = time.perf_counter(), time.process_time()
    work()
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    print(f"{case:24}{size:6}{threads:9}{n / wall:12.0f}{n / wall / TARGET:8.2f}{n / busy:14.0f}", flush=True)


if __name__ == "__main__":
    main()
