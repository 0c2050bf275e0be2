"""A run as a zip: export, and import after checking its whole content."""

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from trainer.data import zips
from trainer.errors import UserError
from trainer.jobs import queue
from trainer.manage import flaws, runs
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import files, mode, pickles

LIMITS = zips.Limits(
    files=64, unpacked=4 * 2**30, file_bytes=2 * 2**30, packed=200, freely=16 * 2**20,
    advice="more than a run has, so choose one that was exported here",
    remedy="no exported run does that, so choose one that was exported here",
)  # fmt: skip
"""Of the reader of all zips (trainer/data/zips.py). Tables and logs pack to a fiftieth at most."""


def export(folder: Path, out: Path, resumable: bool = True) -> None:
    """Write the known files of a run as a zip of `<name>/...`.

    Args:
        resumable: whether to include the training's checkpoint, about three times as large as the model; without it
            the imported run is a model only.

    Raises: UserError if the run cannot be read, or `out` cannot be written.
    """
    run = Run(folder)
    names = [name for name in sorted(layout.TRAVELS) if (run.path / name).is_file()]
    names = [name for name in names if resumable or name not in layout.RESUMABLE]
    with runs.explained(run.path), zipfile.ZipFile(out, "w") as archive:
        for name in names:
            packs = name.endswith((".csv", ".json", ".yaml", ".md", ".txt"))  # the others are compressed already
            kind = zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED
            archive.write(run.path / name, f"{run.name}/{name}", compress_type=kind)


@mode.local_only("Importing a run")
def import_zip(path: Path, root: Path, name: str | None = None) -> Path:
    """Check and unpack a run that `export` wrote; return its folder, which gets a free name.

    Accepted are only the files that `export` writes, within LIMITS, with no name outside the folder;
    weights must be intact safetensors, config.yaml must be valid. The run appears once everything is checked.

    Raises: UserError on the first thing that is wrong; nothing is left behind.
    """
    path = Path(path)
    pickles.refuse(path, path.name)  # torch.save writes zips, too

    def unpack(folder: Path) -> str:
        try:
            with contextlib.ExitStack() as stack:
                members = zips.members(stack, stack.enter_context(path.open("rb")), path.name, LIMITS)
                stored = _unpack(members, folder)
        except zips.ERRORS as error:
            raise UserError(f"{path.name}: not an intact zip; export the run again.") from error
        except OSError as error:
            raise UserError(
                f"{path.name}: cannot be unpacked ({error}); free some space or export it again."
            ) from error
        return name or stored or path.stem

    return take_in(root, unpack)


@mode.local_only("Importing a run")
def take_in(root: Path, fill: Callable[[Path], str], strict: bool = False) -> Path:
    """Return the folder of a new run in `root`, which gets a free name once its content is checked.

    Args:
        fill: writes the run's files into an empty folder, and returns the name it should have.
        strict: whether every file has to be sound; else pages say which of the measurements are damaged.

    Raises: UserError if anything is wrong, and what `fill` raises; nothing is left behind.
    """
    root = Path(root)
    files.make_folder(root)
    with runs.explained(root):
        staging = tempfile.TemporaryDirectory(prefix=f".import-{os.getpid()}-", dir=root)
    with staging:
        folder = Path(staging.name) / "run"
        folder.mkdir()
        name = fill(folder)
        _check_content(folder, strict)
        with queue.deciding(root), runs.explained(root):
            runs.sweep(root)
            target = root / runs.free_name(root, name)
            os.rename(folder, target)
    return target


def _unpack(members: list[zips.Member], folder: Path) -> str:
    """Write the files below `folder`; return the name of the run in the zip.

    Raises: UserError if a file is not one of a run.
    """
    if not members:
        raise UserError("The zip is empty; choose one that was exported here.")
    first = {member.name.partition("/")[0] for member in members}
    prefix = first.pop() if len(first) == 1 and all("/" in member.name for member in members) else ""
    places = [member.name.removeprefix(f"{prefix}/") if prefix else member.name for member in members]
    for place, member in zip(places, members, strict=True):
        if member.refused or place not in layout.TRAVELS:
            why = f" ({member.refused})" if member.refused else ""
            raise UserError(f"The zip holds “{member.name[:80]}”, which is no file of a run{why}; it was not imported.")
    for place, member in zip(places, members, strict=True):
        _write(member, folder / place)
    return prefix


def _write(member: zips.Member, target: Path) -> None:
    """Unpack one file, at most the size that its header declares."""
    target.parent.mkdir(exist_ok=True)
    with member.archive.open(member.info) as source, open(target, "xb") as out:
        left = member.info.file_size
        while block := source.read(min(2**20, left + 1)):
            left -= len(block)
            if left < 0:
                raise UserError(f"{member.name}: longer than the zip declares; it was not imported.")
            out.write(block)


def _check_content(folder: Path, strict: bool) -> None:
    """Check that the configuration is valid, weights are safetensors and metrics can be read; or every file.

    Raises: UserError naming the file as in the run folder.
    """
    try:
        run = Run(folder)
        for name in (layout.WEIGHTS, layout.CHECKPOINT):
            if (folder / name).is_file():
                layout.check_safetensors(folder / name, "export the run again")
        _ = run.metrics
        if strict and (damaged := flaws.of_run(run)):
            raise UserError(next(iter(damaged.values())))
    except UserError as error:
        raise UserError(str(error).replace(f"{folder}/", "").replace(str(folder), "The run")) from error
