"""The child process that decodes pictures of strangers: `python -m trainer.data.decoder`, started by isolation.py."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from pathlib import Path

from trainer.data import pictures
from trainer.data.isolation import BYTES_PER_PIXEL, IDLE, MEMORY, MORE, SECONDS_PER_MEGAPIXEL, halves, send
from trainer.errors import UserError


def main() -> None:
    """Answer requests on standard input until it ends, or nothing has come for IDLE seconds."""
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not become an answer
    idle = _data_bytes()
    out.write(b"here")
    out.flush()
    poll = select.poll()
    poll.register(source, select.POLLIN)
    while poll.poll(IDLE * 1000):
        sizes = source.read(8)
        if len(sizes) < 8:
            return
        length, size = (int.from_bytes(part, "little") for part in halves(sizes))
        header, content = json.loads(source.read(length)), source.read(size)

        def allow(pixels: int, most: int = header["memory"]) -> None:
            _limit(idle + size + min(MEMORY + BYTES_PER_PIXEL * pixels, most))  # noqa: B023 - called at once
            out.write(MORE + int(1000 * SECONDS_PER_MEGAPIXEL * pixels / 10**6).to_bytes(8, "little"))
            out.flush()

        _limit(idle + size + MEMORY)
        try:
            said, data = pictures.answer(content, header, allow)
        except UserError as error:
            said, data = {"error": str(error)}, b""
        except MemoryError:
            how = "takes more memory than a picture of its size"
            said, data = {"error": f"{header['name']}: decoding it {how}; save it again as PNG."}, b""
        _limit(-1)
        send(out, said, data)


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
