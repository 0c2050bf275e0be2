"""`python -m tests.parallel_faults FAULT fit ...`: the command line, in which one of two processes meets a fault.

full: the leading one cannot write the fourth row of history.csv. lost: the other one finds no pictures.
"""

from __future__ import annotations

import os
import sys

from trainer import data
from trainer.__main__ import main
from trainer.errors import UserError
from trainer.system import files

ROWS = 3


def write_text(path, text: str) -> None:
    """As files.write_text, until the history has more than so many rows."""
    if path.name == "history.csv" and len(text.splitlines()) > ROWS + 1:
        raise UserError(f"{path}: the disk is full.")
    _write_text(path, text)


def load(*_arguments: object) -> None:
    """As data.load on a machine without them."""
    raise UserError("no pictures on this machine")


_write_text = files.write_text

if __name__ == "__main__":
    fault, leads = sys.argv[1], os.environ.get("LOCAL_RANK", "0") == "0"
    if fault == "full" and leads:
        files.write_text = write_text
    if fault == "lost" and not leads:
        data.load = load
    sys.exit(main(sys.argv[2:]))
