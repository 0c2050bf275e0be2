"""Runs to be interrupted and damaged (tests/interruptions.py)."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import interruptions
from tests.trainings import write_pictures
from trainer.jobs import task
from trainer.runs.status import note
from trainer.system import processes


@pytest.fixture
def here(monkeypatch) -> Iterator[None]:
    """Background trainings run in this process, and have ended when they have been started."""
    level = logging.getLogger("trainer").level
    monkeypatch.setattr(task, "subprocess", SimpleNamespace(Popen=interruptions.Here, DEVNULL=None))
    monkeypatch.setattr(processes, "lower_priority", lambda: None)
    yield
    logging.getLogger("trainer").setLevel(level)


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Path:
    """Pictures to train on."""
    return write_pictures(tmp_path_factory.mktemp("source") / "pictures")


@pytest.fixture(scope="session")
def whole(source, tmp_path_factory) -> Path:
    """The training that nothing befalls."""
    return interruptions.train_here(interruptions.make(tmp_path_factory.mktemp("whole") / "a", source))


@pytest.fixture(scope="session")
def halted(source, tmp_path_factory) -> Path:
    """The same, stopped at its sixth step of eight, where its second checkpoint was written."""
    folder = interruptions.make(tmp_path_factory.mktemp("halted") / "a", source)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(f"max_steps: {interruptions.STEPS}", "max_steps: 6"), encoding="utf-8")
    interruptions.train_here(folder)
    config.write_text(text, encoding="utf-8")
    note(folder, "stopped", "")
    return folder


@pytest.fixture
def stopped(halted, tmp_path) -> Path:
    """A run that can be resumed, to be damaged."""
    return shutil.copytree(halted, tmp_path / "runs" / "a")
