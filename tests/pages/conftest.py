"""Run folders for the page tests: made once per session, shown to the app through GWAE_RUNS."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog
from tests.fixtures import make_run
from tests.outliers import add_scores
from trainer.jobs import queue
from trainer.system import ROOT, processes

APP = ROOT / "explorer" / "app.py"


@pytest.fixture(scope="session")
def made_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder with one small model per kind, never to be changed by a test."""
    root = tmp_path_factory.mktemp("runs")
    make_run(root / "small-gmp")
    make_run(root / "small-np", prior="np", z_dim=4)
    make_run(root / "small-vae", kind="vae")
    return root


@pytest.fixture
def runs(made_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty 'pretrained' and a runs folder of links to the made ones, to which a test may add."""
    root = tmp_path / "runs"
    root.mkdir()
    for made in made_runs.iterdir():
        os.symlink(made, root / made.name)
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", root))
    before = stamps(made_runs)
    yield root
    assert stamps(made_runs) == before, "a made run was changed for all later tests; change a copy (`own`)"


def stamps(root: Path) -> dict[Path, tuple[int, int]]:
    """When each file was last written, and its size."""
    return {path: catalog.stamp(path) for path in root.rglob("*") if path.is_file()}


def own(runs: Path, name: str) -> Path:
    """A copy in place of the link to a made run, which the test may change."""
    made = (runs / name).resolve()
    (runs / name).unlink()
    return Path(shutil.copytree(made, runs / name))


@pytest.fixture
def app(runs: Path) -> AppTest:
    """The whole app on the folders of `runs`, not run yet."""
    return AppTest.from_file(str(APP), default_timeout=60)


@pytest.fixture(scope="session")
def made_scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models with out-of-distribution scores and one without, never to be changed."""
    root = tmp_path_factory.mktemp("ood") / "runs"
    add_scores(make_run(root / "small-gmp"), detectors=True)
    add_scores(make_run(root / "small-vae", kind="vae"))
    add_scores(make_run(root / "small-dagmm", kind="dagmm"))
    make_run(root / "unscored", prior="np", z_dim=4)
    return root


@pytest.fixture
def scored_runs(made_scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Private copies of the scored models, and a data root that holds nothing."""
    root = Path(shutil.copytree(made_scored, tmp_path / "runs"))
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", root))
    monkeypatch.setenv("GWAE_DATA", str(tmp_path / "data"))
    return root


@pytest.fixture
def launched(runs, monkeypatch):
    """Names of the runs whose processes would have been started; each then counts as this very process's."""
    names: list[str] = []

    def pretend(folder: Path) -> None:
        names.append(folder.name)
        (folder / "training" / "request.json").unlink()
        reported = {"pid": os.getpid(), "started": processes.start_time(os.getpid())}
        (folder / "training" / "launch.json").write_text(json.dumps(reported), encoding="utf-8")

    monkeypatch.setattr(queue, "_launch", pretend)
    return names
