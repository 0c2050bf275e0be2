"""Conditions of a training are reported before it; changed pictures, full disks and little memory are named."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tqdm

from tests.hostile.zips import picture
from trainer import __main__ as command
from trainer import config
from trainer.data import shapes3d
from trainer.data.download import fetch
from trainer.errors import UserError
from trainer.latent import embedding
from trainer.runs.folder import Run
from trainer.system import ROOT, files
from trainer.training.conditions import conditions, remarks


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
    assert "split by name; no classes; about 8x8 pixels, grey" in caplog.text


def test_fewer_pictures_than_components():
    mixture = {"kind": "gmp", "components": 50, "warm_start": True}
    settings = config.from_dict({"prior": mixture, "optim": {"warmup_steps": 5}})
    assert "fewer than the 50 mixture components" in conditions(settings, 40)[0]
    assert conditions(settings, 60) == []
    assert conditions(config.Config(), 5) == []


def test_a_batch_of_more_than_all_pictures_and_a_missing_test_split_are_remarked(tmp_path, own, caplog):
    settings = config.from_dict({"optim": {"batch_size": 64}})
    assert "fewer than a batch of 64" in remarks(settings, 40, 5)[0]
    assert "cannot be measured" in remarks(settings, 64, 0)[0]
    assert remarks(settings, 64, 1) == []
    caplog.set_level("WARNING", "trainer")
    asked = str(recipe(tmp_path, own))
    run = ["fit", asked, "--set", "optim.batch_size=40", "--set", "optim.max_steps=2", "--out", str(tmp_path / "run")]
    assert command.main(run) == 0
    assert "fewer than a batch of 40" in caplog.text


def without_home(*arguments: str) -> subprocess.CompletedProcess:
    """A process whose home nobody may write to, not even root."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "GWAE_"))}
    variables |= {"HOME": "/proc", "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], env=variables, cwd=ROOT, text=True, capture_output=True)


PAGE = """
from streamlit.testing.v1 import AppTest
from trainer.jobs import task
app = AppTest.from_file("explorer/app.py", default_timeout=60).run()
assert not app.exception and app.title[0].value, app.exception
(task.cache_folder() / "x").write_text("")
(task.cache_folder() / "x").unlink()
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder that nobody may write to")
def test_a_home_that_is_read_only():
    shown = without_home("-c", PAGE)
    assert shown.returncode == 0, shown.stderr
    listed = without_home("-m", "trainer", "list")
    assert listed.returncode == 0
    assert listed.stderr == ""


def test_too_few_pictures_for_neighbours():
    mixture = {"kind": "gmp", "components": 3, "warm_start": True, "placement": "neighbours"}
    settings = config.from_dict({"prior": mixture, "optim": {"warmup_steps": 5}})
    assert "too few for 15 neighbours of each; add pictures, or set prior.placement=em." in conditions(settings, 15)[0]
    assert conditions(settings, 16) == []


def test_memory_is_named():
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")):
        with (
            pytest.raises(UserError, match="not enough memory for this; close something"),
            files.memory_explained("close something"),
        ):
            raise error
    with pytest.raises(RuntimeError, match="shapes"), files.memory_explained("x"):
        raise RuntimeError("shapes differ")


LITTLE = """
import resource, sys
import torch
from pathlib import Path
from trainer import __main__ as command
import trainer.training.fit, trainer.training.hardware
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 600 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(command.main(sys.argv[1:]))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="Linux limits the memory of a process")
def test_a_limit_of_memory_is_named_by_a_training(tmp_path, own):
    asked = ["fit", str(recipe(tmp_path, own)), "--set", "optim.batch_size=4096", "--set", "model.width=64"]
    ended = subprocess.run(
        [sys.executable, "-c", LITTLE, *asked, "--out", str(tmp_path / "run")],
        cwd=ROOT, text=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr[-2000:]
    assert "There is not enough memory for this; lower optim.batch_size" in ended.stderr.splitlines()[-1]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 12 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)]
    if os.name == "nt" or not shutil.which("mount") or subprocess.run(options, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("left", [0, 3000, 40_000])
def test_a_disk_that_is_nearly_full_during_an_evaluation(small_disk, tmp_path, own, capsys, left):
    run = small_disk / "run"
    assert command.main(["fit", str(recipe(tmp_path, own)), "--out", str(run)]) == 0
    weights = (run / "model.safetensors").read_bytes()
    with contextlib.suppress(OSError), open(small_disk / "rest", "wb", buffering=0) as rest:
        while rest.write(bytes(4096)):
            pass
    os.truncate(small_disk / "rest", max(0, (small_disk / "rest").stat().st_size - left))
    capsys.readouterr()
    assert command.main(["evaluate", str(run)]) == 2
    assert "no space left on the disk; free some" in capsys.readouterr().err.splitlines()[-1]
    assert (run / "model.safetensors").read_bytes() == weights
    assert not list(run.rglob("*.tmp"))
    (small_disk / "rest").unlink()
    assert command.main(["evaluate", str(run), "--only", "reconstruction"]) == 0


def test_a_full_disk_is_named_whatever_the_library_says(tmp_path):
    for error in (
        OSError(errno.ENOSPC, "x"),
        OSError("[Errno 28] Error writing bytes to file"),
        ValueError("x (os error 28)"),
    ):
        assert "no space left on the disk" in str(files.explained(error, tmp_path))


def test_umap_has_a_cache_where_nothing_may_be_written(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(embedding.os, "access", lambda *args: False)
    embedding._provide_numba_cache()
    folder = Path(embedding.os.environ["NUMBA_CACHE_DIR"])
    assert folder.is_dir()
    folder.rmdir()


def test_progress_into_a_file_is_a_line_for_each_part(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    for what in ("reconstruction", "clustering"):
        for done in range(101):
            command._on_stderr(what, done, 100)
    assert out.getvalue() == "reconstruction\nclustering\n"


class Pipe(io.StringIO):
    """A standard error that is no terminal."""


def test_bars_into_a_file_are_a_line_now_and_then(monkeypatch, tmp_path):
    out = Pipe()
    monkeypatch.setattr(sys, "stderr", out)

    def download():
        for _ in tqdm.tqdm(range(5000), mininterval=0, miniters=1):
            pass

    fetch(download, title="Digits", place=tmp_path, url="x")
    blocks = list(shapes3d._reporting("rendering", 32, lambda progress: (progress(i, 9) for i in range(5000)), None))
    assert len(blocks) == 5000
    assert out.getvalue().replace("\r", "\n").count("\n") < 8


def test_home_and_variables_in_the_data_root(monkeypatch, tmp_path):
    from trainer.data import default_data_root

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GWAE_DATA", "~/data")
    assert default_data_root() == tmp_path / "data"
    monkeypatch.setenv("BASE", str(tmp_path))
    monkeypatch.setenv("GWAE_DATA", "$BASE/d")
    assert default_data_root() == tmp_path / "d"
