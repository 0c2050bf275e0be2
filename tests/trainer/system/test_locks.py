"""Locks between processes: one holds, the others wait or are refused, and a dead process holds nothing."""

from __future__ import annotations

import math
import subprocess
import sys
import types

import pytest

from trainer.errors import UserError
from trainer.system import locks


def test_a_lock_keeps_other_processes_out_and_dies_with_its_own(tmp_path):
    lock = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from trainer.system import locks\n"
        "with locks.exclusive(Path(sys.argv[1]), 'taken'):\n    print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="taken"), locks.exclusive(lock, "taken"):
            pytest.fail("two processes hold the lock")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with locks.exclusive(lock, "taken"):
        pass
    with locks.exclusive(lock, "taken"):  # and once more
        pass


def test_a_lock_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="a file is in the way"), locks.exclusive(tmp_path / "file" / "lock", "taken"):
        pytest.fail("there is no lock")


def test_whoever_waits_is_called_meanwhile_and_may_give_up(tmp_path):
    lock, calls = tmp_path / "lock", []

    def give_up() -> None:
        calls.append(locks.is_held(lock))
        if len(calls) == 3:
            raise InterruptedError

    with locks.exclusive(lock), pytest.raises(InterruptedError), locks.exclusive(lock, "", math.inf, give_up):
        pytest.fail("two hold the lock")
    assert calls == [True] * 3
    assert not locks.is_held(lock)


@pytest.mark.parametrize("content", [None, "folder"])
def test_what_is_no_lock_file_is_held_by_nobody(tmp_path, content):
    if content:
        (tmp_path / "lock").mkdir()
    assert not locks.is_held(tmp_path / "lock")


def test_a_system_without_fcntl_locks_by_its_own_means(tmp_path, monkeypatch):
    """Windows: msvcrt refuses a second lock with PermissionError."""
    taken: set[str] = set()

    def locking(number: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        if taken:
            raise PermissionError
        taken.add("byte")

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.setattr(locks, "os", types.SimpleNamespace(name="nt"))
    with locks.exclusive(tmp_path / "lock"):
        assert locks.is_held(tmp_path / "lock")
        with pytest.raises(locks.BusyError, match="taken"), locks.exclusive(tmp_path / "lock", "taken", wait=0):
            pytest.fail("two hold the lock")
    taken.clear()
    assert not locks.is_held(tmp_path / "lock")
