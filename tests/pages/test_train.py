"""Train without a browser: every state has its buttons, bad files are sentences, and runs are compared."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from explorer.train import compare
from tests.pages.reading import button, labels, texts
from tests.pages.training import opened
from tests.studies import make_study
from tests.trainer.runs.test_picture_history import history as history_of_pictures
from trainer import config
from trainer.jobs import queue, task, whole_study
from trainer.latent import pair_history
from trainer.runs import layout, picture_history
from trainer.runs.folder import Run, create
from trainer.runs.status import look
from trainer.study import table


@pytest.fixture
def own_runs(runs) -> Path:
    """Only folders of their own, no links: one that was stopped in the middle."""
    for link in runs.iterdir():
        link.unlink()
    made = create(runs / "stopped", config.from_dict({"name": "stopped", "optim": {"max_steps": 400}}))
    tell(made.path, "stopped", step=100)
    rows = ["step,seconds,loss,gw,distance coefficient,validation loss,validation psnr,prior_scale,code_scale"]
    rows += [f"{step},{step / 10},{50 - step / 10},2,2.5,,,," for step in (50, 100)]
    (made.path / "history.csv").write_text(
        "\n".join([*rows, "100,10,40,2,2.5,41,17.25,1,0.9"]) + "\n", encoding="utf-8"
    )
    return runs


def tell(folder: Path, state: str, **more) -> None:
    """What a training would have said."""
    said = {"state": state, "step": 0, "max_steps": 400, "seconds": 10.0, "heartbeat": time.time(), **more}
    (folder / "training").mkdir(exist_ok=True)
    (folder / "training" / "status.json").write_text(json.dumps(said), encoding="utf-8")


def preview(folder: Path, step: int = 100) -> None:
    """Pictures of noise in the form of trainer/training/preview.py."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 1, 32, 32), np.uint8)
    scales = {
        name: np.linspace(1, 0.1, 4, dtype=np.float32) for name in ("prior_scale", "code_scale", "posterior_scale")
    }
    pictures = {"originals": noise[:10], "reconstructions": noise[:10], "samples": noise[:20], "strip": noise}
    reported = {"axes": np.array([2, 0, 1]), "step": np.array(step)}
    save_file(pictures | reported | scales, folder / layout.PREVIEW)


# --- trainings -------------------------------------------------------------------------------------------------------


def test_a_stopped_training_shows_its_curves_and_resumes(app, own_runs, launched):
    preview(own_runs / "stopped")
    opened(app, view="runs")
    assert "Step 100 of 400" in str([each.proto for each in app.get("progress")])
    assert {"Resume"} <= labels(app)
    assert "Open in Traverse" not in labels(app), "there is no model yet"
    assert "As of step 100." in texts(app)
    button(app, "Resume").click().run()
    assert launched == ["stopped"]
    assert "Stop" in labels(app)


def test_pictures_of_every_validation_are_there_to_go_back_to(app, own_runs, launched):
    folder = own_runs / "stopped"
    recorded = history_of_pictures(3)
    picture_history.write(recorded, folder / layout.PICTURE_HISTORY)
    pairs = pair_history.EMPTY.extended(2, 1.5, np.ones(8), np.full(8, 1.5))
    pair_history.write(pairs, folder / layout.PAIR_HISTORY)
    opened(app, view="runs", run="stopped")
    slider = app.select_slider(key="train.step.stopped.slider")
    assert (slider.options, slider.value) == (["1", "2", "3"], 3)
    assert "Geometry: " not in texts(app), "no pairs were recorded at step 3"
    newest = pictures_shown(app)
    slider.set_value(2).run()
    assert "Geometry: " in texts(app)
    assert pictures_shown(app) != newest
    assert f"Traversal of z{recorded.axes[1][0]}," in texts(app)


def pictures_shown(app: AppTest) -> list[str]:
    return [each.proto.body for each in app.get("html") if "train-strip" in each.proto.body]


@pytest.mark.parametrize(
    ("state", "said"),
    [("running", "ended without a report"), ("failed", "it went wrong"), ("nonsense", "ended without a report")],
)
def test_what_went_wrong_is_told_with_what_to_do(app, own_runs, launched, state, said):
    tell(own_runs / "stopped", state, message="it went wrong")
    opened(app, view="runs", run="stopped")
    assert said in texts(app)
    assert "Resume" in labels(app)


def test_damaged_files_are_sentences(app, own_runs, launched):
    folder = own_runs / "stopped"
    preview(folder)
    (folder / "history.csv").write_text("step,loss\n1,x\n", encoding="utf-8")
    opened(app, view="runs", run="stopped")
    assert "damaged; delete it" in app.error[0].value
    (folder / "history.csv").unlink()
    save_file({"samples": np.zeros(3)}, folder / layout.PREVIEW)
    app.run()
    assert not app.exception
    assert "training/preview.safetensors is damaged" in app.error[0].value
    (folder / "config.yaml").write_text("data: [", encoding="utf-8")
    app.run()
    assert not app.exception
    assert any("cannot be read as YAML" in error.value for error in app.error)


def test_left_out_files_are_listed(app, own_runs, launched):
    (own_runs / "stopped" / "training" / "skipped.txt").write_text("a.png: damaged.\nb.png: empty.\n", encoding="utf-8")
    opened(app, view="runs", run="stopped")
    assert any("2 files were left out" in each.label for each in app.expander)
    assert any("a.png: damaged." in each.value for each in app.code)


def test_a_queued_training_says_its_place_and_leaves_the_queue(app, own_runs, launched):
    shutil.copytree(own_runs / "stopped", own_runs / "other")
    queue.start(own_runs / "other")
    queue.start(own_runs / "stopped")
    opened(app, view="runs", run="stopped")
    assert "starts by itself" in texts(app)
    button(app, "Take out of the queue").click().run()
    assert look(own_runs / "stopped").phase == "stopped"
    assert launched == ["other"]


def test_rename_and_the_question_before_deleting(app, own_runs, launched):
    opened(app, view="runs", run="stopped")
    app.text_input(key="train.rename").set_value("better").run()
    assert (own_runs / "better").is_dir()
    assert app.query_params["run"] == "better"
    app.text_input(key="train.rename").set_value("../worse").run()
    assert "a name has letters" in texts(app)
    button(app, "Delete …").click().run()
    assert {"Delete", "Keep it"} <= labels(app)
    assert (own_runs / "better").is_dir(), "a question comes first (tests/browser/test_train.py answers it)"


def test_without_any_training_the_page_says_what_to_do(app, own_runs, launched):
    shutil.rmtree(own_runs / "stopped")
    opened(app, view="runs")
    assert "No trainings yet" in texts(app)
    button(app, "New training").click().run()
    assert "Start training" in labels(app)


# --- comparison ------------------------------------------------------------------------------------------------------


def test_runs_are_compared_by_curves_and_equal_protocols(app, launched):
    opened(app, view="compare", compared=("small-gmp", "small-vae"))
    (table,) = (each.value for each in app.markdown if each.value.startswith("| Number |"))
    assert table.splitlines()[0] == "| Number | small-gmp | small-vae | On |"
    (row,) = (line for line in table.splitlines() if "PSNR" in line)
    assert row.startswith("| PSNR, dB ↑ | 18.25 | 18.25 | MNIST")


def test_a_study_shows_its_spread_over_seeds(app, runs, launched, tmp_path):
    made = make_study(tmp_path / "s", runs / "tiny-study")
    opened(app, view="compare")
    assert "Study: mean over training seeds" not in labels(app), "it has no table yet"
    table.write(*made)
    app.run()
    shown = app.dataframe[0].value
    assert shown["Number"].tolist() == ["PSNR, dB", "… minus vae"]
    assert shown["full"].tolist() == ["23 (20 to 27)", "+3 [1 to 6]"]
    (drawn,) = (json.loads(each.proto.spec) for each in app.get("plotly_chart") if "full" in each.proto.spec)
    assert [trace["name"] for trace in drawn["data"]] == ["full", "vae"]
    assert "Made by " in texts(app)
    deeper = runs / "of-others" / "old" / "again"
    deeper.parent.mkdir(parents=True)
    (runs / "tiny-study").rename(deeper)
    app.run()
    assert app.selectbox(key="train.study").options[0] == "of-others/old/again"
    assert app.dataframe[0].value["full"].tolist() == ["23 (20 to 27)", "+3 [1 to 6]"]
    (deeper / "study.json").write_text("{}")
    app.run()
    assert "the file is damaged" in texts(app)


def test_a_ready_study_says_how_many_trainings_it_takes_and_starts(app, runs, launched, monkeypatch):
    started: list[task.Job] = []
    monkeypatch.setattr(task.Job, "start", lambda job: started.append(job))
    opened(app, view="compare")
    app.selectbox(key="train.study.choice").select("gmp-mnist").run()
    assert "6 trainings: 2 variants (joint, matched-vae), 3 seeds each" in texts(app)
    assert "of 12 to 30 minutes on one core" in texts(app)
    button(app, "Start study").click().run()
    ((job,),) = [started]
    assert job.task is whole_study.TASK
    assert job.arguments["folder"] == str(runs / "gmp-mnist")
    (runs / "gmp-mnist").mkdir()
    job.write_status(stage="starting")
    app.run()
    assert "Stop" in labels(app)
    assert "Start study" not in labels(app)


def test_the_first_comparison_is_of_runs_that_can_be_compared(runs, made_runs):
    """A run without a model is passed over, and so is a model of other pictures."""
    other = shutil.copytree(made_runs / "small-np", runs / "other")
    settings = Run(other).config.model_dump() | {"data": {"name": "fashion-mnist"}}
    (other / "config.yaml").write_text(config.from_dict(settings).to_yaml(), encoding="utf-8")
    create(runs / "fresh", config.Config())
    folders = {name: runs / name for name in ("fresh", "other", "small-gmp", "small-vae")}
    assert compare._usual({name: folders[name] for name in ("fresh", "small-gmp", "other", "small-vae")}) == [
        "small-gmp",
        "small-vae",
    ]
    assert compare._usual({name: folders[name] for name in ("fresh", "other")}) == ["other", "fresh"]


def test_the_marked_row_is_that_of_the_run_below_whatever_the_order(app, own_runs, launched):
    shutil.copytree(own_runs / "stopped", own_runs / "another")
    opened(app, view="runs", run="stopped")
    key = f"train.table.{app.session_state['train.table.turn']}"
    place = list(app.dataframe[0].value["Name"]).index("stopped")
    assert app.session_state[key]["selection"]["rows"] == [place]
    queue.start(own_runs / ("another" if place == 0 else "stopped"))  # it goes to the top
    app.run()
    moved = list(app.dataframe[0].value["Name"]).index("stopped")
    assert moved != place
    assert app.query_params["run"] == "stopped"
    key = f"train.table.{app.session_state['train.table.turn']}"
    assert app.session_state[key]["selection"]["rows"] == [moved]
