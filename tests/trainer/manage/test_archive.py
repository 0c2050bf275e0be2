"""Export and import of runs as zips: nothing leaves its folder, nothing unknown comes in."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.trainings import assert_same_training, contents, pictures, train
from trainer.errors import UserError
from trainer.manage import archive, runs
from trainer.runs import monitor
from trainer.runs.folder import Run
from trainer.runs.status import look, look_at_all, note
from trainer.system import ROOT
from trainer.training import checkpoint


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return path


def test_an_exported_run_comes_back_and_trains_on(trained, root, tmp_path):
    runs.tag(trained, ["first"])
    (trained / "data").mkdir()
    (trained / "data" / "private.png").write_bytes(b"mine")
    (trained / "notes.txt").write_text("mine", encoding="utf-8")
    archive.export(trained, tmp_path / "a.zip")
    names = zipfile.ZipFile(tmp_path / "a.zip").namelist()
    assert {"a/config.yaml", "a/model.safetensors", "a/training/checkpoint.safetensors", "a/tags.json"} <= set(names)
    assert not [name for name in names if "private" in name or "notes" in name or "lock" in name]
    back = archive.import_zip(tmp_path / "a.zip", root)
    assert back.name == "a-2"
    assert runs.tags(back) == ("first",)
    assert stat.S_IMODE(back.stat().st_mode) & 0o055, "not as private as the folder it was unpacked in"
    for folder in (trained, back):
        text = (folder / "config.yaml").read_text(encoding="utf-8")
        (folder / "config.yaml").write_text(text.replace("max_steps: 6", "max_steps: 10"), encoding="utf-8")
        train(folder, None, pictures(20))
    assert_same_training(trained, back)
    archive.export(trained, tmp_path / "small.zip", resumable=False)
    assert "a/training/checkpoint.safetensors" not in zipfile.ZipFile(tmp_path / "small.zip").namelist()


CONFIG = b"name: a\n"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({}, "is empty"),
        ({"a/config.yaml": CONFIG, "a/evil.py": b"print()"}, "“a/evil.py”, which is no file of a run"),
        ({"a/config.yaml": CONFIG, "a/e\nvil\x1b": b""}, r"“a/e\\nvil\\x1b”, which is no file of a run"),
        ({"a/config.yaml": CONFIG, "a/../../evil.yaml": b""}, "no file of a run"),
        ({"../config.yaml": CONFIG}, "no file of a run"),
        ({"/etc/config.yaml": CONFIG}, "no file of a run"),
        ({"a/config.yaml": CONFIG, "b/config.yaml": CONFIG}, "no file of a run"),
        ({"a/model.safetensors": b"\x08" + bytes(20)}, "no config.yaml"),
        ({"a/config.yaml": b"nonsense: 1\n"}, "unknown key 'nonsense'"),
        (
            {"a/config.yaml": CONFIG, "a/model.safetensors": b"\x80\x04pickled"},
            "model.safetensors: a checkpoint in Python's pickle",
        ),
        ({"a/config.yaml": CONFIG, "a/training/checkpoint.safetensors": bytes(30)}, "truncated or no safetensors"),
        ({"a/config.yaml": CONFIG, "a/metrics.json": b"{"}, "metrics"),
        ({f"a/{i}": b"" for i in range(65)}, "more than a run has"),
    ],
)
def test_what_is_no_exported_run_is_refused_and_leaves_nothing(root, tmp_path, entries, said):
    before = contents(tmp_path)
    with pytest.raises(UserError, match=said):
        archive.import_zip(zipped(tmp_path / "x.zip", entries), root)
    assert set(contents(tmp_path)) - {"x.zip", "runs/.jobs.lock"} == set(before)


def test_a_zip_that_lies_about_a_size_or_is_cut_short(trained, root, tmp_path):
    archive.export(trained, tmp_path / "a.zip")
    whole = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    (tmp_path / "flipped.zip").write_bytes(flipped)
    for name in ("cut.zip", "flipped.zip"):
        with pytest.raises(UserError, match=f"{name}: not an intact zip"):
            archive.import_zip(tmp_path / name, root)
    assert [job.name for job in look_at_all(root)] == ["a"]


def test_a_bomb_is_refused_by_its_table_of_contents(root, tmp_path):
    path = zipped(tmp_path / "x.zip", {"a/config.yaml": CONFIG})
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 2**32 - 2)
    path.write_bytes(data)
    with pytest.raises(UserError, match="the sizes in the zip cannot be true"):
        archive.import_zip(path, root)


def test_a_bomb_is_refused_by_how_densely_it_is_packed(root, tmp_path, monkeypatch):
    """32 MiB of nothing in 32 kB; a log that repeats itself is no bomb."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a/config.yaml", CONFIG)
        packed.writestr("a/training/log.txt", b"step 50 of 1000\n" * 10_000)
    assert (archive.import_zip(path, root) / "training" / "log.txt").stat().st_size == 160_000
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a/model.safetensors", bytes(32 * 2**20))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("nothing is unpacked"))
    with pytest.raises(UserError, match=r"x\.zip: unpacks to 32 MiB, more than 200 times its size"):
        archive.import_zip(path, root)


def test_a_link_in_a_zip_is_no_file_of_a_run(root, tmp_path):
    path = zipped(tmp_path / "x.zip", {"a/config.yaml": CONFIG})
    link = zipfile.ZipInfo("a/card.md")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match=r"“a/card\.md”, which is no file of a run"):
        archive.import_zip(path, root)
    assert look_at_all(root) == []


def test_nothing_in_an_imported_run_is_unpickled(trained, root, tmp_path):
    """A pickle that would leave a mark, in the place of every file that holds weights, codes or pictures."""
    mark = tmp_path / "mark"
    pickled = pickle.dumps(Trap(str(mark)))
    pickle.loads(pickled)
    mark.rmdir()  # it does leave a mark
    config = (trained / "config.yaml").read_bytes()
    for name in ("preview.safetensors", "status.json"):
        path = zipped(tmp_path / "x.zip", {"a/config.yaml": config, f"a/training/{name}": pickled})
        folder = archive.import_zip(path, root)
        assert monitor.preview(folder) is None
        assert look(folder).phase in ("new", "interrupted")
    path = zipped(tmp_path / "x.zip", {"config.yaml": config, "codes.parquet": pickled})
    folder = archive.import_zip(path, root)
    with pytest.raises(UserError, match="damaged"):
        _ = Run(folder).codes
    for name in ("model.safetensors", "training/checkpoint.safetensors"):
        with pytest.raises(UserError, match=r"pickle format|truncated or no safetensors"):
            archive.import_zip(zipped(tmp_path / "x.zip", {"config.yaml": config, name: pickled}), root)
        (trained / name).write_bytes(pickled)
    with pytest.raises(UserError, match="model"):
        Run(trained).load_model()
    with pytest.raises(UserError, match="truncated"):
        checkpoint.read_counters(trained / "training" / "checkpoint.safetensors")
    assert not mark.exists()


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: str):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


def test_a_run_without_its_checkpoint_is_a_model_only(trained, root, tmp_path):
    """With a status but no checkpoint, “Resume” would train anew, over the model that was imported."""
    note(trained, "stopped", "")
    archive.export(trained, tmp_path / "small.zip", resumable=False)
    back = archive.import_zip(tmp_path / "small.zip", root)
    assert look(back).phase == "model only"
    entries = {
        name: data for name, data in contents(trained).items() if not name.endswith(("lock", "point.safetensors"))
    }
    by_hand = archive.import_zip(zipped(tmp_path / "x.zip", entries), root)
    assert (by_hand / "training" / "status.json").exists()
    assert look(by_hand).phase == "model only"


def test_an_import_or_deletion_that_was_killed_leaves_nothing_for_long(trained, root, tmp_path):
    archive.export(trained, tmp_path / "a.zip")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom trainer.manage import archive\n"
        "archive._check_content = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "archive.import_zip(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.zip"), str(root)], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    (root / ".deleted-b").mkdir()
    other = root / f".import-{os.getpid()}-now"  # of a process that runs
    other.mkdir()
    assert len(list(root.glob(".import-*"))) == 2
    assert [found.name for found in look_at_all(root)] == ["a"]
    archive.import_zip(tmp_path / "a.zip", root)
    assert sorted(path.name for path in root.iterdir()) == sorted(["a", "a-2", ".jobs.lock", other.name])


def test_a_disk_without_room_for_an_import(trained, root, tmp_path):
    archive.export(trained, tmp_path / "a.zip")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"cannot be unpacked .*File too large.*free some space"):
            archive.import_zip(tmp_path / "a.zip", root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(path.name for path in root.iterdir() if path.name != ".jobs.lock") == ["a"]


def test_a_folder_without_a_common_name_is_imported_under_the_file_s(root, tmp_path):
    path = zipped(tmp_path / "mine.zip", {"config.yaml": CONFIG})
    assert archive.import_zip(path, root).name == "mine"
