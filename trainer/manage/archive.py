"""A run as a zip: export, and import after checking its whole content."""

import os
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from trainer.errors import UserError
from trainer.jobs import queue
from trainer.manage import runs
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import files

MAX_FILE = 2 * 2**30
MAX_UNPACKED = 4 * 2**30
MAX_ENTRIES = 64
MAX_PACKED = 200
"""Highest ratio of unpacked to packed size, for entries of more than FREELY bytes; tables and logs stay below 50."""
FREELY = 16 * 2**20


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


def import_zip(path: Path, root: Path, name: str | None = None) -> Path:
    """Check and unpack a run that `export` wrote; return its folder, which gets a free name.

    Accepted are only the files that `export` writes, each at most MAX_FILE bytes, with no name outside the folder;
    weights must be intact safetensors, config.yaml must be valid. The run appears once everything is checked.

    Raises: UserError on the first thing that is wrong; nothing is left behind.
    """
    path, root = Path(path), Path(root)
    files.make_folder(root)
    with runs.explained(root):
        staging = tempfile.TemporaryDirectory(prefix=f".import-{os.getpid()}-", dir=root)
    with staging:
        folder = Path(staging.name) / "run"
        folder.mkdir()
        try:
            with zipfile.ZipFile(path) as archive:
                stored_name = _unpack(archive, folder)
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError) as error:
            raise UserError(f"{path.name}: not an intact zip; export the run again.") from error
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"{path.name}: cannot be unpacked ({error}); free some space or export it again."
            ) from error
        _check_content(folder)
        with queue.deciding(root), runs.explained(root):
            runs.sweep(root)
            target = root / runs.free_name(root, name or stored_name or path.stem)
            os.rename(folder, target)
    return target


def _unpack(archive: zipfile.ZipFile, folder: Path) -> str:
    """Write the files below `folder`; return the name of the run in the zip."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MAX_ENTRIES:
        raise UserError(f"The zip holds {len(infos):,} files, more than a run has; choose one that was exported here.")
    if sum(info.file_size for info in infos) > MAX_UNPACKED:
        raise UserError(f"The zip would unpack to more than {MAX_UNPACKED >> 30} GiB; it is no exported run.")
    prefix, names = _names(infos)
    for info, name in zip(infos, names, strict=True):
        _write(archive, info, folder / name, name)
    return prefix


def _names(infos: list[zipfile.ZipInfo]) -> tuple[str, list[str]]:
    """Return the run's name and each entry's name in the run folder. Raises: UserError if an entry is not allowed."""
    raw = [info.filename for info in infos]
    if not raw:
        raise UserError("The zip is empty; choose one that was exported here.")
    first = {name.partition("/")[0] for name in raw}
    prefix = first.pop() if len(first) == 1 and all("/" in name for name in raw) else ""
    names = [name.removeprefix(f"{prefix}/") if prefix else name for name in raw]
    for name, info in zip(names, infos, strict=True):
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        if name not in layout.TRAVELS or ".." in PurePosixPath(info.filename).parts or is_link:
            shown = "".join(c if c.isprintable() else "?" for c in info.filename[:80])
            raise UserError(f"The zip holds “{shown}”, which is no file of a run; it was not imported.")
        if info.flag_bits & 0x1 or info.file_size > MAX_FILE:
            raise UserError(f"{name}: encrypted, or larger than {MAX_FILE >> 30} GiB; it was not imported.")
        if info.file_size > max(FREELY, MAX_PACKED * info.compress_size):
            raise UserError(f"{name}: unpacks to more than {MAX_PACKED} times its size; it was not imported.")
    if len(set(names)) < len(names):
        raise UserError("The zip holds a file twice; it was not imported.")
    return prefix, names


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, name: str) -> None:
    """Unpack one entry, at most the size that its header declares."""
    target.parent.mkdir(exist_ok=True)
    with archive.open(info) as source, open(target, "xb") as out:
        left = info.file_size
        while block := source.read(min(2**20, left + 1)):
            left -= len(block)
            if left < 0:
                raise UserError(f"{name}: longer than the zip declares; it was not imported.")
            out.write(block)


def _check_content(folder: Path) -> None:
    """Check that the configuration is valid, weights are safetensors and metrics can be read.

    Raises: UserError naming the file as in the run folder.
    """
    try:
        run = Run(folder)
        for name in (layout.WEIGHTS, layout.CHECKPOINT):
            if (folder / name).is_file():
                layout.check_safetensors(folder / name, "export the run again")
        _ = run.metrics
    except UserError as error:
        raise UserError(str(error).replace(f"{folder}/", "").replace(str(folder), "The zip")) from error
