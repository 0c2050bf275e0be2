"""Run folders edited by hand, and pictures that are missing or broken: one sentence, and nothing good is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.interruptions import Here, contents, make, resumed
from tests.trainings import assert_same_training
from trainer.errors import UserError
from trainer.jobs import queue, task
from trainer.runs import monitor
from trainer.runs.status import look, look_at_all
from trainer.system import locks
from trainer.training import checkpoint

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links of Unix")

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
    ("training/status.json", "gone"),
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
    assert look(stopped).phase in ("stopped", "interrupted")
    assert resumed(stopped).phase == "finished"
    if name == "history.csv":
        (stopped / name).write_bytes((whole / name).read_bytes())  # what was there before is lost, and nothing else
    assert_same_training(whole, stopped)


def test_the_model_of_a_finished_run_is_made_anew_from_its_checkpoint(here, whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "runs" / "a")
    (folder / "model.safetensors").unlink()
    assert look(folder).phase == "interrupted"
    assert resumed(folder).phase == "finished"
    assert_same_training(whole, folder)


MESSAGES = [
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


@pytest.mark.parametrize(("name", "kind", "said"), MESSAGES)
def test_damage_that_is_told(here, stopped, whole, tmp_path, name, kind, said):
    shutil.copytree(stopped, tmp_path / "kept")
    into(stopped / name, kind)
    damaged = (stopped / "training" / "checkpoint.safetensors").read_bytes()
    assert look(stopped).phase == "stopped"
    failed = queue.start(stopped)
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
    assert look(stopped).phase == "model only"
    with pytest.raises(UserError, match="cannot be continued; train a new one like it"):
        queue.start(stopped)
    assert (stopped / "model.safetensors").read_bytes() == model


@pytest.mark.parametrize("kind", ["garbage", "empty", "a folder", "a circle", "gone"])
def test_a_config_that_is_none_any_more(here, stopped, kind):
    kept = (stopped / "training" / "checkpoint.safetensors").read_bytes()
    text = (stopped / "config.yaml").read_text(encoding="utf-8")
    into(stopped / "config.yaml", kind)
    is_file = kind in ("garbage", "empty")
    assert [found.phase for found in look_at_all(stopped.parent)] == ["stopped"] * is_file
    with pytest.raises(UserError, match=r"config\.yaml"):
        queue.start(stopped)
    into_place(Path("/nowhere"), stopped / "config.yaml")
    (stopped / "config.yaml").write_text(text, encoding="utf-8")
    assert (stopped / "training" / "checkpoint.safetensors").read_bytes() == kept
    assert look(stopped).can_start


def test_a_training_whose_config_is_removed_meanwhile_can_still_be_stopped(stopped):
    (stopped / "config.yaml").unlink()
    with locks.exclusive(stopped / "training" / "lock", "held"):
        assert [(found.name, found.is_active) for found in look_at_all(stopped.parent)] == [("a", True)]
        queue.stop(stopped)
        assert (stopped / "training" / "stop").is_file()


@pytest.mark.parametrize(
    "request_",
    ["", "{", "[]", '{"queued": "x"}', '{"max_minutes": "x"}', '{"max_minutes": -3}', '{"data_root": [1]}'],
)
def test_a_place_in_the_queue_edited_by_hand(here, stopped, request_):
    (stopped / "training" / "request.json").write_text(request_, encoding="utf-8")
    assert look(stopped).phase == "queued"
    queue.dispatch(stopped.parent)
    assert look(stopped).phase == "finished"


def test_a_run_that_cannot_be_started_does_not_hold_up_the_queue(here, stopped, monkeypatch):
    """The system refuses the first one its process: no memory, too many processes, an argument that is none."""
    other = shutil.copytree(stopped, stopped.with_name("b"))
    for queued, folder in enumerate((stopped, other)):
        request = {"queued": queued, "data_root": "refused" if folder == stopped else None}
        (folder / "training" / "request.json").write_text(json.dumps(request), encoding="utf-8")

    def choose(command: list[str], **options: object) -> Here:
        if "refused" in command[-1]:
            command = [*command, "a\x00b"]
            return subprocess.Popen(command)
        return Here(command, **options)

    monkeypatch.setattr(task.subprocess, "Popen", choose)
    queue.dispatch(stopped.parent)
    assert look(stopped).phase == "failed"
    assert "could not be started (embedded null byte)" in look(stopped).message
    assert look(other).phase == "finished"


# --- what is trained on ----------------------------------------------------------------------------------------------


def test_a_corrupt_picture_in_a_zip_is_left_out(here, source, tmp_path):
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in contents(source).items():
            opened.writestr(name, content)
        opened.writestr("train/broken.png", b"\x89PNG\r\n\x1a\nnothing")
        opened.writestr("train/cut.png", content[: len(content) // 2])
    folder = make(tmp_path / "runs" / "a", archive)
    assert resumed(folder).phase == "finished"
    assert [line.split(":")[0] for line in monitor.skipped(folder)] == ["train/broken.png", "train/cut.png"]


def test_pictures_that_are_gone_when_it_is_resumed(here, stopped, source, tmp_path):
    text = (stopped / "config.yaml").read_text(encoding="utf-8")
    (stopped / "config.yaml").write_text(text.replace(str(source), str(tmp_path / "elsewhere")), encoding="utf-8")
    kept = contents(stopped)["training/checkpoint.safetensors"]
    failed = queue.start(stopped)
    assert (failed.phase, failed.can_start) == ("failed", True)
    assert "no such folder or zip" in failed.message
    assert contents(stopped)["training/checkpoint.safetensors"] == kept
    shutil.copytree(source, tmp_path / "elsewhere")
    assert resumed(stopped).phase == "finished"


def test_a_config_of_another_model_keeps_the_checkpoint(here, stopped, whole):
    text = (stopped / "config.yaml").read_text(encoding="utf-8")
    kept = contents(stopped)["training/checkpoint.safetensors"]
    (stopped / "config.yaml").write_text(text.replace("z_dim: 4", "z_dim: 6"), encoding="utf-8")
    failed = queue.start(stopped)
    assert failed.phase == "failed"
    assert "truncated or of another configuration" in failed.message
    assert contents(stopped)["training/checkpoint.safetensors"] == kept
    (stopped / "config.yaml").write_text(text, encoding="utf-8")
    assert resumed(stopped).phase == "finished"
    assert_same_training(whole, stopped)
