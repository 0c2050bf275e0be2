"""A training pauses while the app is in use, and never longer than the pause."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.interruptions import make
from tests.trainings import CPU, FEW, pictures, settings
from trainer.jobs import idle, train
from trainer.runs.folder import create
from trainer.training import fit
from trainer.training.fit import Trainer


class Clock:
    """Time that passes only in calls of sleep."""

    def __init__(self):
        self.now = 1_000.0
        self.meanwhile = lambda: None

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(idle, "time", clock)
    return clock


def noted(root: Path, at: float) -> None:
    idle.ask(root)
    os.utime(idle.note(root), (at, at))


@pytest.mark.parametrize(
    ("age", "waited"), [(None, 0), (0, 2), (1.5, 0.5), (2.5, 0), (-30, 0)], ids=["none", "now", "just", "old", "future"]
)
def test_it_waits_until_the_last_note_is_old(tmp_path, clock, age, waited):
    if age is not None:
        noted(tmp_path, clock.now - age)
    idle.Pause(tmp_path / "run", 2.0)()
    assert clock.now - 1_000 == pytest.approx(waited, abs=2 * idle.POLL_SECONDS)


def test_whoever_never_rests_gets_a_step_in_every_pause(tmp_path, clock):
    clock.meanwhile = lambda: noted(tmp_path, clock.now)
    noted(tmp_path, clock.now)
    wait = idle.Pause(tmp_path / "run", 2.0)
    for steps in (1, 2, 3):
        wait()
        assert clock.now - 1_000 == pytest.approx(2 * steps, abs=2 * steps * idle.POLL_SECONDS)


def test_it_does_not_hold_up_a_stop(tmp_path, clock):
    (tmp_path / "run" / "training").mkdir(parents=True)
    clock.meanwhile = (tmp_path / "run" / "training" / "stop").touch
    noted(tmp_path, clock.now)
    idle.Pause(tmp_path / "run", 2.0)()
    assert clock.now - 1_000 == pytest.approx(idle.POLL_SECONDS)


@pytest.mark.parametrize(("wanted", "seconds"), [("", 2), ("0", 0), ("0.5", 0.5), ("-1", 0), ("900", 5), ("long", 2)])
def test_the_pause_comes_from_the_environment(monkeypatch, wanted, seconds):
    monkeypatch.setenv(idle.VARIABLE, wanted)
    assert idle.seconds() == seconds


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    idle.ask(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_every_step_of_every_player_may_have_to_wait(tmp_path):
    calls = []
    wanted = settings(optim={"max_steps": 3, "critic_steps": 2, "warmup_steps": 1})
    made = create(tmp_path / "run", wanted)
    Trainer(made, pictures(FEW), hardware=CPU, pause=lambda: calls.append(1)).fit(progress=False)
    assert len(calls) == 1 + 2 * (2 + 1)


def test_a_training_of_the_app_looks_for_notes_beside_its_folder(here, source, tmp_path, monkeypatch):
    given = {}

    def fitted(run, data_root, max_minutes, **options):
        given.update(options)
        return fit.Ended("finished", 1)

    monkeypatch.setattr(fit, "fit", fitted)
    folder = make(tmp_path / "runs" / "one", source)
    assert train.work(folder) == 0
    assert given["pause"].note == idle.note(tmp_path / "runs")
