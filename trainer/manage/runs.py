"""Order among one's runs: rename, tag, delete, export as zip, import from one. Bundled models are not touched."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from trainer.config import Config
from trainer.errors import UserError
from trainer.jobs import queue, task
from trainer.runs.folder import Run
from trainer.system import files

NAME = re.compile(Config.model_fields["name"].metadata[0].pattern)
TAGS = "tags.json"
MOST_TAGS, TAG_LENGTH = 12, 32

KNOWN = {
    "config.yaml", "model.safetensors", "decoder.onnx", "history.csv", "ood_history.csv", "metrics.json",
    "codes.parquet", "sprite.png", "card.md", "map.parquet", "ood_calibration.json", "ood_scores.parquet",
    "train_codes.parquet", "train_sprite.png", "disentanglement.json", "disentanglement-fast.json",
    "disentanglement-shapes3d.json", "disentanglement-shapes3d-fast.json",
    "disentanglement-shapes3d-rendered.json", "disentanglement-shapes3d-rendered-fast.json",
    TAGS, "training/checkpoint.safetensors",
    "training/status.json", "training/log.txt",
    "training/preview.safetensors", "training/skipped.txt",
}  # fmt: skip
"""Files of a run that travel; pictures that were uploaded for it (data/) stay at home."""
TRAINING = {"training/checkpoint.safetensors", "training/status.json"}
"""What makes a run resumable, all of it or none: a status without its checkpoint would have it trained anew."""
MAX_FILE = 2 * 2**30
MAX_UNPACKED = 4 * 2**30
MAX_ENTRIES = 64
MAX_PACKED = 200
"""Times its packed size that an entry of more than FREELY bytes may unpack to; tables and logs stay below 50."""
FREELY = 16 * 2**20


# --- names and tags ---------------------------------------------------------------------------------------------------


def check_name(root: Path, name: str) -> None:
    """Raise UserError unless a run of this name can be made in `root`."""
    if not NAME.fullmatch(name):
        raise UserError(f"“{name}”: a name has letters, digits, dots, dashes and underscores, at most 64; change it.")
    if (Path(root) / name).exists():
        raise UserError(f"{name}: a run of this name is there already; choose another name.")


def free_name(root: Path, wanted: str) -> str:
    """`wanted`, or with the first free number behind it."""
    wanted = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[:56] or "run"
    numbers = iter(range(2, 10**6))
    name = wanted
    while (Path(root) / name).exists():
        name = f"{wanted}-{next(numbers)}"
    return name


def rename(folder: Path, name: str) -> Path:
    """Give a run another name; returns its new folder.

    Raises: UserError if the name is not valid or taken, the run is training, or the disk refuses.
    """
    folder = Path(folder)
    if name == folder.name:
        return folder
    check_name(folder.parent, name)
    with _at_rest(folder), _told(folder):
        os.rename(folder, folder.parent / name)
    return folder.parent / name


def tags(folder: Path) -> tuple[str, ...]:
    """The tags of a run, in their order; none where there is no such file or it is damaged."""
    try:
        found = json.loads((Path(folder) / TAGS).read_text(encoding="utf-8"))
        return tuple(str(tag)[:TAG_LENGTH] for tag in found)[:MOST_TAGS] if isinstance(found, list) else ()
    except (OSError, ValueError, RecursionError):
        return ()


def tag(folder: Path, wanted: list[str] | tuple[str, ...]) -> None:
    """Replace the tags of a run; blanks and repetitions are dropped.

    Raises: UserError if there are more than MOST_TAGS or one is longer than TAG_LENGTH.
    """
    clean = list(dict.fromkeys(text for text in (" ".join(each.split()) for each in wanted) if text))
    if len(clean) > MOST_TAGS or any(len(text) > TAG_LENGTH for text in clean):
        raise UserError(f"At most {MOST_TAGS} tags of at most {TAG_LENGTH} characters each; shorten them.")
    files.write_text(Path(folder) / TAGS, json.dumps(clean, ensure_ascii=False) + "\n")


def delete(folder: Path) -> None:
    """Remove a run for good, its uploaded pictures included. It disappears at once, or not at all.

    Raises: UserError if it is training, is no run folder, or the disk refuses.
    """
    folder = Path(folder)
    if folder.is_symlink() or not (folder / "config.yaml").is_file():
        raise UserError(f"{folder}: not a run folder of its own; remove it by hand.")
    doomed = folder.with_name(f".deleted-{folder.name}")
    with _at_rest(folder), _told(folder):
        _sweep(folder.parent)
        os.rename(folder, doomed)
        shutil.rmtree(doomed)


def _sweep(root: Path) -> None:
    """Remove what processes that were killed while they deleted or imported have left; nobody else may decide now."""
    for path in [*root.glob(".deleted-*"), *root.glob(".import-*")]:
        _, kind, owner = path.name.replace("-", ".").split(".", 3)[:3]
        if kind == "deleted" or (owner.isdigit() and not files.is_alive(int(owner))):
            shutil.rmtree(path, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes that a run takes on the disk."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


@contextlib.contextmanager
def _at_rest(folder: Path) -> Iterator[None]:
    """Nobody trains, starts or measures this run meanwhile.

    Raises: UserError if it is training, waiting or being measured.
    """
    files.make_folder(folder / "training")
    with queue.deciding(folder.parent):
        job = queue.look(folder)
        if job.is_active or job.phase == "queued":
            raise UserError(f"{folder.name}: is {'waiting' if job.phase == 'queued' else 'training'}; stop it first.")
        if task.is_busy(folder):
            raise UserError(f"{folder.name}: is being measured; stop that, or wait until it has ended.")
        yield


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """What the system refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: the system refuses it ({error.strerror or error}); check its permissions."
        ) from error


# --- zips -------------------------------------------------------------------------------------------------------------


def export(folder: Path, out: Path, resumable: bool = True) -> None:
    """Write a run as a zip of `<name>/...`, known files only.

    Args:
        resumable: with the training's checkpoint, which is about three times as large as the model; without it the
            imported run is a model only.

    Raises: UserError if the run cannot be read, or `out` cannot be written.
    """
    run = Run(folder)
    names = [name for name in sorted(KNOWN) if (run.path / name).is_file()]
    names = [name for name in names if resumable or name not in TRAINING]
    with _told(run.path), zipfile.ZipFile(out, "w") as archive:
        for name in names:
            packs = name.endswith((".csv", ".json", ".yaml", ".md", ".txt"))  # the others are dense already
            kind = zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED
            archive.write(run.path / name, f"{run.name}/{name}", compress_type=kind)


def import_zip(path: Path, root: Path, name: str | None = None) -> Path:
    """Unpack a run that `export` wrote, after checking it; returns its folder, under a free name.

    Only files of KNOWN are taken, each at most MAX_FILE bytes, nothing whose name leaves the folder; weights must be
    safetensors whose header fits the file, config.yaml must be valid. Until all is checked, nothing appears.

    Raises: UserError, one sentence on the first thing that is wrong; then nothing is left behind.
    """
    path, root = Path(path), Path(root)
    files.make_folder(root)
    with _told(root):
        staging = tempfile.TemporaryDirectory(prefix=f".import-{os.getpid()}-", dir=root)
    with staging:
        folder = Path(staging.name) / "run"
        folder.mkdir()
        try:
            with zipfile.ZipFile(path) as archive:
                found = _unpack(archive, folder)
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError) as error:
            raise UserError(f"{path.name}: not an intact zip; export the run again.") from error
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"{path.name}: cannot be unpacked ({error}); free some space or export it again."
            ) from error
        _check_content(folder)
        with queue.deciding(root), _told(root):
            _sweep(root)
            target = root / free_name(root, name or found or path.stem)
            os.rename(folder, target)
    return target


def _unpack(archive: zipfile.ZipFile, folder: Path) -> str:
    """Write the known files below `folder`; returns the name of the run in the zip."""
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
    """The run's name, and each entry's name in the run folder; refuses what a run does not have."""
    raw = [info.filename for info in infos]
    if not raw:
        raise UserError("The zip is empty; choose one that was exported here.")
    first = {name.partition("/")[0] for name in raw}
    prefix = first.pop() if len(first) == 1 and all("/" in name for name in raw) else ""
    names = [name.removeprefix(f"{prefix}/") if prefix else name for name in raw]
    for name, info in zip(names, infos, strict=True):
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        if name not in KNOWN or ".." in PurePosixPath(info.filename).parts or is_link:
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
    """Unpack one entry, never more than its header declares."""
    target.parent.mkdir(exist_ok=True)
    with archive.open(info) as source, open(target, "xb") as out:
        left = info.file_size
        while block := source.read(min(2**20, left + 1)):
            left -= len(block)
            if left < 0:
                raise UserError(f"{name}: longer than the zip declares; it was not imported.")
            out.write(block)


def _check_content(folder: Path) -> None:
    """The configuration is valid, weights are safetensors, tables can be read.

    Raises: UserError naming the file as it is in the run.
    """
    try:
        run = Run(folder)
        for name in ("model.safetensors", "training/checkpoint.safetensors"):
            if (folder / name).is_file():
                check_safetensors(folder / name)
        _ = run.metrics
    except UserError as error:
        raise UserError(str(error).replace(f"{folder}/", "").replace(str(folder), "The zip")) from error


def check_safetensors(path: Path) -> None:
    """Compare the header of a safetensors file with its size; nothing is loaded.

    Raises: UserError if the file is cut short or something else.
    """
    size_ = path.stat().st_size
    with open(path, "rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        header = handle.read(length) if 0 < length < min(size_, 2**27) else b""
    try:
        values = json.loads(header)
        end = max(value["data_offsets"][1] for key, value in values.items() if key != "__metadata__")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        end = -1
    if size_ != 8 + length + end:
        raise UserError(f"{path}: cut short or no safetensors file; export the run again.")
