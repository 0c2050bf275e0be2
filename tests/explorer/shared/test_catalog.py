from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import get_args

import pytest

from explorer.shared import catalog
from tests.fixtures import make_run
from trainer.config import Config, Dataset
from trainer.data.registry import DATASETS


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("made")
    make_run(root / "one")
    return root / "one"


@pytest.fixture
def runs(made, tmp_path, monkeypatch) -> Path:
    root = tmp_path / "runs"
    shutil.copytree(made, root / "one")
    monkeypatch.setenv(catalog.RUNS_VARIABLE, str(root))
    return root


def own() -> dict[str, catalog.Entry]:
    return {entry.name: entry for entry in catalog.entries() if not entry.bundled}


def test_an_entry_says_what_the_model_is(runs):
    entry = own()["one"]
    assert entry.broken is None
    assert entry.hash == hashlib.sha256((runs / "one" / "model.safetensors").read_bytes()).hexdigest()[:12]
    assert (entry.data_title, entry.prior_title) == ("MNIST", "mixture of 10 Gaussians")
    assert (entry.model_kind, entry.z_dim, entry.image_shape) == ("gwae", 8, (1, 32, 32))
    assert [metric.name for metric in entry.key_metrics] == ["PSNR", "SSIM", "cluster accuracy"]
    assert catalog.find("one") == entry
    assert catalog.find("two") is None


def truncate(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


DAMAGE = {
    "truncated weights": (truncate, "truncated"),
    "text as weights": (lambda f: (f / "model.safetensors").write_text("hello, I am no model"), "no safetensors file"),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "no safetensors file"),
    "list as header": (
        lambda f: (f / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"[]"),
        "no safetensors file",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "resume"),
    "no config": (lambda f: (f / "config.yaml").unlink(), "config.yaml"),
    "no YAML": (lambda f: (f / "config.yaml").write_text("a: [1,"), "YAML"),
    "unknown key": (lambda f: (f / "config.yaml").write_text("modle: {}"), "modle"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_folder_is_told_of_and_hides_nothing(runs, made, kind):
    damage, word = DAMAGE[kind]
    shutil.copytree(made, runs / "bad")
    damage(runs / "bad")
    found = own()
    assert set(found) == {"one", "bad"}
    assert word in found["bad"].broken
    assert "bad" in found["bad"].broken
    assert found["one"].broken is None
    assert "bad" not in {entry.name for entry in catalog.usable()}


def test_numbers_of_another_checkpoint_are_not_shown(runs):
    metrics = own()["one"].metrics
    records = [asdict(metrics[0]), asdict(replace(metrics[1], checkpoint="0123456789ab"))]
    (runs / "one" / "metrics.json").write_text(json.dumps(records))
    entry = own()["one"]
    assert [metric.name for metric in entry.metrics] == ["PSNR"]
    assert "older checkpoint" in entry.note
    assert entry.older


def test_damaged_numbers_leave_the_model_usable(runs):
    (runs / "one" / "metrics.json").write_text("{")
    entry = own()["one"]
    assert entry.broken is None
    assert entry.metrics == ()
    assert "evaluate" in entry.note


def test_weights_are_hashed_once_and_again_when_they_change(runs, made, monkeypatch):
    calls = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: calls.append(1) or digest(*given))
    before = own()["one"].hash
    own(), own()
    assert len(calls) == 1
    weights = runs / "one" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(1, 1))
    after = own()["one"]
    assert len(calls) == 2
    assert after.hash != before
    assert after.metrics == ()  # they belong to the old weights


def test_only_run_folders_count(runs):
    (runs / "notes").mkdir()
    (runs / "notes" / "todo.txt").write_text("no run")
    (runs / ".hidden").mkdir()
    (runs / ".hidden" / "config.yaml").write_text("{}")
    (runs / "config.yaml").write_text("{}")
    assert set(own()) == {"one"}


def test_names_stay_unique_when_a_run_is_called_like_a_bundled_model(runs, monkeypatch):
    monkeypatch.setattr(catalog, "roots", lambda: (runs, runs))
    found = catalog.entries()
    assert [(entry.name, entry.bundled) for entry in found] == [("one", True), ("runs/one", False)]
    assert catalog.find("runs/one").path == runs / "one"


def test_absent_folders_are_empty(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "a", tmp_path / "b"))
    assert catalog.entries() == []


def test_two_runs_of_one_recipe_are_told_apart(runs):
    """Both hold the same config.name and card; the folder is what differs."""
    shutil.copytree(runs / "one", runs / "again")
    assert {entry.name for entry in own().values()} == {"one", "again"}


@pytest.mark.parametrize(
    ("data", "title"),
    [
        ({"name": "celeba", "size": 64, "channels": 3}, "CelebA"),
        ({"name": "shapes3d-rendered"}, "3D Shapes (rendered)"),
        ({"name": "folder", "path": "pictures/of cats"}, "of cats"),
    ],
)
def test_every_data_set_has_its_title(data, title):
    assert catalog.data_title(Config.model_validate({"name": "a", "data": data})) == title
    assert set(DATASETS) == set(get_args(Dataset))
