"""Names of the user for the axes of a run, such as "slant" for z2, in a file of its folder; data, never markup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from trainer.errors import UserError
from trainer.runs import layout, validation
from trainer.system import files, mode

LONGEST = 32
MAX_BYTES = 2**18


class Names(NamedTuple):
    """Names by axis, and the hash of the weights they were given to."""

    checkpoint: str = ""
    by_axis: Mapping[int, str] = {}


class Stored(validation.Schema):
    """axis_names.json."""

    checkpoint: validation.Hash
    names: Annotated[
        dict[
            Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,3})$")],
            Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)],
        ],
        Field(max_length=4096),
    ]


def clean(name: str) -> str:
    """Return a name of at most LONGEST printable characters: without line breaks, control and direction signs."""
    printable = "".join(character if character.isprintable() else " " for character in name[: 16 * LONGEST])
    return " ".join(printable.split())[:LONGEST].strip()


def read(folder: Path) -> Names:
    """Return the names of a run; none if the file is missing or damaged."""
    try:
        return stored(Path(folder) / layout.AXIS_NAMES)
    except validation.WrongError:
        return Names()


def stored(path: Path) -> Names:
    """Return the names in a file.

    Raises: validation.WrongError if it is damaged or larger than MAX_BYTES.
    """
    found = validation.read_json(path, Stored, MAX_BYTES)
    named = {int(axis): clean(name) for axis, name in found.names.items()}
    return Names(found.checkpoint, {axis: name for axis, name in named.items() if name})


@mode.local_only("Naming axes of a run")
def write(folder: Path, checkpoint: str, names: Mapping[int, str], z_dim: int) -> None:
    """Replace the names of a run; empty ones are dropped.

    Raises: UserError if an axis does not exist, or the disk refuses.
    """
    if any(not 0 <= axis < z_dim for axis in names):
        raise UserError(f"This model has the axes z0 to z{z_dim - 1}; name one of these.")
    named = {str(axis): name for axis in sorted(names) if (name := clean(names[axis]))}
    content = json.dumps({"checkpoint": checkpoint, "names": named}, ensure_ascii=False, indent=1)
    files.write_text(Path(folder) / layout.AXIS_NAMES, content + "\n")
