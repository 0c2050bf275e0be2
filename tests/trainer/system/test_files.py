"""Atomic writing, and sentences for everything a disk can refuse."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

from trainer.errors import UserError
from trainer.system import files

DEAD_PID = 2**22 + 1  # above the largest number Linux gives


def failing(number: int):
    def write(_: Path) -> None:
        raise OSError(number, os.strerror(number))

    return write


@pytest.fixture
def target(tmp_path) -> Path:
    path = tmp_path / "kept.txt"
    path.write_text("old", encoding="utf-8")
    return path


def test_a_file_is_replaced_as_a_whole(target):
    seen = []

    def write(temporary: Path) -> None:
        temporary.write_text("ne", encoding="utf-8")
        seen.append(target.read_text(encoding="utf-8"))
        temporary.write_text("new", encoding="utf-8")

    files.write_atomic(target, write)
    assert seen == ["old"]
    assert target.read_text(encoding="utf-8") == "new"
    assert list(target.parent.iterdir()) == [target]


def test_what_was_written_is_on_the_disk_before_it_gets_its_name(target, monkeypatch):
    calls = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("fsync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("replace"), replace(*paths)))
    files.write_text(target, "new")
    assert calls == ["fsync", "replace"]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "no space left on the disk; free some and resume, nothing saved before is lost."),
        (errno.EDQUOT, "no space left on the disk; free some and resume, nothing saved before is lost."),
        (errno.EACCES, "the folder may not be written; choose another one with --out."),
        (errno.EROFS, "the folder may not be written; choose another one with --out."),
        (errno.ENOTDIR, "a file is in the way; choose another folder with --out."),
        (errno.EIO, "cannot be written (Input/output error); choose another folder with --out."),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_the_old_file(target, number, sentence):
    with pytest.raises(UserError) as caught:
        files.write_atomic(target, failing(number))
    assert str(caught.value) == f"{target}: {sentence}"
    assert target.read_text(encoding="utf-8") == "old"
    assert list(target.parent.iterdir()) == [target]


def test_safetensors_own_error_for_a_full_disk_is_understood(target):
    def write(_: Path) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    with pytest.raises(UserError, match="no space left on the disk"):
        files.write_atomic(target, write)


def test_a_fault_of_the_program_stays_one(target):
    def write(_: Path) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        files.write_atomic(target, write)
    assert list(target.parent.iterdir()) == [target]


def test_a_full_disk_is_noticed_even_at_the_last_moment(target, monkeypatch):
    """Some file systems accept everything and complain when flushing."""

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="no space left"):
        files.write_text(target, "new")
    assert target.read_text(encoding="utf-8") == "old"
    assert list(target.parent.iterdir()) == [target]


def test_folders_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="a file is in the way"):
        files.make_folder(tmp_path / "file" / "run")
    with pytest.raises(UserError, match="a file is in the way"):
        files.make_folder(tmp_path / "file")
    with pytest.raises(UserError, match=r"cannot be written \(File name too long\)"):
        files.make_folder(tmp_path / ("x" * 300))
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")  # it may be there
    assert (tmp_path / "a" / "b").is_dir()


def test_leftovers_of_dead_processes_are_removed_and_nothing_else(tmp_path):
    kept = [f".model.safetensors.{os.getpid()}.tmp", ".notes.tmp", f"model.{DEAD_PID}.tmp", ".tmp"]
    gone = [f".model.safetensors.{DEAD_PID}.tmp", f".history.csv.{DEAD_PID}.tmp"]
    for name in kept + gone:
        (tmp_path / name).touch()
    files.remove_leftovers(tmp_path, tmp_path / "absent")
    assert {path.name for path in tmp_path.iterdir()} == set(kept)
    assert files.is_alive(os.getpid())
    assert not files.is_alive(DEAD_PID)
