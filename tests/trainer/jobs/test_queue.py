"""Trainings in processes of their own: real processes, real kills; whatever happens ends in a clear state."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.trainings import pictures, settings, write_pictures
from trainer.errors import UserError
from trainer.jobs import queue, train
from trainer.runs import layout, monitor
from trainer.runs.folder import create
from trainer.runs.status import ACTIVE, SILENT_AFTER, Training, look, look_at_all
from trainer.system import ROOT, processes
from trainer.training import checkpoint
from trainer.training.preview import Preview

PATIENCE = 200
"""Seconds; each process imports torch and Lightning, perhaps on a busy machine."""
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder of runs, trained at nearly ordinary priority; whatever still trains in it afterwards is killed."""
    monkeypatch.setenv(processes.NICE_VARIABLE, "1")
    folder = tmp_path / "runs"
    folder.mkdir()
    yield folder
    for made in filter(Path.is_dir, folder.iterdir()):
        (made / "training" / "request.json").unlink(missing_ok=True)
        if look(made).is_active:
            queue.end_by_force(made)
    for child in queue._children:
        child.wait(30)


def make(root: Path, name: str = "a", steps: int = 100_000, **sections) -> Path:
    source = root.parent / "pictures"
    if not source.exists():
        write_pictures(source)
    wanted = settings(
        name=name,
        data={"name": "folder", "path": str(source)},
        optim={"max_steps": steps, "validate_every": 5, "patience": 10**6},
        **sections,
    )
    return create(root / name, wanted).path


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def wait_for_phase(folder: Path, *phases: str) -> Training:
    wait_for(lambda: look(folder).phase in phases, f"{phases}; last {look(folder)}; {monitor.log(folder)}")
    return look(folder)


def wait_for_checkpoint(folder: Path) -> None:
    wait_for(lambda: (folder / "training" / "checkpoint.safetensors").exists(), monitor.log(folder))


def write_json(path: Path, **values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


# --- a life ----------------------------------------------------------------------------------------------------------


def test_started_watched_stopped_killed_and_resumed(root):
    folder = make(root)
    assert look(folder).phase == "new"
    assert queue.start(folder).phase in ACTIVE
    wait_for_checkpoint(folder)
    train = wait_for_phase(folder, "running")
    assert train.pid is not None
    assert os.getpriority(os.PRIO_PROCESS, train.pid) == max(1, os.nice(0))
    assert monitor.preview(folder)["samples"].dtype == np.uint8
    with pytest.raises(UserError, match="a: is training already"):
        queue.start(folder)
    queue.stop(folder)
    stopped = wait_for_phase(folder, "stopped")
    wait_for(lambda: not processes.is_same(train.pid, processes.start_time(train.pid)), "the process ends")
    assert checkpoint.read_counters(folder / "training" / "checkpoint.safetensors").step == stopped.step > 0
    assert not (folder / "training" / "launch.json").exists()

    queue.start(folder)
    resumed = wait_for_phase(folder, "running")
    os.kill(resumed.pid, signal.SIGKILL)
    killed = wait_for_phase(folder, "interrupted")
    assert killed.can_start
    kept = checkpoint.read_counters(folder / "training" / "checkpoint.safetensors").step
    assert kept >= stopped.step

    text = (folder / "config.yaml").read_text(encoding="utf-8")
    (folder / "config.yaml").write_text(text.replace("max_steps: 100000", f"max_steps: {kept + 3}"), encoding="utf-8")
    queue.start(folder)
    assert wait_for_phase(folder, "finished").step == kept + 3
    assert "finished at step" in monitor.log(folder)


def test_it_outlives_the_process_that_started_it_and_the_queue_goes_on_without_anybody(root):
    """A server starts one, queues another, and is killed: the first one, when it ends, starts the second."""
    first, second = make(root, "first", steps=10), make(root, "second", steps=5)
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom trainer.jobs import queue as jobs\n"
        "for name in sys.argv[1:]: jobs.start(Path(name))\nprint('started', flush=True)\ntime.sleep(600)"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(first), str(second)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout.readline() == "started\n"
    assert look(first).is_active
    assert [(train.name, train.position) for train in look_at_all(root)] == [("first", 0), ("second", 1)]
    server.kill()
    server.wait()
    assert wait_for_phase(first, "finished").step == 10
    assert wait_for_phase(second, "finished").step == 5


def test_a_second_process_for_the_same_run_leaves_everything_as_it_is(root, caplog, monkeypatch):
    """Another process holds the lock; this one comes second."""
    monkeypatch.setattr(processes, "lower_priority", lambda: None)
    folder = make(root)
    write_json(folder / "training" / "status.json", state="running", step=7)
    before = (folder / "training" / "status.json").read_bytes()
    code = (
        "import sys; from pathlib import Path; from trainer.system import locks\n"
        "with locks.exclusive(Path(sys.argv[1]), 'taken'): print('held', flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "training" / "lock")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout.readline() == "held\n"
    with caplog.at_level("INFO", "trainer"):
        assert train.work(folder) == 2
    first.communicate()
    assert "a training is running here already" in caplog.text
    assert (folder / "training" / "status.json").read_bytes() == before


# --- the queue -------------------------------------------------------------------------------------------------------


@pytest.fixture
def launched(root, monkeypatch):
    """Names of the runs that would have been started, in their order; each then counts as this very process's."""
    names: list[str] = []

    def pretend(folder: Path) -> None:
        names.append(folder.name)
        (folder / "training" / "request.json").unlink()
        pid = os.getpid()
        write_json(folder / "training" / "launch.json", pid=pid, started=processes.start_time(pid))

    monkeypatch.setattr(queue, "_launch", pretend)
    yield names
    for launched in root.glob("*/training/launch.json"):
        launched.unlink()


def test_the_queue_keeps_its_order_and_the_limit(root, launched, monkeypatch):
    monkeypatch.delenv(queue.LIMIT_VARIABLE, raising=False)
    folders = {name: make(root, name) for name in "cadb"}
    for name in "cadb":
        queue.start(folders[name])
    assert launched == ["c"]
    assert [(train.name, train.position) for train in look_at_all(root)] == [
        ("c", 0),
        ("a", 1),
        ("d", 2),
        ("b", 3),
    ]
    with pytest.raises(UserError, match="d: is waiting already"):
        queue.start(folders["d"])
    queue.stop(folders["d"])
    assert look(folders["d"]).phase == "new", "taken out of the queue"
    queue.dispatch(root)
    assert launched == ["c"], "no place is free"
    (folders["c"] / "training" / "launch.json").unlink()
    queue.dispatch(root)
    assert launched == ["c", "a"]
    queue.set_limit(root, 2)
    assert launched == ["c", "a", "b"]
    assert queue.limit(root) == 2


def test_the_limit_comes_from_the_environment_unless_it_was_set(tmp_path, monkeypatch):
    monkeypatch.setenv(queue.LIMIT_VARIABLE, "3")
    assert queue.limit(tmp_path) == 3
    queue.set_limit(tmp_path, 10**9)
    assert queue.limit(tmp_path) == queue.MOST
    (tmp_path / ".jobs.json").write_text("[]", encoding="utf-8")
    assert queue.limit(tmp_path) == 3
    monkeypatch.setenv(queue.LIMIT_VARIABLE, "many")
    assert queue.limit(tmp_path) == 1


# --- what the files say ----------------------------------------------------------------------------------------------


def test_a_number_that_belongs_to_another_process_now_is_not_mistaken(tmp_path):
    """This very process lives, but it is not the one that wrote the status."""
    status = tmp_path / "training" / "status.json"
    write_json(status, state="running", pid=os.getpid(), started="1", heartbeat=time.time(), step=5)
    write_json(tmp_path / "training" / "launch.json", pid=os.getpid(), started="1")
    assert look(tmp_path).phase == "interrupted"


def test_a_process_without_a_sign_of_life_is_silent_not_dead(tmp_path):
    own = {"pid": os.getpid(), "started": processes.start_time(os.getpid())}
    write_json(tmp_path / "training" / "status.json", state="running", step=5, heartbeat=time.time(), **own)
    write_json(tmp_path / "training" / "launch.json", **own)
    assert look(tmp_path).phase == "running"
    old = time.time() - SILENT_AFTER - 1
    write_json(tmp_path / "training" / "status.json", state="running", step=5, heartbeat=old, **own)
    assert look(tmp_path).phase == "silent"
    (tmp_path / "training" / "stop").touch()
    assert look(tmp_path).phase == "stopping"


@pytest.mark.parametrize(("wanted", "niceness"), [("", 19), ("7", 7), ("low", 19)])
def test_everything_else_goes_first(monkeypatch, wanted, niceness):
    monkeypatch.setenv(processes.NICE_VARIABLE, wanted)
    code = "import os; from trainer.system import processes; processes.lower_priority(); print(os.nice(0))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert int(ended.stdout) == max(niceness, os.nice(0))


def test_the_session_of_a_training_goes_last_as_well():
    autogroup = Path("/proc/self/autogroup")
    if not autogroup.exists():
        pytest.skip("this system has no autogroups")
    code = f"from trainer.system import processes; processes.lower_priority(); print(open('{autogroup}').read())"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, start_new_session=True
    )
    assert int(ended.stdout.split()[-1]) == max(19, os.nice(0))


def test_a_zombie_is_dead():
    child = subprocess.Popen([sys.executable, "-c", ""])
    wait_for(lambda: processes.start_time(child.pid) is None, "it has ended, and nobody has asked how")
    child.wait()
    assert processes.start_time(os.getpid()) == processes.start_time(os.getpid()) is not None


@pytest.mark.parametrize(
    "status",
    ["", "{", "[1]", '{"state": 3, "step": "x", "pid": [], "heartbeat": NaN}', '{"state": "running", "pid": 1e400}'],
)
def test_a_status_edited_by_hand_is_no_accident(tmp_path, status):
    (tmp_path / "training").mkdir()
    for name in ("status.json", "launch.json"):
        (tmp_path / "training" / name).write_text(status, encoding="utf-8")
    assert look(tmp_path).phase == "interrupted"
    assert look(tmp_path).step == 0


def test_a_model_without_its_training_is_not_trained_over(root):
    folder = make(root)
    (folder / "model.safetensors").write_bytes(b"weights")
    assert look(folder).phase == "model only"
    with pytest.raises(UserError, match="cannot be continued"):
        queue.start(folder)


def test_a_stop_while_it_starts_is_not_lost(root):
    """The number in the file tells that this process is meant, and not one before it."""
    folder = make(root)
    train = queue.start(folder)
    assert train.phase == "starting"
    queue.stop(folder)
    assert look(folder).phase == "stopping"
    stopped = wait_for_phase(folder, "stopped")
    assert stopped.step <= 2


# --- previews --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", ["np", "fnp", "gmp", "normal"])
def test_a_preview_changes_nothing_of_the_training(tmp_path, prior):
    import torch

    from trainer import models

    model = models.build(settings(prior={"kind": prior}))
    model.train()
    model.critic.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    random = torch.get_rng_state()
    preview = Preview(tmp_path, pictures(12), seed=0)
    found = preview.arrays(model)
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert found["originals"].shape == (10, 1, 32, 32)
    assert found["strip"].shape == (30, 1, 32, 32)
    assert np.array_equal(found["originals"], pictures(12).images[:10].numpy())
    again = preview.arrays(model)
    assert all(np.array_equal(found[name], again[name]) for name in found), "the same noise every time"


def test_the_strip_moves_the_axes_it_names_and_no_other(tmp_path):
    import torch

    from trainer import models

    model = models.build(settings()).eval()
    preview = Preview(tmp_path, pictures(40), seed=0)
    with torch.no_grad():
        mean, _ = model.encode(preview.pictures.float_batch(slice(None)))
        axes, codes = preview._strip(model, mean[:1])
    for row, axis in enumerate(axes.tolist()):
        line = codes[10 * row : 10 * (row + 1)]
        others = [other for other in range(4) if other != axis]
        assert torch.equal(line[:, others], mean[:1, others].expand(10, 3))
        assert line[0, axis] == pytest.approx(float(mean[:, axis].mean() - 2 * mean[:, axis].std()), abs=1e-5)


def test_a_damaged_preview_is_none(tmp_path):
    assert monitor.preview(tmp_path) is None
    (tmp_path / "training").mkdir()
    (tmp_path / layout.PREVIEW).write_bytes(b"PK\x03\x04nothing")
    assert monitor.preview(tmp_path) is None
