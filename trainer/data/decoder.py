"""The child process that decodes pictures of strangers: `python -m trainer.data.decoder`, started by isolation.py."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from trainer.data import pictures
from trainer.data.isolation import BYTES_PER_PIXEL, IDLE, MEMORY, MORE, halves, send, too_large
from trainer.errors import UserError


def main() -> None:
    """Answer requests on standard input until it ends, or nothing has come for IDLE seconds."""
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not become an answer
    idle = _data_bytes()
    out.write(b"here")
    out.flush()
    while True:
        sizes = _waited(lambda: source.read(8))
        if len(sizes) < 8:
            return
        length, size = (int.from_bytes(part, "little") for part in halves(sizes))
        header, content = json.loads(source.read(length)), source.read(size)

        def allow(pixels: int, each: float, most: int = header["memory"]) -> None:
            asks = size + MEMORY + BYTES_PER_PIXEL * pixels  # noqa: B023 - called at once
            bounded["large"] = asks > most  # noqa: B023
            if size + each * pixels > most:  # noqa: B023
                raise MemoryError
            _limit(idle + min(asks, most))
            out.write(MORE + pixels.to_bytes(8, "little"))
            out.flush()

        bounded = {"large": False}
        _limit(idle + min(size + MEMORY, header["memory"]))
        try:
            said, data = pictures.answer(content, header, allow)
        except UserError as error:
            said, data = {"error": str(error)}, b""
        except MemoryError:
            said, data = {"error": too_large(header["name"]), **bounded}, b""
        _limit(-1)
        send(out, said, data)


def _waited(read: Callable[[], bytes]) -> bytes:
    """Return what is read; ends this process where nothing comes for IDLE seconds."""
    end = threading.Timer(IDLE, os._exit, (0,))
    end.daemon = True
    end.start()
    try:
        return read()
    finally:
        end.cancel()


def _data_bytes() -> int:
    """Return the bytes of private memory this process has asked for; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _limit(size: int) -> None:
    """Limit this process's private memory, where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard if size < 0 else size, hard))


if __name__ == "__main__":
    main()
