"""A run of six steps, and a copy of it in a folder of runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.trainings import pictures, settings, train
from trainer.runs.folder import create


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture(scope="package")
def once(tmp_path_factory) -> Path:
    """A run of six steps."""
    folder = tmp_path_factory.mktemp("once") / "a"
    create(folder, settings(name="a", optim={"max_steps": 6}))
    train(folder, None, pictures(20))
    return folder


@pytest.fixture
def trained(root, once) -> Path:
    """The same, in a folder of runs of its own."""
    return shutil.copytree(once, root / "a")
