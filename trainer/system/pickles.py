"""Checkpoints that are pickles: recognised by their first bytes, and never opened.

Unpickling runs whatever the file says. Nothing in this project does it, and no option allows it.
"""

import re
import zipfile
from pathlib import Path

from trainer.errors import UserError

SUFFIXES = (".pth", ".pt", ".ckpt", ".pkl", ".pickle", ".bin")
"""Of files that are pickles whatever they begin with: tar files of old versions of torch, for example."""
_PROTOCOL = re.compile(rb"\x80[\x02-\x05]")
_ZIP = b"PK\x03\x04"


def is_pickle(path: Path) -> bool:
    """Return whether a file is a pickle or an archive around one, as torch.save writes; False if it cannot be read."""
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError:
        return False
    if _PROTOCOL.match(start):
        return True
    return start == _ZIP and _holds_pickle(path)


def _holds_pickle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.rpartition("/")[2] == "data.pkl" for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def refuse(path: Path, name: str = "") -> None:
    """Raise UserError if the file is a pickle, or a folder of the published code that holds one.

    The sentence calls it `name`, by default its path.
    """
    inside = sorted(path.glob("checkpoint*.pth")) if path.is_dir() else []
    wrong = inside[0] if inside else path
    if is_pickle(wrong) or (wrong.is_file() and wrong.suffix.lower() in SUFFIXES):
        raise UserError(sentence(name or str(wrong)))


def sentence(name: str) -> str:
    """Return what is said of a pickle, and what to do."""
    return (
        f"{name}: a checkpoint in Python's pickle format, which can run any program when it is opened, so it is not; "
        "convert it to safetensors in a process of your own, as docs/from-gwae.md shows, and train its settings here "
        "with 'python -m trainer fit --published'."
    )
