"""Downloads through torchvision; every failure becomes one sentence."""

import contextlib
import io
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trainer.errors import UserError

TIMEOUT = 20.0  # seconds without a byte; torchvision itself has no limit


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def pace() -> float:
    """Return the seconds between two states of a bar on standard error: a file or pipe keeps every one as a line."""
    return 1.0 if sys.stderr.isatty() else 30.0


def fetch(download: Callable[[], Any], *, title: str, place: Path, url: str) -> None:
    """Run `download`, a torchvision data set's constructor with download=True.

    Args:
        title: what the sentence calls the data.
        place: where it was looked for, and where the download goes.
        url: where a user can get it by hand.

    Raises: UserError naming `place` and `url` if the network, the disk or the checksum fails.
    """
    print(f"{title} is not in {place}; downloading it.", file=sys.stderr)
    try:
        bars = sys.stderr if sys.stderr.isatty() else io.StringIO()  # torchvision's take a line each tenth of a second
        with _socket_timeout(TIMEOUT), contextlib.redirect_stdout(bars), contextlib.redirect_stderr(bars):
            download()  # stdout is for results
    except Exception as error:  # URLError, timeouts, RuntimeError (checksum), OSError (disk), zip and gzip errors
        raise UserError(
            f"{title} is not in {place} and could not be downloaded ({_reason(error)}); "
            f"get it from {url} and put it there, or name another folder with --data-root or GWAE_DATA."
        ) from error


def _reason(error: Exception) -> str:
    """The last informative line of an error, short."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[-1] if lines else type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."
