"""When a training has to end before it is finished: signals, a stop file, a time limit."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path


def forget_stop(path: Path) -> None:
    """Remove a stop file, unless it holds this process's number: then it came while this one was starting."""
    try:
        meant = path.read_text(encoding="utf-8").strip() == str(os.getpid())
    except (OSError, ValueError):
        meant = False
    if not meant:
        path.unlink(missing_ok=True)


class Limits:
    """A context in which SIGINT and SIGTERM become a wish to stop, so that the running step can end in peace.

    Args:
        stop_path: file whose appearance stops the training; one left over from an earlier process is removed
            (see forget_stop). None where another process looks after it.
        max_minutes: time from the beginning of the context; None for no limit.
    """

    def __init__(self, stop_path: Path | None, max_minutes: float | None = None):
        self.stop_path = stop_path
        self.seconds = None if max_minutes is None else 60 * max_minutes
        self.signalled = False
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Limits:
        if self.stop_path:
            forget_stop(self.stop_path)
        self._started = time.monotonic()
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self.stop_path:
            self.stop_path.unlink(missing_ok=True)

    def _note(self, _number: int, _frame: object) -> None:
        self.signalled = True

    @property
    def elapsed(self) -> float:
        """Seconds since the context began."""
        return time.monotonic() - self._started

    def reason(self) -> str | None:
        """Return 'stopped' or 'time limit' where that is due, else None."""
        if self.signalled or (self.stop_path and self.stop_path.exists()):
            return "stopped"
        return "time limit" if self.seconds is not None and self.elapsed > self.seconds else None
