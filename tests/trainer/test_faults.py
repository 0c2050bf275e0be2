"""What may befall a training: kills at the worst moments, full and read-only disks, folders edited by hand.

Whatever happens, the run ends in a clear state, its last good checkpoint survives, and a resumed training ends bit by
bit where an undisturbed one does.
"""

from __future__ import annotations

import contextlib
import json
import logging
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
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file, save_file

from tests.dying import POINTS
from tests.trainings import assert_same_training, settings, write_pictures
from trainer import checkpoint, files, housekeeping, job, jobs, processes, run, watch
from trainer.errors import UserError

ROOT = Path(jobs.__file__).resolve().parents[1]
DEAD_PID = 2**22 + 1  # above the largest number Linux gives
STEPS, EVERY = 8, 3
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name == "nt", reason="kills, mounts and permissions of Unix"),
]


class Here:
    """Stands in for Popen: the training runs at once, in this process, which spares importing torch again."""

    pid = DEAD_PID

    def __init__(self, command: list[str], **_: object):
        self.code = job.main(command[3:])

    def poll(self) -> int:
        return self.code


@pytest.fixture
def here(monkeypatch) -> Iterator[None]:
    """Trainings run in this process."""
    level = logging.getLogger("trainer").level
    monkeypatch.setattr(jobs, "subprocess", SimpleNamespace(Popen=Here, DEVNULL=None))
    monkeypatch.setattr(processes, "lower_priority", lambda: None)
    yield
    logging.getLogger("trainer").setLevel(level)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("source") / "pictures")


def make(folder: Path, source: Path) -> Path:
    wanted = settings(
        name="a",
        data={"name": "folder", "path": str(source)},
        optim={"max_steps": STEPS, "validate_every": EVERY},
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    return run.create(folder, wanted).path


def trained_in_this_process(folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "lower_priority", lambda: None)
        assert job.main([str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory) -> Path:
    """The training that nothing befalls."""
    return trained_in_this_process(make(tmp_path_factory.mktemp("whole") / "a", source))


@pytest.fixture(scope="module")
def halted(source, tmp_path_factory) -> Path:
    """The same, stopped by a full disk or by hand at its sixth step of eight, the second checkpoint."""
    folder = make(tmp_path_factory.mktemp("halted") / "a", source)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(f"max_steps: {STEPS}", "max_steps: 6"), encoding="utf-8")
    trained_in_this_process(folder)
    config.write_text(text, encoding="utf-8")
    jobs.note(folder, "stopped", "")
    return folder


@pytest.fixture
def stopped(halted, tmp_path) -> Path:
    """A run that can be resumed, to be damaged."""
    return shutil.copytree(halted, tmp_path / "runs" / "a")


def checkpointed(folder: Path) -> int:
    """The step of the checkpoint, which can be read."""
    return checkpoint.read_counters(folder / "training" / "checkpoint.safetensors").step


def resumed(folder: Path) -> jobs.Job:
    """Resume as the page does, to the end."""
    assert jobs.look(folder).can_start
    return jobs.start(folder)


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
    left = jobs.look(folder)
    assert left.phase == "interrupted"
    assert not files.is_alive(jobs.read_json(folder / "training" / "status.json")["pid"])
    has_one = (folder / "training" / "checkpoint.safetensors").exists()
    assert (checkpointed(folder) if has_one else 0) == KEPT[point]
    assert resumed(folder).phase == "finished"
    assert jobs.look(folder).step == STEPS
    assert not list(folder.rglob("*.tmp")), "what the killed process was writing is gone"
    assert_same_training(whole, folder)


def test_a_server_killed_between_two_of_its_steps_starts_no_second_training(source, tmp_path, monkeypatch):
    """It has started the process, and dies before it wrote down which; another server looks at once."""
    monkeypatch.setenv(processes.NICE_VARIABLE, "1")
    folder = make(tmp_path / "runs" / "a", source)
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom trainer import files, jobs\nwrite = files.write_text\n"
        "def dying(path, text):\n"
        "    if path.name == 'launch.json': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    write(path, text)\n"
        "files.write_text = dying\njobs.start(Path(sys.argv[1]))"
    )
    server = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT)
    assert server.returncode == -signal.SIGKILL
    jobs.dispatch(folder.parent)
    wait_until(lambda: jobs.look(folder).phase == "finished", lambda: f"{jobs.look(folder)} {watch.log(folder)}")
    wait_until(lambda: not files.is_held(folder / "training" / "lock"), lambda: "the lock is let go")
    for child in jobs._children:
        child.wait(200)
    assert jobs.look(folder).phase == "finished", "whoever came second has left everything as it was"
    assert checkpointed(folder) == STEPS
    assert watch.log(folder).count(f"step {STEPS} of {STEPS}") == 1, "it was trained once"


def wait_until(condition: Callable[[], bool], told: Callable[[], str]) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


# --- two servers -----------------------------------------------------------------------------------------------------


def test_two_servers_start_the_same_run_and_one_is_refused(source, tmp_path):
    """Two processes, released at the same time."""
    folder = make(tmp_path / "runs" / "a", source)
    code = (
        "import sys\nfrom pathlib import Path\nfrom trainer import jobs\nfrom trainer.errors import UserError\n"
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
    told = sorted(server.communicate()[0].strip() for server in servers)
    try:
        assert told == ["a: is training already.", "starting"]
        assert jobs.look(folder).is_active
    finally:
        jobs.end_by_force(folder)
    wait_until(lambda: not jobs.look(folder).is_active, lambda: "it has ended")
    assert jobs.look(folder).phase in ("interrupted", "new"), "killed, perhaps before its first word"
    assert jobs.look(folder).can_start


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


def at_second_checkpoint(monkeypatch, act: Callable[[], None]) -> None:
    """Do something just before the second checkpoint is written by the real function."""
    save, calls = checkpoint.save_file, []

    def acting(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            act()
        return save(*arguments, **options)

    monkeypatch.setattr(checkpoint, "save_file", acting)


def test_a_disk_that_is_full_to_the_last_byte(here, disk, source, whole, monkeypatch):
    folder, filler = make(disk / "runs" / "a", source), disk / "filler"

    def fill() -> None:
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as handle:
            while True:
                handle.write(bytes(4096))

    at_second_checkpoint(monkeypatch, fill)
    jobs.start(folder)
    left = jobs.look(folder)
    assert left.phase in ("failed", "interrupted"), "there may be no room for its last word"
    assert os.statvfs(disk).f_bavail == 0
    assert checkpointed(folder) == EVERY
    assert not list((folder / "training").glob(".checkpoint*.tmp"))
    assert [found.name for found in jobs.look_at_all(disk / "runs")] == ["a"]
    with pytest.raises(UserError, match="no space left on the disk"):
        jobs.start(folder)
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
        failed = jobs.start(folder)
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
        yield
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
        assert [(found.name, found.phase) for found in jobs.look_at_all(root)] == [
            ("waiting", "queued"),
            ("a", "stopped"),
        ]
        jobs.dispatch(root)
        for act in (
            lambda: jobs.start(stopped),
            lambda: jobs.stop(waiting),
            lambda: jobs.set_limit(root, 2),
            lambda: housekeeping.rename(stopped, "b"),
            lambda: housekeeping.tag(stopped, ["best"]),
            lambda: housekeeping.delete(stopped),
        ):
            with pytest.raises(UserError, match="may not be written"):
                act()
        housekeeping.export(stopped, tmp_path / "a.zip")
        with pytest.raises(UserError, match=r"may not be written|the system refuses it"):
            housekeeping.import_zip(tmp_path / "a.zip", root)
    assert contents(root) == before
    jobs.start(stopped)
    jobs.dispatch(root)
    assert {found.phase for found in jobs.look_at_all(root)} == {"finished"}


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    yield
    if is_root:
        os.seteuid(0)


def test_folders_of_somebody_else_do_not_hide_one_s_own(stopped):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for name, mode in (("own", 0o755), ("shut", 0o700), ("half", 0o755)):
            folder = shutil.copytree(stopped, root / name)
            folder.chmod(mode if os.geteuid() == 0 or name == "own" else 0)
        (root / "half" / "training").chmod(0)
        root.chmod(0o755)
        try:
            with as_nobody():
                found = {each.name: each.phase for each in jobs.look_at_all(root)}
                assert found["own"] == "stopped"
                assert jobs.look(root / "shut").phase == "new", "nothing can be seen of it"
                jobs.dispatch(root)
        finally:
            for folder in (root / "shut", root / "half", root / "half" / "training"):
                folder.chmod(0o755)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- a run folder edited by hand -------------------------------------------------------------------------------------

GARBAGE = b"\xff\xfe\x00garbage\x80\n" * 50


def into(path: Path, kind: str) -> None:
    """Damage one file of a run."""
    if kind == "a folder":
        path.unlink(missing_ok=True)
        path.mkdir()
        (path / "x").touch()
    elif kind == "a circle":
        path.unlink(missing_ok=True)
        path.symlink_to(path)
    elif kind == "gone":
        path.unlink()
    else:
        path.write_bytes({"garbage": GARBAGE, "empty": b"", "pickle": b"\x80\x04\x95\x10"}[kind])


HARMLESS = [
    ("training/status.json", "garbage"),
    ("training/status.json", "empty"),
    ("training/launch.json", "garbage"),
    ("training/lock", "garbage"),
    ("training/log.txt", "garbage"),
    ("training/preview.safetensors", "pickle"),
    ("history.csv", "gone"),
    ("model.safetensors", "gone"),
    ("tags.json", "a folder"),
]
"""The training goes on from its checkpoint as if nothing had been."""


@pytest.mark.parametrize(("name", "kind"), HARMLESS)
def test_damage_that_does_not_matter(here, stopped, whole, name, kind):
    into(stopped / name, kind)
    assert jobs.look(stopped).phase in ("stopped", "interrupted")
    assert resumed(stopped).phase == "finished"
    if name == "history.csv":
        (stopped / name).write_bytes((whole / name).read_bytes())  # what was there before is lost, and nothing else
    assert_same_training(whole, stopped)


TOLD = [
    ("training/checkpoint.safetensors", "garbage", "truncated or of another configuration"),
    ("training/checkpoint.safetensors", "empty", "truncated or of another configuration"),
    ("training/checkpoint.safetensors", "pickle", "truncated or of another configuration"),
    ("history.csv", "garbage", "damaged; delete it, and the training resumes"),
    ("history.csv", "a folder", "cannot be written"),
    ("model.safetensors", "a folder", "cannot be written"),
    ("training/lock", "a folder", "cannot be written"),
    ("training/lock", "a circle", "cannot be written"),
    ("training/stop", "a folder", "cannot be written"),
    ("training/log.txt", "a folder", "could not be started"),
    ("training/log.txt", "a circle", "could not be started"),
    ("training/skipped.txt", "a folder", "cannot be written"),
]
"""The training says what is wrong, once it is started; the next one can be."""


@pytest.mark.parametrize(("name", "kind", "said"), TOLD)
def test_damage_that_is_told(here, stopped, whole, tmp_path, name, kind, said):
    shutil.copytree(stopped, tmp_path / "kept")
    into(stopped / name, kind)
    damaged = (stopped / "training" / "checkpoint.safetensors").read_bytes()
    assert jobs.look(stopped).phase == "stopped"
    failed = jobs.start(stopped)
    assert failed.phase == "failed"
    assert said in failed.message
    assert "\n" not in failed.message
    assert failed.can_start
    assert (stopped / "training" / "checkpoint.safetensors").read_bytes() == damaged
    into_place(tmp_path / "kept" / name, stopped / name)
    assert resumed(stopped).phase == "finished", "repaired, it goes on"
    assert_same_training(whole, stopped)


def into_place(kept: Path, damaged: Path) -> None:
    """Undo the damage."""
    if damaged.is_dir() and not damaged.is_symlink():
        shutil.rmtree(damaged)
    damaged.unlink(missing_ok=True)
    if kept.exists():
        shutil.copy2(kept, damaged)


@pytest.mark.parametrize(
    "counters",
    ["[1]", '{"step": "7"}', '{"step": -5}', '{"step": 1e400}', '{"step": 3.5}', '{"step": null}', '{"step": true}',
     '{"seconds": "x"}', '{"seconds": NaN}', '{"best": "low"}', '{"best": NaN}', '{"stale": []}'],
)  # fmt: skip
def test_a_checkpoint_whose_counters_are_none(stopped, counters):
    path = stopped / "training" / "checkpoint.safetensors"
    save_file(load_file(path), path, metadata={"counters": counters})
    with pytest.raises(UserError, match="truncated or of another configuration"):
        checkpoint.read_counters(path)


@pytest.mark.parametrize("kind", ["a folder", "a circle", "gone"])
def test_a_model_whose_checkpoint_was_removed_is_not_trained_over(here, stopped, kind):
    into(stopped / "training" / "checkpoint.safetensors", kind)
    model = (stopped / "model.safetensors").read_bytes()
    assert jobs.look(stopped).phase == "model only"
    with pytest.raises(UserError, match="cannot be continued; train a new one like it"):
        jobs.start(stopped)
    assert (stopped / "model.safetensors").read_bytes() == model


@pytest.mark.parametrize("kind", ["garbage", "empty", "a folder", "a circle", "gone"])
def test_a_config_that_is_none_any_more(here, stopped, kind):
    kept = (stopped / "training" / "checkpoint.safetensors").read_bytes()
    text = (stopped / "config.yaml").read_text(encoding="utf-8")
    into(stopped / "config.yaml", kind)
    is_file = kind in ("garbage", "empty")
    assert [found.phase for found in jobs.look_at_all(stopped.parent)] == ["stopped"] * is_file
    with pytest.raises(UserError, match=r"config\.yaml"):
        jobs.start(stopped)
    into_place(Path("/nowhere"), stopped / "config.yaml")
    (stopped / "config.yaml").write_text(text, encoding="utf-8")
    assert (stopped / "training" / "checkpoint.safetensors").read_bytes() == kept
    assert jobs.look(stopped).can_start


def test_a_training_whose_config_is_removed_meanwhile_can_still_be_stopped(stopped):
    (stopped / "config.yaml").unlink()
    with files.exclusive(stopped / "training" / "lock", "held"):
        assert [(found.name, found.is_active) for found in jobs.look_at_all(stopped.parent)] == [("a", True)]
        jobs.stop(stopped)
        assert (stopped / "training" / "stop").is_file()


@pytest.mark.parametrize(
    "request_",
    ["", "{", "[]", '{"queued": "x"}', '{"max_minutes": "x"}', '{"max_minutes": -3}', '{"data_root": [1]}'],
)
def test_a_place_in_the_queue_edited_by_hand(here, stopped, request_):
    (stopped / "training" / "request.json").write_text(request_, encoding="utf-8")
    assert jobs.look(stopped).phase == "queued"
    jobs.dispatch(stopped.parent)
    assert jobs.look(stopped).phase == "finished"


def test_a_run_that_cannot_be_started_does_not_hold_up_the_queue(here, stopped, monkeypatch):
    """The system refuses the first one its process: no memory, too many processes, an argument that is none."""
    other = shutil.copytree(stopped, stopped.with_name("b"))
    for queued, folder in enumerate((stopped, other)):
        told = {"queued": queued, "data_root": "a\x00b" if folder == stopped else None}
        (folder / "training" / "request.json").write_text(json.dumps(told), encoding="utf-8")
    here, there = Here, subprocess.Popen
    choose = lambda command, **options: (there if "a\x00b" in command else here)(command, **options)  # noqa: E731
    monkeypatch.setattr(jobs.subprocess, "Popen", choose)
    jobs.dispatch(stopped.parent)
    assert jobs.look(stopped).phase == "failed"
    assert "could not be started (embedded null byte)" in jobs.look(stopped).message
    assert jobs.look(other).phase == "finished"


def test_a_folder_removed_while_it_trains_ends_the_training(here, source, tmp_path, monkeypatch):
    folder = make(tmp_path / "runs" / "a", source)
    at_second_checkpoint(monkeypatch, lambda: shutil.rmtree(folder))
    jobs.start(folder)
    assert jobs.look_at_all(folder.parent) == []
    assert not list(folder.rglob("*.safetensors")), "nothing of it comes back"


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leap", [-1e6, 0, 1e6])
def test_a_clock_that_is_set_meanwhile(stopped, leap, monkeypatch):
    """A training that beats is not silent because the clock was set back, and goes on; nor is a dead one alive."""
    own = {"pid": os.getpid(), "started": processes.start_time(os.getpid())}
    told = {"state": "running", "heartbeat": time.time(), **own}
    (stopped / "training" / "status.json").write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setattr(time, "time", lambda now=time.time() + leap: now)
    assert jobs.look(stopped).phase == "interrupted"
    with files.exclusive(stopped / "training" / "lock", "held"):
        assert jobs.look(stopped).phase == ("silent" if leap > 0 else "running")
        told["heartbeat"] = time.time()  # the next beat, five seconds later
        (stopped / "training" / "status.json").write_text(json.dumps(told), encoding="utf-8")
        assert jobs.look(stopped).phase == "running"
