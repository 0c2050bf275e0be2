"""A training that ended early goes on bit by bit, and no other one takes its place."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml

from tests.trainer.training.watched import KINDS, WARM, ask_to_stop, status
from tests.trainings import CPU, FEW, assert_same_training, history, pictures, settings, state, train, write_pictures
from trainer import data
from trainer.errors import UserError
from trainer.manage.bundle import bundle
from trainer.runs.folder import Run, create
from trainer.system import ROOT, files, locks
from trainer.training import checkpoint, fit, loop, warm_start


@pytest.mark.parametrize("name", KINDS)
def test_resumed_training_is_bit_equal_to_uninterrupted_training(tmp_path, monkeypatch, at_step, name):
    """Stopped in the middle of a row (of 5 steps) and of a validation interval (of 6), then twice more."""
    monkeypatch.setattr(loop, "LOG_EVERY", 5)
    wanted, images = settings(**KINDS[name]), pictures() if name == "best" else None
    assert train(tmp_path / "whole", wanted, images) == ("finished", 14, True)
    assert (tmp_path / "whole" / "ood_history.csv").exists() == (name == "best")  # with enough pictures to score
    for step in (3, 4, 8):
        at_step(step, ask_to_stop)
        assert train(tmp_path / "parts", wanted, images) == ("stopped", step, True)
    torch.rand(3)  # what else the process draws must not matter
    assert train(tmp_path / "parts", wanted, images) == ("finished", 14, True)
    assert_same_training(tmp_path / "whole", tmp_path / "parts")
    assert [row["step"] for row in history(tmp_path / "whole")] == ["5", "6", "10", "12", "14"]
    moments = [key for key in state(tmp_path / "whole") if key.endswith(("exp_avg", "square_avg"))]
    assert any(key.startswith("main/") for key in moments)
    assert any(key.startswith("critic/") for key in moments) == (name not in ("vae", "dagmm"))


def test_a_mixture_is_placed_once_whatever_kills_the_training(tmp_path, monkeypatch, at_step):
    placed, deaths, place = [], [1], warm_start.place_mixture

    def die(trainer):
        if deaths:
            raise KeyboardInterrupt(deaths.pop())  # passes through like a kill: no checkpoint, no last word

    monkeypatch.setattr(warm_start, "place_mixture", lambda *args: (placed.append(1), place(*args)))
    at_step(5, die)  # one step after the placing, before the first validation
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", settings(**WARM))
    assert train(tmp_path / "parts", settings(**WARM)) == ("finished", 14, True)
    assert len(placed) == 1
    train(tmp_path / "whole", settings(**WARM))
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


def test_the_comparison_notices_a_difference(tmp_path):
    train(tmp_path / "a", settings())
    train(tmp_path / "b", settings(seed=1))
    with pytest.raises(AssertionError):
        assert_same_training(tmp_path / "a", tmp_path / "b")


def test_a_run_killed_before_its_first_checkpoint_starts_from_scratch(tmp_path, monkeypatch, at_step):
    monkeypatch.setattr(loop, "LOG_EVERY", 2)

    def die(trainer):
        raise KeyboardInterrupt  # passes through like a kill: no checkpoint, no last word

    at_step(5, die)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", settings())
    assert not (tmp_path / "parts" / "training" / "checkpoint.safetensors").exists()
    assert [row["step"] for row in history(tmp_path / "parts")] == ["2", "4"]
    monkeypatch.undo()
    monkeypatch.setattr(loop, "LOG_EVERY", 2)
    assert train(tmp_path / "parts", settings()) == ("finished", 14, True)
    train(tmp_path / "whole", settings())
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


def test_an_ended_run_is_left_as_it_is(tmp_path, monkeypatch):
    """Also without its data; raising max_steps is how to train on."""
    monkeypatch.setattr(data, "load", lambda *_: pytest.fail("an ended run needs no data"))
    wanted = settings()
    train(tmp_path / "run", wanted)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "status.json"}
    made = Run(tmp_path / "run")
    assert fit.fit(made, progress=False) == ("finished", 14, False)
    assert {path: path.read_bytes() for path in kept} == kept
    assert status(tmp_path / "run")["state"] == "finished"
    text = (tmp_path / "run" / "config.yaml").read_text(encoding="utf-8")
    (tmp_path / "run" / "config.yaml").write_text(text.replace("max_steps: 14", "max_steps: 16"), encoding="utf-8")
    monkeypatch.setattr(data, "load", lambda *_: pictures(FEW))
    assert fit.fit(Run(tmp_path / "run"), progress=False, hardware=CPU) == ("finished", 16, True)


@pytest.mark.timeout(900)  # two processes that each import torch and Lightning, perhaps on a busy machine
def test_killed_in_the_middle_then_resumed(tmp_path):
    """kill -9 of a real process after its first checkpoint; `resume` ends bit-equal to a training never killed."""
    steps = 60
    source = write_pictures(tmp_path / "pictures")
    wanted = settings(
        data={"name": "folder", "path": str(source)}, optim={"max_steps": steps, "validate_every": 10, "batch_size": 8}
    )
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(wanted.model_dump()), encoding="utf-8")
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "trainer"]
    cpu = ["--accelerator", "cpu"]
    process = subprocess.Popen(
        [*command, "fit", str(recipe), "--out", str(folder), *cpu], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 200
        while not (folder / "training" / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    left = status(folder)
    assert (left["state"], left["pid"]) == ("running", process.pid)
    assert not files.is_alive(process.pid)
    counters = checkpoint.read_counters(folder / "training" / "checkpoint.safetensors")
    assert 10 <= counters.step < steps
    leftover = folder / "training" / f".checkpoint.safetensors.{process.pid}.tmp"
    leftover.touch()  # as if the kill had come while it was written

    resumed = subprocess.run([*command, "resume", str(folder), *cpu], cwd=ROOT, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == f"{folder}: finished at step {steps}, checkpoint {Run(folder).hash}\n"
    assert not leftover.exists()
    assert status(folder)["state"] == "finished"
    assert fit.fit(create(tmp_path / "whole", wanted), progress=False, hardware=CPU).step == steps
    assert_same_training(tmp_path / "whole", folder)


def test_a_bundle_is_not_trained_over(tmp_path):
    """It holds weights but not the state they came from; resuming it would start anew and replace them."""
    train(tmp_path / "run", settings(optim={"max_steps": 1}))
    bundled = bundle(Run(tmp_path / "run"), tmp_path / "bundle")
    content = {path.name: path.read_bytes() for path in bundled.path.iterdir()}
    with pytest.raises(UserError, match="holds a finished model without its training; train a new one with 'python"):
        fit.fit(bundled, progress=False)
    assert {path.name: path.read_bytes() for path in bundled.path.iterdir()} == content


def test_a_second_training_of_the_same_run_is_refused(tmp_path):
    made = create(tmp_path / "run", settings())
    (made.path / "training").mkdir()
    with (
        locks.exclusive(made.path / "training" / "lock", "taken"),
        pytest.raises(UserError, match="a training is running here already"),
    ):
        fit.fit(made, progress=False)
