"""Measuring without a command line: every page that lacks a measurement offers it, and says how far it is."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog
from explorer.shared.links import TrainState
from tests.pages.reading import button, checked, labels, texts
from trainer.jobs import evaluate, task
from trainer.runs.folder import Run
from trainer.runs.status import look
from trainer.system import locks, processes

OLDER = "0123456789ab"


@pytest.fixture
def started(runs, monkeypatch, tmp_path) -> list[Path]:
    """Folders whose measurement would have been started; each then counts as starting. No data set is at hand."""
    folders: list[Path] = []

    def pretend(measurement: task.Job) -> None:
        assert measurement.task is evaluate.TASK
        assert measurement.arguments["data_root"] == str(tmp_path / "data")
        folders.append(Path(measurement.arguments["folder"]))
        measurement.write_status(stage="starting")

    monkeypatch.setenv("GWAE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(task.Job, "start", pretend)
    return folders


@pytest.fixture
def mine(runs, made_runs, started) -> Path:
    """A run of one's own, trained and measured."""
    folder = Path(shutil.copytree(made_runs / "small-gmp", runs / "mine"))
    tell(folder, "finished")
    return folder


@pytest.fixture
def bare(mine) -> Path:
    """The same before it was measured."""
    for name in ("metrics.json", "codes.parquet", "sprite.png"):
        (mine / name).unlink()
    return mine


@pytest.fixture
def outdated(mine) -> Path:
    """The same, measured before its training went on."""
    metrics = json.loads((mine / "metrics.json").read_text(encoding="utf-8"))
    (mine / "metrics.json").write_text(json.dumps([each | {"checkpoint": OLDER} for each in metrics]), encoding="utf-8")
    return mine


def job(folder: Path) -> task.Job:
    return evaluate.job(folder)


def tell(folder: Path, state: str, **more) -> None:
    (folder / "training").mkdir(exist_ok=True)
    said = {"state": state, "step": 400, "max_steps": 400, "seconds": 10.0, "heartbeat": 0.0, **more}
    (folder / "training" / "status.json").write_text(json.dumps(said), encoding="utf-8")


def train_page(app: AppTest) -> AppTest:
    app.run()
    app.session_state["gwae.state.TrainState"] = TrainState(view="runs", run="mine")
    return checked(app.switch_page("../pages/train.py").run())


def page(app: AppTest, name: str) -> AppTest:
    app.query_params["model"] = "mine"
    app.run()
    return checked(app.switch_page(f"../pages/{name}.py").run())


def test_a_trained_run_is_measured_from_the_page_and_can_be_stopped(app, bare, started):
    train_page(app)
    assert "All metrics" not in str([each.label for each in app.expander])
    button(app, "Measure this model").click().run()
    assert started == [bare]
    assert "Starting …" in texts(app)
    assert "Measure this model" not in labels(app)
    assert button(app, "Delete …").disabled is False, "no process is there yet, which could be disturbed"
    button(app, "Stop").click().run()
    assert (bare / "metrics.stop").exists()
    assert "Stopping …" in texts(app)
    assert button(app, "Stop").disabled


def test_another_window_sees_how_far_it_is_and_then_the_numbers(app, mine):
    with locks.exclusive(mine / "metrics.lock"):
        job(mine).write_status(stage="ranking mnist/x", done=2, total=11, part="ood", place=5, places=7)
        train_page(app)
        assert "Measuring, part 5 of 7: Outliers, ranking mnist/x (2 of 11) …" in texts(app)
        assert button(app, "Delete …").disabled
        assert "being measured can be renamed or deleted once" in texts(app)
    job(mine).clear()
    checked(app.run())
    assert "Measuring" not in texts(app)
    assert "Measure again" in labels(app)


def test_numbers_come_with_their_protocol_what_was_left_out_and_the_pages_that_show_them(app, mine):
    train_page(app)
    assert "**18.2 dB**" in texts(app)
    assert "| n | 120 |" in texts(app)
    table = next(each.value for each in app.dataframe if "Estimator" in each.value)
    assert {"Number", "Value", "95 % interval", "Data", "Split", "n", "Seed", "Checkpoint"} <= set(table.columns)
    assert set(table["Checkpoint"]) == {Run(mine).hash}
    row = table[table["Number"] == "cluster accuracy"].iloc[0]
    assert (row["95 % interval"], row["n"], row["Seed"]) == ("0.7 to 0.8", 120, "0")
    assert "Fashion-MNIST is not on this disk" in texts(app)
    assert "Disentangle" not in labels(app), "the factors of digits are not known"
    checked(button(app, "Clusters").click().run())
    assert app.title[0].value == "Clusters"
    assert app.query_params["model"] == "mine"


def test_numbers_of_earlier_weights_are_named_and_kept_apart(app, outdated, started):
    train_page(app)
    assert f"earlier weights (`{OLDER}`, now `{Run(outdated).hash}`)" in texts(app)
    assert "**18.2 dB**" not in texts(app)
    assert "Metrics of the earlier weights" in [each.label for each in app.expander]
    button(app, "Measure again").click().run()
    assert started == [outdated]


def test_a_failure_is_a_sentence_and_can_be_tried_again(app, bare, started):
    job(bare).write_status(error="/photos: no such folder or zip; give the path of one.")
    train_page(app)
    assert [each.value for each in app.error] == ["Not measured: /photos: no such folder or zip; give the path of one."]
    button(app, "Measure this model").click().run()
    assert not app.error
    assert started == [bare]


def test_a_run_that_is_training_is_not_measured(app, bare):
    reported = {"pid": os.getpid(), "started": processes.start_time(os.getpid())}
    (bare / "training" / "launch.json").write_text(json.dumps(reported), encoding="utf-8")
    assert look(bare).is_active
    train_page(app)
    assert "Measure this model" not in labels(app)
    page(app, "clusters")
    assert button(app, "Measure this model").disabled


@pytest.mark.parametrize("name", ["clusters", "ood"])
def test_a_page_that_needs_it_offers_to_measure(app, bare, started, name):
    page(app, name)
    assert "yet" in texts(app)
    assert "python -m" not in texts(app)
    checked(button(app, "Measure this model").click().run())
    assert started == [bare]
    assert "Starting …" in texts(app)


@pytest.mark.parametrize("name", ["clusters", "ood", "traverse"])
def test_a_page_says_that_what_it_has_belongs_to_earlier_weights(app, outdated, name):
    for file in ("ood_calibration.json", "ood_scores.parquet"):
        (outdated / file).touch()
    page(app, name)
    assert f"earlier weights (`{OLDER}`, now" in texts(app)
    assert "Measure again" in labels(app)
    assert not app.error


@pytest.mark.parametrize(("name", "command"), [("clusters", "evaluate"), ("ood", "--only ood")])
def test_a_bundled_model_is_measured_by_the_command(app, bare, monkeypatch, name, command):
    monkeypatch.setattr(catalog, "roots", lambda: (bare.parent, bare.parent / "none"))
    page(app, name)
    assert "python -m trainer evaluate" in app.code[0].value
    assert command in app.code[0].value
    assert "Measure this model" not in labels(app)


def test_too_few_test_pictures_are_not_measured_again_and_again(app, mine):
    run = Run(mine)
    run.write_codes(run.codes.head(12))
    page(app, "clusters")
    assert "was measured on 12; a map needs at least 40" in texts(app)
    assert "Measure this model" not in labels(app)
