"""Conditions of a training are reported before it; changed pictures, full disks and little memory are named."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path

import pytest

from tests.hostile.zips import picture
from trainer import __main__ as command
from trainer import config
from trainer.errors import UserError
from trainer.latent import map as mapping
from trainer.runs.folder import Run
from trainer.system import files
from trainer.training.conditions import conditions


def recipe(tmp_path: Path, pictures: Path, **prior) -> Path:
    path = tmp_path / "recipe.yaml"
    settings = {
        "name": "own",
        "data": {"name": "folder", "path": str(pictures), "size": 32, "channels": 1},
        "model": {"kind": "vae", "z_dim": 2, "width": 4},
        "prior": {"kind": "normal"},
        "optim": {"max_steps": 4, "batch_size": 4, "validate_every": 2},
    }
    path.write_text(config.from_dict(settings).to_yaml())
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.png").write_bytes(picture(8 * number))
    return folder


def test_a_resumed_run_whose_pictures_changed_says_so_and_asks(tmp_path, own, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    asked = recipe(tmp_path, Path("pictures"))
    assert command.main(["fit", str(asked), "--out", str(run)]) == 0
    assert Run(run).config.data.path == str(own)  # stored whole: a run is resumed from anywhere
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("max_steps: 4", "max_steps: 8"))
    monkeypatch.chdir("/")
    for number in range(30, 40):
        (own / f"{number}.png").write_bytes(picture(number))
    capsys.readouterr()
    assert command.main(["resume", str(run)]) == 2
    said = capsys.readouterr().err
    assert "its training pictures have changed since the last checkpoint" in said
    assert "--changed-data" in said
    assert command.main(["resume", str(run), "--changed-data"]) == 0
    assert not (run / "training" / "changed_data").exists()
    (run / "config.yaml").write_text(text.replace("max_steps: 4", "max_steps: 12"))
    assert command.main(["resume", str(run)]) == 0  # from now on these are its pictures


def test_what_was_understood_is_said_before_training(tmp_path, own, caplog):
    caplog.set_level("INFO", "trainer")
    assert command.main(["fit", str(recipe(tmp_path, own)), "--out", str(tmp_path / "run")]) == 0
    assert "split by name; no classes." in caplog.text


def test_fewer_pictures_than_components():
    mixture = {"kind": "gmp", "components": 50, "warm_start": True}
    settings = config.from_dict({"prior": mixture, "optim": {"warmup_steps": 5}})
    assert "fewer than the 50 mixture components" in conditions(settings, 40)[0]
    assert conditions(settings, 60) == []
    assert conditions(config.Config(), 5) == []


def test_memory_is_named():
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")):
        with (
            pytest.raises(UserError, match="not enough memory for this; close something"),
            files.memory_explained("close something"),
        ):
            raise error
    with pytest.raises(RuntimeError, match="shapes"), files.memory_explained("x"):
        raise RuntimeError("shapes differ")


def test_a_full_disk_is_named_whatever_the_library_says(tmp_path):
    for error in (
        OSError(errno.ENOSPC, "x"),
        OSError("[Errno 28] Error writing bytes to file"),
        ValueError("x (os error 28)"),
    ):
        assert "no space left on the disk" in str(files.explained(error, tmp_path))


def test_umap_has_a_cache_where_nothing_may_be_written(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(mapping.os, "access", lambda *args: False)
    mapping._provide_numba_cache()
    folder = Path(mapping.os.environ["NUMBA_CACHE_DIR"])
    assert folder.is_dir()
    folder.rmdir()


def test_progress_into_a_file_is_a_line_for_each_part(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    for what in ("reconstruction", "clustering"):
        for done in range(101):
            command._on_stderr(what, done, 100)
    assert out.getvalue() == "reconstruction\nclustering\n"


def test_home_and_variables_in_the_data_root(monkeypatch, tmp_path):
    from trainer.data import default_data_root

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GWAE_DATA", "~/data")
    assert default_data_root() == tmp_path / "data"
    monkeypatch.setenv("BASE", str(tmp_path))
    monkeypatch.setenv("GWAE_DATA", "$BASE/d")
    assert default_data_root() == tmp_path / "d"
