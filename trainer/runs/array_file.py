"""A tuple of named arrays in a safetensors file of a run folder: written whole, believed only once it is checked."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from trainer.errors import UserError
from trainer.runs import validation
from trainer.system import files

Arrays = TypeVar("Arrays", bound=NamedTuple)


def write(arrays: NamedTuple, path: Path) -> None:
    """Store the arrays under the names of their fields. Raises: UserError if the folder cannot be written."""
    from safetensors.numpy import save_file

    whole = {name: np.ascontiguousarray(part) for name, part in arrays._asdict().items()}
    files.write_atomic(path, lambda temporary: save_file(whole, temporary))


def read(path: Path, kind: type[Arrays], called: str, most: int, check: Callable[[Arrays], None]) -> Arrays:
    """Return stored arrays, which may come from a stranger.

    Args:
        called: what they are a record of, as the message says it.
        most: bytes of the file.
        check: raises WrongError unless types, sizes and values are those of such a record.

    Raises: UserError if the file is damaged.
    """
    try:
        found = _read(path, kind, called, most)
        check(found)
    except validation.WrongError as error:
        raise UserError(f"{path}: {error}; delete it, as the rest of the run does not need it.") from error
    return found


def _read(path: Path, kind: type[Arrays], called: str, most: int) -> Arrays:
    from safetensors.numpy import load

    content = validation.read_bytes(path, most)
    validation.check_safetensors(path)
    try:
        arrays = load(content)
        return kind(*(arrays[name] for name in kind._fields))
    except Exception as error:  # safetensors raises several types; to the reader they mean the same
        raise validation.WrongError(f"it is not a record of {called}") from error


def check_steps(step: np.ndarray) -> None:
    """Raises: WrongError unless the steps of a training, of which there is one at least, ascend."""
    if step[0] < 0 or step[-1] > validation.MAX_COUNT or (np.diff(step) <= 0).any():
        raise validation.WrongError("its steps do not ascend")
