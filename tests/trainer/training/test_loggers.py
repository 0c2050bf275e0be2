"""The numbers of a training in TensorBoard's event files, read back, and in any logger of Fabric's form."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import yaml

from tests.trainings import FEW, history, pictures, settings, write_pictures
from trainer.__main__ import main
from trainer.runs.folder import create
from trainer.training import hardware, loggers
from trainer.training.fit import Trainer


def events(folder: Path) -> dict[str, dict[int, float]]:
    """Scalars of all event files in a folder by tag and step; a tag logged twice at a step fails.

    An event file is a row of records: length (8 bytes), its checksum, a protocol buffer, its checksum.
    """
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            event = Event.FromString(content[place + 12 : place + 12 + length])
            for value in event.summary.value:
                assert event.step not in found.setdefault(value.tag, {})
                found[value.tag][event.step] = value.simple_value
            place += 12 + length + 4
    return found


@pytest.fixture
def recipe(tmp_path) -> Path:
    source = write_pictures(tmp_path / "pictures", train=40)
    wanted = settings(data={"name": "folder", "path": str(source)}, optim={"max_steps": 20, "validate_every": 10})
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(wanted.model_dump()), encoding="utf-8")
    return tmp_path / "recipe.yaml"


def test_event_files_hold_the_rows_of_the_history(tmp_path, recipe):
    folder = tmp_path / "run"
    assert main(["fit", str(recipe), "--out", str(folder), "--accelerator", "cpu", "--logger", "tensorboard"]) == 0
    found = events(folder / "training" / "tensorboard")
    rows = history(folder)
    assert len(rows) >= 2
    for row in rows:
        for name, text in row.items():
            if name != "step":
                is_validation = name.startswith("validation ")
                tag = f"validation/{name[11:]}" if is_validation else f"training/{name}"
                tag = tag.replace(" ", "_")
                assert found[tag][int(float(row["step"]))] == pytest.approx(float(text), rel=1e-6, abs=1e-30)
    assert sum(len(steps) for tag, steps in found.items() if tag != "training/seconds") == sum(
        len(row) - 1 for row in rows
    )


def test_without_it_there_are_none(tmp_path, recipe):
    assert main(["fit", str(recipe), "--out", str(tmp_path / "run"), "--accelerator", "cpu"]) == 0
    assert not (tmp_path / "run" / "training" / "tensorboard").exists()


def test_any_logger_of_fabric_takes_the_rows(tmp_path):
    """The interface that Weights & Biases' loggers have, too: log_metrics(metrics, step)."""
    from lightning_fabric.loggers import CSVLogger

    seen: list[tuple[int, dict]] = []

    class Own(CSVLogger):
        def log_metrics(self, metrics, step=None):
            seen.append((step, metrics))

    fabric = hardware.launch(hardware.Hardware(accelerator="cpu"), loggers=[Own(tmp_path / "own")])
    wanted = settings(optim={"max_steps": 10, "validate_every": 10})
    with loggers.closing(fabric):
        Trainer(create(tmp_path / "run", wanted), pictures(FEW), fabric=fabric).fit(progress=False)
    assert [step for step, _ in seen] == [10, 10]  # the row, and what the validation adds to it
    first, second = (set(metrics) for _, metrics in seen)
    assert "training/gw" in first
    assert "validation/loss" in second
    assert not first & second
