"""Train without a browser: the form of a new training is the schema, and its time is measured."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from explorer.train import presets
from tests.pages.reading import button, labels, texts
from tests.pages.training import PAGE, opened
from tests.trainings import write_pictures
from trainer import config
from trainer.jobs import estimate, quick_look, task
from trainer.runs.folder import Run

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
