"""Train without a browser: the form is the schema, every state has its buttons, bad files are sentences."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from explorer.shared.links import TrainState
from explorer.train import compare, presets
from tests.pages.reading import button, checked, labels, texts
from tests.studies import make_study
from tests.trainer.runs.test_picture_history import history as history_of_pictures
from tests.trainings import write_pictures
from trainer import config
from trainer.jobs import estimate, queue, quick_look, task, whole_study
from trainer.latent import pair_history
from trainer.runs import layout, picture_history
from trainer.runs.folder import Run, create
from trainer.runs.status import look
from trainer.study import table
from trainer.system import processes

PAGE = "../pages/train.py"


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


def opened(app: AppTest, **fields) -> AppTest:
    app.run()
    app.session_state["gwae.state.TrainState"] = TrainState(**({"preset": "mnist-gmp"} | fields))
    app.switch_page(PAGE).run()
    return checked(app)


# --- new trainings ---------------------------------------------------------------------------------------------------


def test_the_form_says_what_the_schema_says(app, launched):
    opened(app)
    assert app.title[0].value == "Train"
    steps = app.number_input(key="train.set.optim.max_steps")
    assert steps.help == config.OptimConfig.model_fields["max_steps"].description
    assert (steps.min, steps.value) == (1, presets.presets()["mnist-gmp"].settings.optim.max_steps)
    for section in ("data", "model", "prior", "objective", "optim"):
        kind = config.Config.model_fields[section].annotation
        shown = {each.key.rpartition(".")[2] for each in [*app.number_input, *app.selectbox, *app.toggle]
                 if (each.key or "").startswith(f"train.set.{section}.")}  # fmt: skip
        hidden = {"data": {"name", "path", "crop"}, "model": {"kind"}, "prior": {"kind"},
                  "objective": {"beta", "lambda_mmd"}, "optim": set()}[section]  # fmt: skip
        assert shown == set(kind.model_fields) - hidden, section


@pytest.mark.parametrize("choice", presets.MODELS)
def test_every_model_has_a_form_that_is_valid(app, launched, choice):
    opened(app)
    app.selectbox(key="train.choice").select(choice).run()
    assert not app.exception
    assert not app.error
    assert "Start training" in labels(app)


def test_start_makes_the_run_that_was_asked_for_and_shows_it(app, launched, runs):
    opened(app)
    app.selectbox(key="train.choice").select("vae").run()
    app.selectbox(key="train.data").select("fashion-mnist").run()
    app.number_input(key="train.set.optim.max_steps").set_value(77).run()
    app.text_input(key="train.name").set_value("mine").run()
    button(app, "Start training").click().run()
    assert launched == ["mine"]
    made = Run(runs / "mine").config
    assert (made.data.name, made.model.kind, made.prior.kind, made.optim.max_steps) == (
        "fashion-mnist",
        "vae",
        "normal",
        77,
    )
    assert app.query_params["run"] == "mine"
    assert "starting" in texts(app)
    assert "Stop" in labels(app)


def test_a_taken_or_impossible_name_is_told(app, launched, runs):
    opened(app)
    for name, said in (("small-gmp", "already exists"), ("../x", "not valid")):
        app.text_input(key="train.name").set_value(name).run()
        if "Start training" in labels(app):
            button(app, "Start training").click().run()
        assert said in app.error[0].value
    assert launched == []


def test_settings_that_do_not_fit_are_named_as_the_page_names_them(app, launched):
    opened(app)
    app.number_input(key="train.set.optim.max_steps").set_value(1000).run()
    reported = "These settings: “Refine steps” (All settings, Optimisation) has to be smaller than “Steps”."
    assert [error.value for error in app.error] == [reported]
    assert "Start training" not in labels(app)


def test_pictures_on_this_machine_are_found_or_missed(app, launched, runs, tmp_path):
    opened(app)
    app.selectbox(key="train.data").select("folder").run()
    app.session_state["train.kept.train.source"] = "path"
    app.run()
    assert "Name the folder or zip" in texts(app)
    app.text_input(key="train.path").set_value(str(tmp_path / "nowhere")).run()
    button(app, "Start training").click().run()
    assert "no such folder or zip on this machine" in app.error[0].value
    app.text_input(key="train.path").set_value(str(write_pictures(tmp_path / "photos"))).run()
    assert any("Understood: " in caption.value and "training and" in caption.value for caption in app.caption)
    button(app, "Start training").click().run()
    assert len(launched) == 1
    assert Run(runs / launched[0]).config.data.path == str((tmp_path / "photos").resolve())


def test_an_upload_without_pictures_leaves_no_run(app, launched, runs):
    before = sorted(path.name for path in runs.iterdir())
    opened(app)
    app.selectbox(key="train.data").select("folder").run()
    button(app, "Start training").click().run()
    assert "No pictures were chosen yet" in app.error[0].value
    assert sorted(path.name for path in runs.iterdir() if not path.name.startswith(".")) == before


# --- the time it will take --------------------------------------------------------------------------------------------


@pytest.fixture
def measuring(monkeypatch, tmp_path) -> list[config.Config]:
    """Settings whose timing would have been started; each then counts as starting."""
    asked: list[config.Config] = []

    def pretend(settings: config.Config) -> None:
        asked.append(settings)
        path = estimate.target(settings)
        path.unlink(missing_ok=True)
        timing(path).write_status(stage="starting")

    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(estimate, "launch", lambda settings: pretend(settings))
    return asked


def timing(path: Path) -> task.Job:
    path.parent.mkdir(parents=True, exist_ok=True)
    return task.Job(estimate.TASK, path)


def test_the_time_is_measured_told_and_asked_anew_for_other_settings(app, launched, measuring):
    opened(app)
    app.number_input(key="train.set.optim.max_steps").set_value(9000).run()
    button(app, "Estimate time").click().run()
    assert [settings.optim.max_steps for settings in measuring] == [9000]
    assert "Timing a few real steps" in texts(app)
    assert "Estimate time" not in labels(app)
    path = estimate.target(measuring[0])
    timing(path).clear()
    found = estimate.Estimate(600.0, 300.0, main=0.28, warmup=0.1, refinement=0.0, validation=2.0, threads=2)
    path.write_text(json.dumps(asdict(found)), encoding="utf-8")
    app.run()
    assert "About **5 min** for 9,000 steps, 10 min while this machine is as busy as now" in texts(app)
    assert "timed here with 2 threads: 280 ms each" in texts(app)
    assert "Estimate again" in labels(app)
    app.number_input(key="train.set.optim.batch_size").set_value(17).run()
    assert "About" not in texts(app), "these settings cost something else"
    assert "Estimate time" in labels(app)


def test_a_timing_that_failed_says_why_and_can_be_asked_for_again(app, launched, measuring):
    opened(app)
    button(app, "Estimate time").click().run()
    timing(estimate.target(measuring[0])).write_status(
        error="These settings take more memory than there is; lower the batch."
    )
    app.run()
    assert "more memory than there is" in texts(app)
    assert "Timing" not in texts(app)
    button(app, "Estimate time").click().run()
    assert len(measuring) == 2
    assert "more memory than there is" not in texts(app)


# --- a quick look -----------------------------------------------------------------------------------------------------


def test_a_quick_look_times_a_few_steps_and_fits_the_form_to_them(app, launched, runs, tmp_path, monkeypatch):
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    started: list[task.Job] = []
    monkeypatch.setattr(task.Job, "start", lambda job: started.append(job) or job.write_status(stage="starting"))
    opened(app, preset="quick-look")
    assert app.selectbox(key="train.data").value == "folder", "a quick look is at one's own pictures"
    app.segmented_control(key="train.source").set_value("path").run()
    assert started == [], "nothing is timed before the pictures are named"
    photos = write_pictures(tmp_path / "photos")
    (tmp_path / "cache" / "quick-looks").mkdir(parents=True)
    app.text_input(key="train.path").set_value(str(photos)).run()
    assert "Timing a few real steps, to choose" in texts(app)
    assert "12 of 20 pictures" in texts(app)
    assert "Start training" not in labels(app)
    assert len(started) == 1
    started[0].clear()
    plan = quick_look.Plan(size=32, width=16, steps=1234, seconds=100.0)
    started[0].target.write_text(json.dumps(asdict(plan)), encoding="utf-8")
    app.run()
    assert "for 1,234 steps" in texts(app)
    assert app.number_input(key="train.set.optim.max_steps").value == 1234
    button(app, "Start training").click().run()
    made = Run(runs / launched[0]).config
    assert (made.data.size, made.model.width, made.optim.max_steps, made.optim.validate_every) == (32, 16, 1234, 123)
    assert made.data.path == str(photos.resolve())
    assert len(started) == 1


def test_the_form_keeps_its_choices_and_pictures_while_other_pages_are_shown(app, launched):
    opened(app)
    app.selectbox(key="train.data").select("folder").run()
    app.number_input(key="train.set.optim.max_steps").set_value(7000).run()
    app.file_uploader(key="train.upload").upload("one.png", b"1", "image/png").run()
    app.switch_page("../pages/home.py").run()
    app.switch_page(PAGE).run()
    assert "1 file chosen before, still here." in texts(app)
    assert app.number_input(key="train.set.optim.max_steps").value == 7000
    app.segmented_control(key="train.source").set_value("path").run()
    app.text_input(key="train.path").set_value("/nowhere/photos").run()
    app.switch_page("../pages/home.py").run()
    app.switch_page(PAGE).run()
    assert app.text_input(key="train.path").value == "/nowhere/photos"
    app.segmented_control(key="train.source").set_value("upload").run()
    button(app, "Remove").click().run()
    assert "chosen before" not in texts(app)


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
    table = app.dataframe[0].value
    assert list(table.columns) == ["Number", "On", "small-gmp", "small-vae"]
    row = table[table["Number"] == "PSNR, dB ↑"].iloc[0]
    assert row["small-gmp"] == row["small-vae"] == 18.25


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
