"""What may befall a training: kills at the worst moments, two servers, full and read-only disks, clocks.

Whatever happens, the run ends in a clear state, its last good checkpoint survives, and a resumed training ends bit by
bit where an undisturbed one does.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dying import POINTS
from tests.interruptions import EVERY, STEPS, at_second_checkpoint, checkpointed, contents, make, resumed
from tests.trainings import assert_same_training
from trainer.errors import UserError
from trainer.jobs import queue
from trainer.manage import archive, runs
from trainer.runs import monitor
from trainer.runs.status import look, look_at_all, read_json
from trainer.system import ROOT, files, locks, processes

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name == "nt", reason="kills, mounts and permissions of Unix"),
]


# --- kill -9 at the worst moments ------------------------------------------------------------------------------------

KEPT = {
    "while a picture is decoded": 0,
    "before the first model": 0,
    "between the first model and its checkpoint": 0,
    "in the middle of a checkpoint": 3,
    "before a checkpoint gets its name": 3,
    "after a checkpoint got its name": 6,
    "between a model and its checkpoint": 3,
    "in the middle of the history": 3,
    "before its last word": 8,
}
"""Step of the last checkpoint before the kill; 0 for none."""


@pytest.fixture(scope="module")
def killed(source, tmp_path_factory) -> dict[str, Path]:
    """Runs whose processes were killed, by the point."""
    root = tmp_path_factory.mktemp("killed")
    folders = {point: make(root / str(number) / "a", source) for number, point in enumerate(POINTS)}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.dying", *(f"{point}={folder}" for point, folder in folders.items())],
        cwd=ROOT,
        env=os.environ | {processes.NICE_VARIABLE: "1"},
        capture_output=True,
        text=True,
    )
    assert ended.stdout.splitlines() == [f"{point}={-signal.SIGKILL}" for point in POINTS], ended.stderr
    return folders


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_the_worst_moment_then_resumed(killed, whole, here, point):
    folder = killed[point]
    left = look(folder)
    assert left.phase == "interrupted"
    assert not files.is_alive(read_json(folder / "training" / "status.json")["pid"])
    has_one = (folder / "training" / "checkpoint.safetensors").exists()
    assert (checkpointed(folder) if has_one else 0) == KEPT[point]
    assert resumed(folder).phase == "finished"
    assert look(folder).step == STEPS
    assert not list(folder.rglob("*.tmp")), "what the killed process was writing is gone"
    assert_same_training(whole, folder)


def test_a_server_killed_between_two_of_its_steps_starts_no_second_training(source, tmp_path, monkeypatch):
    """It has started the process, and dies before it wrote down which; another server looks at once."""
    monkeypatch.setenv(processes.NICE_VARIABLE, "1")
    folder = make(tmp_path / "runs" / "a", source)
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom trainer.jobs import queue as jobs\n"
        "from trainer.system import files\nwrite = files.write_text\n"
        "def dying(path, text):\n"
        "    if path.name == 'launch.json': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    write(path, text)\n"
        "files.write_text = dying\njobs.start(Path(sys.argv[1]))"
    )
    server = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT)
    assert server.returncode == -signal.SIGKILL
    queue.dispatch(folder.parent)
    wait_until(lambda: look(folder).phase == "finished", lambda: f"{look(folder)} {monitor.log(folder)}")
    wait_until(lambda: not locks.is_held(folder / "training" / "lock"), lambda: "the lock is let go")
    for child in queue._children:
        child.wait(200)
    assert look(folder).phase == "finished", "the second process has left everything as it was"
    assert checkpointed(folder) == STEPS
    assert monitor.log(folder).count(f"step {STEPS} of {STEPS}") == 1, "it was trained once"


def wait_until(condition: Callable[[], bool], explain: Callable[[], str]) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)


# --- two servers -----------------------------------------------------------------------------------------------------


def test_two_servers_start_the_same_run_and_one_is_refused(source, tmp_path):
    """Two processes, released at the same time."""
    folder = make(tmp_path / "runs" / "a", source)
    code = (
        "import sys\nfrom pathlib import Path\nfrom trainer.jobs import queue as jobs\n"
        "from trainer.errors import UserError\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "try: print(jobs.start(Path(sys.argv[1])).phase)\nexcept UserError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    servers = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(2)]
    assert [server.stdout.readline() for server in servers] == ["ready\n"] * 2
    for server in servers:
        server.stdin.write("go\n")
        server.stdin.flush()
    outputs = sorted(server.communicate()[0].strip() for server in servers)
    try:
        assert outputs == ["a: is training already.", "starting"]
        assert look(folder).is_active
    finally:
        queue.end_by_force(folder)
    wait_until(lambda: not look(folder).is_active, lambda: "it has ended")
    assert look(folder).phase in ("interrupted", "new"), "killed, perhaps before its first word"
    assert look(folder).can_start


# --- a full disk -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """A small file system of its own; only root may make one, and not in every container."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs root and the right to mount a tmpfs; the same with a limit of the system is tested too")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "16m") as place:
        yield place


def test_a_disk_that_is_full_to_the_last_byte(here, disk, source, whole, monkeypatch):
    folder, filler = make(disk / "runs" / "a", source), disk / "filler"

    def fill() -> None:
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as handle:
            while True:
                handle.write(bytes(4096))

    at_second_checkpoint(monkeypatch, fill)
    queue.start(folder)
    left = look(folder)
    assert left.phase in ("failed", "interrupted"), "there may be no room for its last word"
    assert os.statvfs(disk).f_bavail == 0
    assert checkpointed(folder) == EVERY
    assert not list((folder / "training").glob(".checkpoint*.tmp"))
    assert [found.name for found in look_at_all(disk / "runs")] == ["a"]
    with pytest.raises(UserError, match="no space left on the disk"):
        queue.start(folder)
    assert checkpointed(folder) == EVERY
    filler.unlink()
    assert resumed(folder).phase == "finished"
    assert_same_training(whole, folder)


def test_a_limit_of_the_system_while_checkpointing(here, source, tmp_path, whole, monkeypatch):
    """The kernel refuses to let the file grow, which needs no right to mount anything."""
    folder = make(tmp_path / "runs" / "a", source)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    at_second_checkpoint(monkeypatch, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard)))
    try:
        failed = queue.start(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert failed.phase == "failed"
    assert "checkpoint.safetensors: cannot be written (File too large)" in failed.message
    assert checkpointed(folder) == EVERY
    assert not list(folder.rglob("*.tmp"))
    assert resumed(folder).phase == "finished"
    assert_same_training(whole, folder)


# --- folders that may not be written or read -------------------------------------------------------------------------


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder may not be written: mounted so over itself for root, whom permissions do not stop."""
    if os.geteuid() != 0:
        places = [folder, *filter(Path.is_dir, folder.rglob("*"))]
        for place in places:
            place.chmod(0o555)
        try:
            yield
        finally:
            for place in places:
                place.chmod(0o755)
        return
    for options in ("bind", "remount,bind,ro"):
        if subprocess.run(["mount", "-o", options, str(folder), str(folder)], capture_output=True).returncode:
            pytest.skip("root, to whom nothing is read-only, without the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_folder_that_may_only_be_read_is_shown_and_left_alone(here, stopped, tmp_path):
    root, waiting = stopped.parent, stopped.with_name("waiting")
    shutil.copytree(stopped, waiting)
    (waiting / "training" / "request.json").write_text("{}", encoding="utf-8")
    before = contents(root)
    with read_only(root):
        assert [(found.name, found.phase) for found in look_at_all(root)] == [
            ("waiting", "queued"),
            ("a", "stopped"),
        ]
        queue.dispatch(root)
        for act in (
            lambda: queue.start(stopped),
            lambda: queue.stop(waiting),
            lambda: queue.set_limit(root, 2),
            lambda: runs.rename(stopped, "b"),
            lambda: runs.tag(stopped, ["best"]),
            lambda: runs.delete(stopped),
        ):
            with pytest.raises(UserError, match="may not be written"):
                act()
        archive.export(stopped, tmp_path / "a.zip")
        with pytest.raises(UserError, match=r"may not be written|the system refuses it"):
            archive.import_zip(tmp_path / "a.zip", root)
    assert contents(root) == before
    queue.start(stopped)
    queue.dispatch(root)
    assert {found.phase for found in look_at_all(root)} == {"finished"}


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_folders_of_somebody_else_do_not_hide_one_s_own(stopped):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for name in ("own", "shut", "half"):
            shutil.copytree(stopped, root / name).chmod(0o755)
        for folder in (root / "shut", root / "half" / "training"):
            folder.chmod(0)
        root.chmod(0o755)
        try:
            with as_nobody():
                found = {each.name: each.phase for each in look_at_all(root)}
                assert found["own"] == "stopped"
                assert look(root / "shut").phase == "new", "nothing can be seen of it"
                queue.dispatch(root)
        finally:
            for folder in (root / "shut", root / "half" / "training"):
                folder.chmod(0o755)


def test_a_folder_removed_while_it_trains_ends_the_training(here, source, tmp_path, monkeypatch):
    folder = make(tmp_path / "runs" / "a", source)
    at_second_checkpoint(monkeypatch, lambda: shutil.rmtree(folder))
    queue.start(folder)
    assert look_at_all(folder.parent) == []
    assert not list(folder.rglob("*.safetensors")), "nothing of it comes back"


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leap", [-1e6, 0, 1e6])
def test_a_clock_that_is_set_meanwhile(stopped, leap, monkeypatch):
    """A training that beats is not silent because the clock was set back, and goes on; nor is a dead one alive."""
    own = {"pid": os.getpid(), "started": processes.start_time(os.getpid())}
    stored = {"state": "running", "heartbeat": time.time(), **own}
    (stopped / "training" / "status.json").write_text(json.dumps(stored), encoding="utf-8")
    monkeypatch.setattr(time, "time", lambda now=time.time() + leap: now)
    assert look(stopped).phase == "interrupted"
    with locks.exclusive(stopped / "training" / "lock", "held"):
        assert look(stopped).phase == ("silent" if leap > 0 else "running")
        stored["heartbeat"] = time.time()  # the next beat, five seconds later
        (stopped / "training" / "status.json").write_text(json.dumps(stored), encoding="utf-8")
        assert look(stopped).phase == "running"
