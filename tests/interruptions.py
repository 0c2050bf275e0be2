"""A small training to be interrupted, killed or damaged, and what has to hold afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainings import settings
from trainer.jobs import queue
from trainer.jobs.__main__ import main
from trainer.runs.folder import create
from trainer.runs.status import Training, look
from trainer.system import processes
from trainer.training import checkpoint

DEAD_PID = 2**22 + 1  # above the largest number Linux gives
STEPS, EVERY = 8, 3
"""Steps of the training, and between two of its checkpoints."""


class Here:
    """Stands in for Popen: the training runs at once, in this process, which spares importing torch again."""

    pid = DEAD_PID

    def __init__(self, command: list[str], **_: object):
        self.code = main(command[3:])

    def poll(self) -> int:
        return self.code


def make(folder: Path, source: Path) -> Path:
    """A new run on the pictures in `source`."""
    wanted = settings(
        name="a",
        data={"name": "folder", "path": str(source)},
        optim={"max_steps": STEPS, "validate_every": EVERY},
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    return create(folder, wanted).path


def train_here(folder: Path) -> Path:
    """Train to the end, as a background process would, in this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "lower_priority", lambda: None)
        assert main(["train", str(folder), "{}"]) == 0
    return folder


def checkpointed(folder: Path) -> int:
    """The step of the checkpoint, which can be read."""
    return checkpoint.read_counters(folder / "training" / "checkpoint.safetensors").step


def resumed(folder: Path) -> Training:
    """Resume as the page does; with the fixture `here`, to the end."""
    assert look(folder).can_start
    return queue.start(folder)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def at_second_checkpoint(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something just before the second checkpoint is written by the real function."""
    save, calls = checkpoint.save_file, []

    def acting(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            act()
        return save(*arguments, **options)

    monkeypatch.setattr(checkpoint, "save_file", acting)
