"""Pictures of strangers are decoded in child processes, with a limit of memory and of seconds for each.

A decoder's work has little to do with the pixels a header declares: thousands of scans of one JPEG, a tile that is
larger than its picture, millions of empty blocks. What is cheap whatever it holds (`is_cheap`) is decoded in the
calling process; everything else in one of a few children, which end by themselves when nothing comes. Nothing is
pickled: a JSON header and bytes, both ways.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from trainer.errors import UserError
from trainer.system import ROOT

WORKERS = min(2, os.cpu_count() or 1)  # each takes 47 MB before it decodes anything
SECONDS, SECONDS_PER_MEGAPIXEL = 0.7, 0.02
"""Of the processor, for one picture: a camera's take a tenth. Files of one's own disk may take GENEROUS times that."""
GENEROUS = 3
PATIENCE = 4  # times as long by the clock, on a busy machine
MEMORY, BYTES_PER_PIXEL = 32 * 2**20, 16
"""Bytes beyond the idle child: as much as decoding takes at most, WebP in colour or PNG with alpha."""
MOST_MEMORY, SHARED_MEMORY = 212 * 2**20, 96 * 2**20
"""The same for an upload, its file included: of one that is decoded alone, and of each of two decoded together."""
IDLE = 20.0
"""Seconds after which a child without work ends."""
CHEAP_BYTES, CHEAP_PIXELS = 2**18, 4 * 10**6
CHEAP_JPEG, CHEAP_JPEG_PIXELS, CHEAP_SCANS = 2**20, 12 * 10**6, 2


def is_cheap(content: bytes) -> bool:
    """Return whether a file is too small to hold expensive structures; its pixels are compared with `cheap_pixels`
    later.
    """
    if content.startswith(b"\xff\xd8\xff"):
        scans = content.count(b"\xff\xda", 0, CHEAP_JPEG)  # one, and one of the thumbnail in its EXIF block
        return len(content) <= CHEAP_JPEG and scans <= CHEAP_SCANS and b"\xff\xc2" not in content
    return len(content) <= CHEAP_BYTES and content.startswith((b"\x89PNG", b"BM"))


def cheap_pixels(content: bytes) -> int:
    """Return how many pixels a cheap file may have."""
    return CHEAP_JPEG_PIXELS if content.startswith(b"\xff\xd8") else CHEAP_PIXELS


def ask(content: bytes, name: str, most_memory: int = MOST_MEMORY, **wanted: Any) -> tuple[dict[str, Any], bytes]:
    """Return the answer of a child process (trainer.data.pictures.answer) and the bytes that come with it.

    Raises: UserError, one sentence: the child's, or that the file needs more time or memory than a picture does.
    """
    if most_memory > MOST_MEMORY:
        return _asked({"name": name, "memory": most_memory, **wanted}, content, GENEROUS)
    try:
        with _budget.of(SHARED_MEMORY):
            return _asked({"name": name, "memory": SHARED_MEMORY, **wanted}, content)
    except _LargeError:
        with _budget.of(MOST_MEMORY):
            _pool.rest()
            return _asked({"name": name, "memory": MOST_MEMORY, **wanted}, content)


def _asked(header: dict[str, Any], content: bytes, generous: int = 1) -> tuple[dict[str, Any], bytes]:
    """Return the answer under these limits. Raises: UserError; _LargeError, one too, where more memory may help."""
    name = header["name"]
    for _ in range(2):  # a child may have ended, idle, just now
        worker = _pool.take()
        try:
            said, data = worker.ask(header, content, generous)
        except _SlowError as error:
            raise UserError(
                f"{name}: decoding it takes longer than any picture of its size; save it as PNG."
            ) from error
        except _GoneError:
            if worker.fresh:
                break
            continue
        finally:
            _pool.give(worker)
        if "error" in said:
            raise (_LargeError if said.get("large") else UserError)(said["error"])
        return said, data
    raise (_LargeError if header["memory"] == SHARED_MEMORY else UserError)(too_large(name))


def too_large(name: str) -> str:
    """Return the sentence on a file that reached the limit of memory."""
    return f"{name}: decoding it takes more memory than pictures get here; scale it down, or save it again as PNG."


class _LargeError(UserError):
    """The limit of memory for pictures decoded together."""


class _SlowError(Exception):
    """The limit of seconds."""


class _GoneError(Exception):
    """The child has ended."""


class _Worker:
    """One child process, for one caller at a time."""

    def __init__(self) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trainer.data.decoder"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.fresh, self._ready, self._said = True, False, b""
        self._parts: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, header: dict[str, Any], content: bytes, generous: int) -> tuple[dict[str, Any], bytes]:
        """Send a request and return the answer; kills the child that exceeds the limit of seconds."""
        if not self._ready:
            self._read(4, 60.0, 60.0)  # its imports are not the picture's fault
            self._ready = True
        try:
            send(self.process.stdin, header, content)
        except OSError as error:
            raise _GoneError from error
        length, size = (
            int.from_bytes(part, "little") for part in halves(self._read(8, SECONDS * generous, None, generous))
        )
        said = json.loads(self._read(length, 5.0, 5.0))
        data = self._read(size, 5.0, 5.0)
        self.fresh = False
        return said, data

    def _read(self, count: int, seconds: float, wall: float | None, generous: int = 1) -> bytes:
        """Return so many bytes of the answer. The child says how many pixels a picture has, which may take longer."""
        begun, used = time.monotonic(), self._used()
        while len(self._said) < count:
            try:
                part = self._parts.get(timeout=0.02)
            except queue.Empty:
                if self._used() - used > seconds or time.monotonic() - begun > (wall or seconds * PATIENCE):
                    self.end()
                    raise _SlowError from None
                continue
            if not part:
                raise _GoneError
            self._said += part
            if wall is None and self._said[:8] == MORE:
                self._said = self._said[8:]
                pixels = int.from_bytes(self._read(8, 5.0, 5.0), "little")
                seconds += generous * SECONDS_PER_MEGAPIXEL * pixels / 10**6
        found, self._said = self._said[:count], self._said[count:]
        return found

    def _listen(self) -> None:
        """Hand on what the child says: Windows can wait for a pipe in a thread only."""
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(self.process.stdout.fileno(), 2**20):
                self._parts.put(part)
        self._parts.put(b"")

    def _used(self) -> float:
        """Return the seconds of the processor the child has used; those of the clock where that is not known."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError, AttributeError):
            return time.monotonic() / 2

    def end(self) -> None:
        """Kill the child."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


MORE = b"\xff" * 8


class _Pool:
    """At most WORKERS children, made when they are needed."""

    def __init__(self) -> None:
        self._idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        self._made, self._lock, self._owner = 0, threading.Lock(), os.getpid()

    def take(self) -> _Worker:
        """Return a child that lives, after waiting for one if all are busy."""
        if self._owner != os.getpid():  # a fork has no claim on its parent's children
            self.__init__()
        with self._lock:
            makes = self._idle.empty() and self._made < WORKERS
            self._made += makes
        worker = None if makes else self._idle.get()
        if worker is not None and worker.is_alive:
            return worker
        try:
            return _Worker()
        except OSError as error:
            self._idle.put(None)
            raise UserError(f"No process for decoding can be started ({error.strerror}); free some memory.") from error

    def workers(self) -> list[_Worker]:
        """Return the idle children."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._idle.get_nowait())
        for worker in found:
            self._idle.put(worker)
        return [worker for worker in found if worker is not None]

    def rest(self) -> None:
        """End the idle children: what they hold is needed by one that decodes alone."""
        for _ in range(self._idle.qsize()):
            with contextlib.suppress(queue.Empty):
                if (worker := self._idle.get_nowait()) is not None:
                    worker.end()
                self._idle.put(None)

    def give(self, worker: _Worker) -> None:
        """Take a child back."""
        self._idle.put(worker)

    def end(self) -> None:
        """Kill the idle children."""
        with contextlib.suppress(queue.Empty):
            while True:
                if (worker := self._idle.get_nowait()) is not None and self._owner == os.getpid():
                    worker.end()


class _Budget:
    """Bytes that pictures being decoded may take together."""

    def __init__(self, size: int) -> None:
        self._left, self._changed = size, threading.Condition()

    @contextlib.contextmanager
    def of(self, size: int) -> Iterator[None]:
        """Hold so many bytes, after waiting for them."""
        with self._changed:
            self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            with self._changed:
                self._left += size
                self._changed.notify_all()


_pool, _budget = _Pool(), _Budget(MOST_MEMORY)
atexit.register(_pool.end)


def send(pipe: BinaryIO, header: dict[str, Any], content: bytes) -> None:
    """Write lengths, header and bytes."""
    text = json.dumps(header).encode()
    pipe.write(len(text).to_bytes(4, "little") + len(content).to_bytes(4, "little") + text)
    pipe.write(content)
    pipe.flush()


def halves(data: bytes) -> tuple[bytes, bytes]:
    """Return the first four bytes and the rest."""
    return data[:4], data[4:]
