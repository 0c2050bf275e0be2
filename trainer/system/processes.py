"""Identity of processes: number and start time together, because numbers are reused; threads and priority."""

import contextlib
import os
import subprocess
from pathlib import Path

THREADS_VARIABLE = "GWAE_THREADS"
NICE_VARIABLE = "GWAE_NICE"


def start_time(pid: int) -> str | None:
    """Return when a process started, in the system's format (to compare, not to read); None if it has ended."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name, in brackets, may contain anything; then come the state and, as 20th, the ticks since boot.
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    row = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.split()
    return None if not row or row[0].startswith("Z") else " ".join(row[1:])


def is_same(pid: object, started: object) -> bool:
    """Return whether process `pid`, started at `started` (see start_time), still runs; False if either is malformed."""
    return isinstance(pid, int) and pid > 0 and isinstance(started, str) and start_time(pid) == started


def training_threads() -> int:
    """Return the threads of a training beside the app: $GWAE_THREADS, else all cores but one, left to the pages."""
    wanted = os.environ.get(THREADS_VARIABLE, "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else max(1, (os.cpu_count() or 2) - 1)


def cores() -> int:
    """Return the cores that this process may use, where the system tells; they may be fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lower_priority() -> None:
    """Lower the priority of this process: niceness $GWAE_NICE, else 19, where the system has it.

    Of its whole session on Linux: with autogroups (sched(7)) niceness counts among the processes of one session alone,
    and a training has one of its own.
    """
    wanted = os.environ.get(NICE_VARIABLE, "")
    if not hasattr(os, "nice"):
        return
    niceness = os.nice(max(0, (int(wanted) if wanted.isdecimal() else 19) - os.nice(0)))
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")
