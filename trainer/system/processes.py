"""Which process is meant: a number alone may belong to another one by now, number and start time together do not."""

import os
import subprocess
from pathlib import Path

THREADS_VARIABLE = "GWAE_THREADS"
NICE_VARIABLE = "GWAE_NICE"


def start_time(pid: int) -> str | None:
    """When a process started, in the system's own words (comparable, not readable); None if it is gone or a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name, in brackets, may hold anything; after it come the state and, as 20th, the ticks since boot.
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.split()
    return None if not told or told[0].startswith("Z") else " ".join(told[1:])


def is_same(pid: object, started: object) -> bool:
    """Whether the process `pid` that started at `started` (see start_time) still runs; False for anything malformed."""
    return isinstance(pid, int) and pid > 0 and isinstance(started, str) and start_time(pid) == started


def training_threads() -> int:
    """Threads of a training beside the app: $GWAE_THREADS, else all cores but one, which the pages answer with."""
    wanted = os.environ.get(THREADS_VARIABLE, "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else max(1, (os.cpu_count() or 2) - 1)


def lower_priority() -> None:
    """Let everything else on the machine go first: niceness $GWAE_NICE, else 19, as far as the system knows it."""
    wanted = os.environ.get(NICE_VARIABLE, "")
    if hasattr(os, "nice"):
        os.nice(max(0, (int(wanted) if wanted.isdecimal() else 19) - os.nice(0)))
