"""Rename, tag and delete runs; bundled models are not changed."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from trainer.config import Config
from trainer.errors import UserError
from trainer.jobs import queue, task
from trainer.runs import layout, validation
from trainer.runs.status import look
from trainer.system import files, mode

NAME = re.compile(Config.model_fields["name"].metadata[0].pattern)
MOST_TAGS, TAG_LENGTH = 12, 32


def check_name(root: Path, name: str) -> None:
    """Raise UserError unless a run of this name can be created in `root`."""
    if not NAME.fullmatch(name):
        raise UserError(f"“{name}”: a name has letters, digits, dots, dashes and underscores, at most 64; change it.")
    if (Path(root) / name).exists():
        raise UserError(f"{name}: a run of this name already exists; choose another name.")


def free_name(root: Path, wanted: str) -> str:
    """Return `wanted` as a valid, free name in `root`, with a number added if needed."""
    wanted = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[:56] or "run"
    numbers = iter(range(2, 10**6))
    name = wanted
    while (Path(root) / name).exists():
        name = f"{wanted}-{next(numbers)}"
    return name


@mode.local_only("Renaming a run")
def rename(folder: Path, name: str) -> Path:
    """Rename a run; return its new folder.

    Raises: UserError if the name is not valid or taken, the run is in use, or the disk refuses.
    """
    folder = Path(folder)
    if name == folder.name:
        return folder
    check_name(folder.parent, name)
    with _at_rest(folder), explained(folder):
        os.rename(folder, folder.parent / name)
    return folder.parent / name


def tags(folder: Path) -> tuple[str, ...]:
    """Return the tags of a run, in their order; none if the file is missing or damaged."""
    try:
        return tuple(validation.read_json(Path(folder) / layout.TAGS, validation.TAGS))
    except validation.WrongError:
        return ()


@mode.local_only("Tagging a run")
def tag(folder: Path, wanted: list[str] | tuple[str, ...]) -> None:
    """Replace the tags of a run; blanks and repetitions are dropped.

    Raises: UserError if there are more than MOST_TAGS or one is longer than TAG_LENGTH.
    """
    clean = list(dict.fromkeys(text for text in (" ".join(each.split()) for each in wanted) if text))
    if len(clean) > MOST_TAGS or any(len(text) > TAG_LENGTH for text in clean):
        raise UserError(f"At most {MOST_TAGS} tags of at most {TAG_LENGTH} characters each; shorten them.")
    files.write_text(Path(folder) / layout.TAGS, json.dumps(clean, ensure_ascii=False) + "\n")


@mode.local_only("Deleting a run")
def delete(folder: Path) -> None:
    """Delete a run, with its uploaded pictures; it disappears at once, or not at all.

    Raises: UserError if it is in use, is no run folder, or the disk refuses.
    """
    folder = Path(folder)
    if folder.is_symlink() or not (folder / layout.CONFIG).is_file():
        raise UserError(f"{folder}: a link or no run folder; remove it by hand.")
    doomed = folder.with_name(f".deleted-{folder.name}")
    with _at_rest(folder), explained(folder):
        sweep(folder.parent)
        os.rename(folder, doomed)
        shutil.rmtree(doomed)


@mode.local_only("Deleting a run")
def sweep(root: Path) -> None:
    """Remove what killed deletions and imports have left; call it while holding `queue.deciding`."""
    for path in [*root.glob(".deleted-*"), *root.glob(".import-*")]:
        _, kind, owner = path.name.replace("-", ".").split(".", 3)[:3]
        if kind == "deleted" or (owner.isdigit() and not files.is_alive(int(owner))):
            shutil.rmtree(path, ignore_errors=True)


def size(folder: Path) -> int:
    """Return the size of a run on the disk, in bytes."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


@contextlib.contextmanager
def _at_rest(folder: Path) -> Iterator[None]:
    """Hold the lock of the queue on a run that is not in use.

    Raises: UserError if it is training, waiting or being measured.
    """
    files.make_folder(folder / layout.TRAINING)
    with queue.deciding(folder.parent):
        training = look(folder)
        if training.is_live:
            is_doing = "waiting" if training.phase == "queued" else "training"
            raise UserError(f"{folder.name}: is {is_doing}; stop it first.")
        if task.is_busy(folder):
            raise UserError(f"{folder.name}: is being measured; stop that, or wait until it has ended.")
        yield


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn an OSError on a folder into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: the system refuses it ({error.strerror or error}); check its permissions."
        ) from error
