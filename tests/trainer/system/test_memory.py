"""Large blocks of memory go back to the system when they are freed: trainer/system/memory.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

TWICE = """
import ctypes, sys
from pathlib import Path
from trainer.system import memory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]


def resident():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


if sys.argv[1] == "returned":
    memory.return_large_blocks()
before = resident()
for _ in range(2):
    blocks = [libc.malloc(5_000_000) for _ in range(40)]
    for block in blocks:
        libc.memset(block, 1, 5_000_000)
    above = libc.malloc(120_000)  # lies behind them, where they are on the heap
    for block in blocks:
        libc.free(block)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's own setting")
@pytest.mark.parametrize(("how", "low", "high"), [("kept", 100, 300), ("returned", -50, 20)])
def test_blocks_of_a_training_are_returned(how, low, high):
    """glibc by itself keeps the second 200 MB, which is why the setting exists."""
    done = subprocess.run([sys.executable, "-c", TWICE, how], capture_output=True, text=True, check=True)
    assert low < float(done.stdout) < high
