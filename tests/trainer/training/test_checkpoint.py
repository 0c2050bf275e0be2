"""The resumable state: everything comes back exactly, and nothing else is taken for it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from tests.trainings import CPU, FEW, assert_same_training, pictures, settings, state, train
from trainer.errors import UserError
from trainer.runs.folder import Run, create
from trainer.training import checkpoint
from trainer.training.fit import Trainer
from trainer.training.history import Counters


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "trained"
    train(folder, settings(prior={"kind": "gmp"}))
    return folder


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    """A run folder with the configuration and checkpoint of the trained one, to be damaged."""
    made = create(tmp_path / "copy", Run(trained).config)
    made.checkpoint_path.parent.mkdir()
    made.checkpoint_path.write_bytes(Run(trained).checkpoint_path.read_bytes())
    return made.path


def restored(folder: Path) -> Trainer:
    return Trainer(Run(folder), pictures(), hardware=CPU)


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        restored(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_saved_and_loaded_is_the_same_file(trained, copy):
    """Saving what was loaded gives the file back: nothing is lost, nothing gained."""
    trainer = restored(copy)
    trainer._checkpoint(validate=False)
    first, second = state(trained), state(copy)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert trainer.counters == checkpoint.read_counters(Run(trained).checkpoint_path)
    assert trainer.counters.step == 14


def test_it_holds_all_that_a_training_is_made_of(trained):
    names = state(trained)
    groups = {name.split("/")[0] for name in names}
    assert groups == {"model", "main", "critic", "random", "generator"}
    weights = [name for name in names if name.startswith("model/")]
    model = Run(trained).load_model()
    assert len(weights) == len(model.state_dict())
    trained_by_main = sum(1 for name, _ in model.named_parameters() if not name.startswith("critic."))
    trained_by_critic = sum(1 for name, _ in model.named_parameters() if name.startswith("critic."))
    for player, count in (("main", trained_by_main), ("critic", trained_by_critic)):
        for moment in ("exp_avg", "exp_avg_sq", "step"):
            assert sum(1 for n in names if n.startswith(f"{player}/") and n.endswith(f".{moment}")) == count
    with safe_open(Run(trained).checkpoint_path, framework="pt") as file:
        assert json.loads(file.metadata()["counters"])["step"] == 14


def test_moments_lie_in_memory_as_their_weights_do(copy):
    """Fused Adam walks through memory: moments in another order would move the wrong weights (they once did)."""
    trainer = restored(copy)
    strided = 0
    for player in ("main", "critic"):
        for weight, slots in trainer.players.optimizers[player].state.items():
            assert {slots[name].stride() for name in ("exp_avg", "exp_avg_sq")} == {weight.stride()}
            strided += weight.ndim == 4 and not weight.is_contiguous()
    assert strided >= 4  # channels last does matter here


def test_pending_sums_are_kept(copy):
    trainer = restored(copy)
    trainer.recorder.add({"loss": torch.tensor(3.0), "gw": torch.tensor(0.25)})
    trainer.recorder.add({"loss": torch.tensor(4.0), "gw": torch.tensor(0.25)})
    trainer._checkpoint(validate=False)
    sums = restored(copy).recorder.sums
    assert {name: value.item() for name, value in sums.items()} == {"loss": 7.0, "gw": 0.5, "steps": 2}


def test_counters_with_infinity_survive(copy):
    trainer = restored(copy)
    trainer.counters = Counters(step=3, seconds=0.1 + 0.2, best=float("inf"), best_step=2, stale=1)
    trainer._checkpoint(validate=False)
    assert checkpoint.read_counters(Run(copy).checkpoint_path) == trainer.counters


# --- files that are none ---------------------------------------------------------------------------------------------

ANEW = "truncated or of another configuration; start the training anew."


@pytest.mark.parametrize("length", [0, 6, 500, -4])
def test_truncated(copy, length):
    path = Run(copy).checkpoint_path
    path.write_bytes(path.read_bytes()[:length])
    assert refusal(copy) == f"{path}: {ANEW}"


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        ({"weight": torch.zeros(2)}, None),
        ({"weight": torch.zeros(2)}, {"format": "pt"}),
        ({"weight": torch.zeros(2)}, {"counters": "no json"}),
        ({"weight": torch.zeros(2)}, {"counters": "[1]"}),
        ({"weight": torch.zeros(2)}, {"counters": '{"steps": 1}'}),
        ({"weight": torch.zeros(2)}, {"counters": '{"step": 1}'}),
        ({"model/weight": torch.zeros(2)}, {"counters": '{"step": 1}'}),
    ],
)
def test_foreign(copy, tensors, metadata):
    path = Run(copy).checkpoint_path
    save_file(tensors, path, metadata=metadata)
    assert refusal(copy) == f"{path}: {ANEW}"


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"z_dim": 5}},
        {"prior": {"kind": "np"}},
        {"prior": {"kind": "gmp", "components": 4}},
        {"model": {"kind": "vae"}, "prior": {"kind": "normal"}},
        {"prior": {"kind": "gmp"}, "optim": {"name": "rmsprop"}},  # same weights, other moments
    ],
)
def test_a_config_that_was_changed_into_another_model(copy, change):
    (copy / "config.yaml").write_text(settings(**change).to_yaml(), encoding="utf-8")
    assert refusal(copy) == f"{Run(copy).checkpoint_path}: {ANEW}"


def test_moments_of_other_weights(copy):
    path = Run(copy).checkpoint_path
    tensors = load_file(path)
    tensors["main/0.exp_avg"] = torch.zeros(3)
    save_file(tensors, path, metadata={"counters": '{"step": 1}'})
    assert refusal(copy) == f"{path}: {ANEW}"


def test_a_damaged_history_is_told(copy):
    for content in (b"step,loss\n1,abc\n", b"loss\n1\n", b"step,loss\n1,2,3\n", b"\xff\xfe", b"step\nx\n"):
        (copy / "history.csv").write_bytes(content)
        assert refusal(copy) == f"{copy / 'history.csv'}: damaged; delete it, and the training resumes with a new one."


# --- a full disk -----------------------------------------------------------------------------------------------------


def resumes_as_if_nothing_had_been(folder: Path, tmp_path: Path) -> None:
    assert train(folder, settings()) == ("finished", 14, True)
    train(tmp_path / "whole", settings())
    assert_same_training(tmp_path / "whole", folder)


@pytest.mark.parametrize("how", ["safetensors", "fsync"])
def test_a_disk_that_fills_up_keeps_the_previous_checkpoint(tmp_path, monkeypatch, how):
    folder = tmp_path / "run"
    writing, sync = checkpoint.save_file, os.fsync
    written = []

    def save(tensors, path, metadata):
        written.append(path)
        writing(tensors, path, metadata=metadata)
        if len(written) > 1 and how == "safetensors":
            os.truncate(path, 1_000)
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    def flush(handle):
        if len(written) > 1 and how == "fsync":
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(checkpoint, "save_file", save)
    monkeypatch.setattr(os, "fsync", flush)
    with pytest.raises(
        UserError, match="no space left on the disk; free some and resume, nothing saved before is lost"
    ):
        train(folder, settings())
    assert checkpoint.read_counters(Run(folder).checkpoint_path).step == 6
    assert list(folder.rglob("*.tmp")) == []
    monkeypatch.undo()
    resumes_as_if_nothing_had_been(folder, tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """An own file system of 16 MB, room for three checkpoints; only root may make one, and not in every container."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if os.name == "nt" or os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs root and the right to mount a tmpfs; the test with simulated errors covers the rest")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_is_really_full(small_disk, tmp_path):
    folder = small_disk / "run"
    filler = small_disk / "filler"
    create(folder, settings())
    trainer = Trainer(Run(folder), pictures(FEW), hardware=CPU)
    checkpointed = trainer._checkpoint

    def fill_after_the_first(validate: bool) -> None:
        checkpointed(validate)
        filler.write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize - 50_000))

    trainer._checkpoint = fill_after_the_first
    with pytest.raises(UserError, match="no space left on the disk"):
        trainer.fit(progress=False)
    assert checkpoint.read_counters(Run(folder).checkpoint_path).step == 6
    assert Run(folder).load_model().z_dim == 4
    del trainer
    filler.unlink()
    resumes_as_if_nothing_had_been(folder, tmp_path)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads the memory map, which is Linux's")
def test_a_restored_training_does_not_hold_on_to_the_file(copy):
    """A replaced checkpoint that is still mapped would take its place on the disk until the training ends."""
    trainer = restored(copy)
    assert trainer.counters.step == 14
    assert str(copy) not in Path("/proc/self/maps").read_text(encoding="utf-8")
