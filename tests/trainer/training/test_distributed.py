"""Several processes train what one process trains: the same curves, the same weights, up to the rounding of sums."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from tests.parallel_worker import kinds
from tests.trainings import CPU, history, settings, state, train, write_pictures
from trainer import config
from trainer.errors import EchoError, UserError
from trainer.runs.folder import Run, create
from trainer.system import ROOT
from trainer.training import checkpoint, hardware
from trainer.training.distributed import ALONE, Share
from trainer.training.fit import fit
from trainer.training.players import _require_divisible

EXACT = {"loss", "gw", "reconstruction", "mmd", "energy", "covariance", "prior"}
"""Terms that come out the same to TIGHT; the others are small differences of the critic's game, same to LOOSE."""
TIGHT = {"rel": 2e-5, "abs": 0}
LOOSE = {"rel": 2e-3, "abs": 1e-3}
WEIGHTS = 1e-3
pytestmark = pytest.mark.timeout(900)


def environment() -> dict[str, str]:
    """A process group on this machine alone, one thread a process."""
    return os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> Path:
    """The runs of tests/parallel_worker.py, trained by two processes."""
    folder = tmp_path_factory.mktemp("together")
    command = [sys.executable, "-m", "tests.parallel_worker", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """By name, the same run trained by this process; each once."""
    folder = tmp_path_factory.mktemp("alone")

    def trained(name: str) -> Path:
        if not (folder / name).exists():
            train(folder / name, kinds()[name])
        return folder / name

    return trained


def differing(a: Path, b: Path) -> list[str]:
    """Columns of the histories with a number beyond the tolerance."""
    first, second = history(a), history(b)
    assert [list(row) for row in first] == [list(row) for row in second]
    pairs = [(name, row[name], other[name]) for row, other in zip(first, second, strict=True) for name in row]
    return sorted({name for name, one, two in pairs if not close(name, float(one), float(two))})


def close(name: str, one: float, two: float) -> bool:
    tolerance = TIGHT if name.removeprefix("validation ") in EXACT else LOOSE
    return two == pytest.approx(one, **tolerance)


ROUNDING = ("critic", "prior.net.6.bias", "prior.norm.running_mean")
"""Weights that follow the rounding of sums: the critic's, whose game lets it grow from step to step, and the last bias
of a neural prior, which standardisation cancels, so that its gradient is nothing else, with the mean that it shifts."""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The other weights of the checkpoint."""
    found = {name: value for name, value in state(folder).items() if name.startswith("model/")}
    return {name: value for name, value in found.items() if not any(part in name for part in ROUNDING)}


@pytest.mark.parametrize("name", kinds())
def test_two_processes_draw_the_curves_of_one(together, alone, name):
    one = alone(name)
    assert differing(one, together / name) == []
    assert len(history(one)) >= 2
    for key, value in weights(one).items():
        torch.testing.assert_close(weights(together / name)[key], value, rtol=0, atol=WEIGHTS, msg=key)
    random = [key for key in state(one) if key.startswith(("random/", "generator/"))]
    assert random
    assert all(torch.equal(state(one)[key], state(together / name)[key]) for key in random)


def test_without_the_gradients_of_the_gathered_batch_the_comparison_fails(together, alone):
    assert "gw" in differing(alone("np"), together / "cut")


@pytest.fixture
def recipe(tmp_path) -> Path:
    """A short training on files, of a model whose weights do not depend on a game."""
    wanted = settings(
        data={"name": "folder", "path": str(write_pictures(tmp_path / "pictures"))},
        model={"kind": "vae"},
        prior={"kind": "normal"},
        optim={"max_steps": 300, "validate_every": 100},
    )
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(wanted.model_dump()), encoding="utf-8")
    return path


def command(recipe: Path, folder: Path) -> list[str]:
    return ["trainer", "fit", str(recipe), "--out", str(folder), "--accelerator", "cpu", "--devices", "2"]


def wait_for_checkpoint(folder: Path, *processes: subprocess.Popen) -> None:
    deadline = time.monotonic() + 300
    while not (folder / "training" / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)


def status(folder: Path) -> dict:
    return json.loads((folder / "training" / "status.json").read_text(encoding="utf-8"))


def test_torchrun_stops_and_one_process_finishes(recipe, tmp_path):
    """A training that two processes began and one resumed is the training of one process."""
    folder = tmp_path / "shared"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    process = subprocess.Popen(
        torchrun + command(recipe, folder), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    )
    wait_for_checkpoint(folder, process)
    (folder / "training" / "stop").touch()
    output, _ = process.communicate(timeout=300)
    said = status(folder)
    assert process.returncode == 0
    assert said["state"] == "stopped"
    assert said["hardware"]["devices"] == 2
    assert output.splitlines() == [f"{folder}: stopped at step {said['step']}, checkpoint {Run(folder).hash}"]

    fit(Run(folder), progress=False, hardware=CPU)
    whole = create(tmp_path / "whole", config.load(recipe))
    fit(whole, progress=False, hardware=CPU)
    last = [float(history(path)[-1]["validation loss"]) for path in (folder, whole.path)]
    assert last[0] == pytest.approx(last[1], rel=1e-5)


def test_a_signal_to_one_of_slurm_s_tasks_ends_both_with_a_checkpoint(recipe, tmp_path):
    folder = tmp_path / "shared"
    tasks = [
        subprocess.Popen([sys.executable, "-m", *command(recipe, folder)], cwd=ROOT, env=environment() | slurm(number))
        for number in range(2)
    ]
    wait_for_checkpoint(folder, *tasks)
    tasks[1].terminate()
    assert [task.wait(timeout=300) for task in tasks] == [0, 0]
    said = status(folder)
    assert said["state"] == "stopped"
    assert checkpoint.read_counters(folder / "training" / "checkpoint.safetensors").step == said["step"]


def slurm(number: int) -> dict[str, str]:
    """What SLURM tells task `number` of two on one node."""
    names = {
        "NTASKS": 2,
        "NTASKS_PER_NODE": 2,
        "JOB_NAME": "gwae",
        "STEP_ID": 0,
        "JOB_ID": os.getpid() % 10_000,
        "NODEID": 0,
    }
    names |= {"PROCID": number, "LOCALID": number, "NODELIST": "localhost"}
    return {f"SLURM_{name}": str(value) for name, value in names.items()}


def test_a_failure_before_the_first_step_is_told_once_and_leaves_nothing(tmp_path):
    recipe = tmp_path / "lost.yaml"
    recipe.write_text(yaml.safe_dump({"data": {"name": "folder", "path": str(tmp_path / "nowhere")}}), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", *command(recipe, tmp_path / "run")],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 2
    assert [line for line in ended.stderr.splitlines() if "nowhere" in line] == [
        f"{tmp_path / 'nowhere'}: no such folder or zip; set data.path to one that holds pictures."
    ]
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("fault", "sentence"), [("full", "the disk is full"), ("lost", "no pictures on this machine")])
def test_the_failure_of_one_process_ends_both_and_is_told_once(recipe, tmp_path, fault, sentence):
    """The leading one cannot write in the middle; the other one cannot read (tests/parallel_faults.py)."""
    folder = tmp_path / "run"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.parallel_faults", fault, *command(recipe, folder)[1:]],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count(sentence) == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert folder.exists() == (fault == "full")
    if fault == "full":
        assert status(folder)["state"] == "failed"
        assert sentence in status(folder)["message"]


# --- one process --------------------------------------------------------------------------------------------------


def test_alone_everything_is_what_it_is():
    rows = torch.arange(6.0).reshape(3, 2)
    assert ALONE.leads
    assert ALONE.rows(rows) is rows
    assert ALONE.whole(rows) is rows
    assert ALONE.most(3) == 3
    assert ALONE.broadcast({"loss": 2.0}) == {"loss": 2.0}
    assert ALONE.first(lambda: 7) == 7
    assert not ALONE.mean({"loss": rows.sum().requires_grad_()})["loss"].requires_grad


class Quarter(Share):
    """The third of four processes, without the others."""

    def __init__(self):
        super().__init__()
        self.size, self.rank = 4, 2


def test_noise_is_that_of_the_whole_batch():
    torch.manual_seed(3)
    whole = torch.randn(8, 5)
    torch.manual_seed(3)
    assert torch.equal(Quarter().normal(torch.empty(2, 5)), whole[4:6])
    torch.manual_seed(3)
    uniform = torch.rand(8, 1)
    torch.manual_seed(3)
    assert torch.equal(Quarter().uniform(torch.empty(2, 5)), uniform[4:6])


def test_a_batch_that_cannot_be_divided_is_refused():
    _require_divisible(12, 3)
    with pytest.raises(UserError, match="batch_size=16 cannot be divided among 3 processes; choose a multiple of 3"):
        _require_divisible(16, 3)


def test_an_error_of_all_processes_is_told_by_the_leading_one():
    with pytest.raises(UserError) as raised, ALONE.alike():
        raise UserError("lower optim.lr")
    assert not isinstance(raised.value, EchoError)
    with pytest.raises(EchoError), Quarter().alike():
        raise UserError("lower optim.lr")


def test_devices_this_machine_lacks_are_refused():
    with pytest.raises(UserError, match="--accelerator cuda --devices 9: not that many on this machine"):
        hardware.launch(hardware.Hardware(accelerator="cuda", devices=9))


@pytest.mark.parametrize("devices", [1, 4])
def test_another_number_of_tasks_than_slurm_s_is_refused(monkeypatch, devices):
    """A SLURM job of two tasks; four or one asked for."""
    for name, value in slurm(0).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="the launcher started another number of processes"):
        hardware.launch(hardware.Hardware(accelerator="cpu", devices=devices))
