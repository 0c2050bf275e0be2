"""The Disentangle page: matrix and panel, factor to path, live, comparison, measuring, and models it is not for."""

from __future__ import annotations

import base64
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.disentangle import by_factor, cell, live, matrix, path
from explorer.shared import beside, catalog, factors, state, widgets
from explorer.shared.latent import space
from explorer.shared.links import TraverseState
from explorer.shared.studies import Spread
from tests.fixtures import add_disentanglement, make_run
from tests.pages import reading
from tests.pages.reading import button, ran, texts
from trainer.data import rendering
from trainer.evaluation.disentanglement import record as records
from trainer.jobs import disentangle, task
from trainer.jobs.task import Job
from trainer.runs.folder import Run
from trainer.study import plan, table


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A measured model, one that is not, and one of digits; never to be changed."""
    root = tmp_path_factory.mktemp("disentangle") / "runs"
    run = make_run(root / "shapes", kind="vae", data="shapes3d-rendered", trained=True, z_dim=5, pictures=160)
    record = add_disentanglement(run)
    importance = np.full_like(record.dci.importance, 0.02)
    importance[3] = [0.1, 0.1, 0.92, 0.1, 0.1, 0.1]  # so that the test knows what carries what
    importance[1, 0] = 0.84
    records.write(replace(record, dci=replace(record.dci, importance=importance)), run.path / "disentanglement.json")
    make_run(root / "bare", kind="vae", data="shapes3d-rendered", z_dim=4, pictures=160)
    make_run(root / "digits", kind="vae", z_dim=4, pictures=20)
    return root


@pytest.fixture(autouse=True)
def runs(made, tmp_path, monkeypatch) -> Path:
    """Private copies, a cache of their own, and a data root that holds nothing."""
    root = Path(shutil.copytree(made, tmp_path / "runs"))
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", root))
    monkeypatch.setenv("GWAE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    return root


def opened(model: str = "shapes", page: str = "disentangle", **link: str) -> AppTest:
    return reading.opened(page, model, **link)


def chart(app: AppTest) -> dict:
    (found,) = app.get("plotly_chart")
    return json.loads(found.proto.spec)


# ---------------------------------------------------------------- matrix


def test_it_opens_with_six_numbers_and_their_protocol_and_a_matrix():
    app = opened()
    said = texts(app)
    for name in ("DCI disentanglement", "DCI completeness", "DCI informativeness", "MIG", "SAP", "FactorVAE score"):
        assert f"| **{name}** |" in said
    assert "3D Shapes (rendered), full protocol, 160 codes" in said
    spec = chart(app)
    assert spec["layout"]["xaxis"]["ticktext"] == list(rendering.FACTORS)
    assert set(spec["layout"]["yaxis"]["ticktext"]) == {f"z{axis}" for axis in range(5)}


def test_axes_are_sorted_by_what_they_carry():
    record = records.read(Run(catalog.find("shapes").path))
    assert matrix.rows(record) == [1, 3, 0, 2, 4]
    unused = replace(record.factor_vae, active=np.array([True, False, True, True, True]))
    assert matrix.rows(replace(record, factor_vae=unused)) == [3, 0, 2, 4, 1]
    table = matrix.table(record)
    row = table[table["axis"] == "z3"].iloc[0]
    assert (row["carries"], row["share"]) == ("object hue", pytest.approx(0.92))


def test_mutual_information_is_the_other_matrix():
    app = opened(matrix="information")
    record = records.read(Run(catalog.find("shapes").path))
    found = chart(app)["data"][0]["z"]
    if isinstance(found, dict):  # plotly packs numbers
        found = np.frombuffer(base64.b64decode(found["bdata"]), found["dtype"]).reshape(5, 6)
    assert np.allclose(found, record.mig.information[matrix.rows(record)])
    assert "Mutual information of axis and factor" in texts(app)


def test_the_clearest_cell_is_one_click_away_and_opens_both_sweeps():
    app = opened()
    button(app, "Show z3 and object hue").click()
    ran(app)
    said = texts(app)
    assert "**z3 and object hue**" in said
    assert "z3 has 92 % of the importance for object hue" in said
    assert "object hue swept, rendered: the truth" in said
    assert (app.query_params["axis"], app.query_params["factor"]) == ("3", "2")


def test_a_click_on_the_matrix_is_axis_and_factor(monkeypatch):
    changed = {}
    clicked = {matrix.CHART: {"selection": {"points": [{"customdata": [4, 1]}]}}}
    monkeypatch.setattr(matrix.st, "session_state", clicked)
    monkeypatch.setattr(matrix, "change", changed.update)
    matrix._clicked()
    assert changed == {"axis": 4, "factor": 1}


def test_the_strips_show_the_axis_alone_and_the_factor_in_truth():
    found, base = space(catalog.find("shapes")), (1, 2, 0, 4, 1, 7)
    moved, truth, remade, (low, high) = cell.strips(found, base, 3, 4)
    assert np.array_equal(truth, rendering.render_indices([[1, 2, 0, 4, shape, 7] for shape in range(4)], 32).numpy())
    assert len(moved) == cell.STEPS
    assert len(remade) == 4
    assert low < high


def test_an_axis_opens_in_traverse(monkeypatch):
    left = []
    monkeypatch.setattr(widgets, "open_page", left.append)
    app = opened(axis="3", factor="2")
    button(app, "Open in Traverse").click()
    ran(app)
    state: TraverseState = app.session_state["gwae.state.TraverseState"]
    assert left == ["traverse"]
    assert (state.rows, state.axis, state.view, state.start, state.factor) == ((3,), 3, "sheet", "image", 2)
    assert state.checkpoint == catalog.find("shapes").hash


def test_traverse_names_its_axes():
    app = opened(page="traverse")
    (axes,) = app.multiselect
    assert "z3, object hue (0.92)" in axes.options
    assert "z1, floor hue (0.84)" in axes.options
    assert {"z0", "z2", "z4"} <= set(axes.options)


def test_traverse_shows_the_true_sweep_around_the_picture_started_from():
    app = opened(page="traverse", rows="3", factor="2", index="7")
    row = Run(catalog.find("shapes").path).codes.set_index("sprite_index").loc[7]
    held = [factors.factors()[i].values[row[f"factor_{name}"]] for i, name in ((0, "floor_hue"), (4, "shape"))]
    said = next(each.value for each in app.caption if "the truth around" in each.value)
    assert said.startswith("object hue swept, rendered")
    assert f"floor hue {held[0]}" in said
    assert f"shape {held[1]}" in said
    button(app, "Hide").click()
    ran(app)
    assert "the truth around" not in texts(app)
    assert "factor" not in app.query_params


def test_a_link_to_what_is_not_there_shows_what_there_is():
    app = opened(axis="77", factor="50", record="never", base="900,1")
    assert "Click a cell" in texts(app)
    assert not app.error


def test_fast_and_full_are_two_measurements(runs):
    add_disentanglement(Run(runs / "shapes"), "fast")
    app = opened()
    (choice,) = app.selectbox
    assert choice.options == ["3D Shapes (rendered) · full", "3D Shapes (rendered) · fast"]
    choice.set_value("fast")
    ran(app)
    assert "fast protocol, 160 codes" in texts(app)
    assert "| **MIG, fast** |" in texts(app)


# ---------------------------------------------------------------- factor to path, live, compare


def test_a_factor_is_swept_and_the_axes_that_follow_are_named():
    app = opened(view="path", sweep="3")
    assert "moves most" in texts(app)
    spec = chart(app)
    assert spec["layout"]["xaxis"]["title"]["text"] == "scale"
    assert len(spec["layout"]["xaxis"]["ticktext"]) == 8
    assert "Fixed factors: floor hue 108°, wall hue 216°, object hue 0°, shape cylinder, orientation 0°." in texts(app)


def test_the_others_can_be_changed_and_are_in_the_link():
    app = opened(view="path")
    button(app, "Another combination").click()
    ran(app)
    base = tuple(int(place) for place in app.query_params["base"].split(","))
    assert len(base) == 6
    assert all(place < size for place, size in zip(base, rendering.SIZES, strict=True))


def test_live_shows_the_picture_its_reconstruction_and_its_code():
    found, values = space(catalog.find("shapes")), (9, 0, 4, 2, 3, 0)
    reported = live.data([found], 5, values)
    pixels = np.frombuffer(base64.b64decode(reported.picture), np.uint8).reshape(3, 32, 32)
    assert np.array_equal(pixels, rendering.render_indices([values], 32)[0].numpy())
    assert (reported.sequence, reported.values) == (5, list(values))
    (model,) = reported.models
    assert len(model["code"]) == 5
    assert {axis["i"]: axis["carries"] for axis in model["axes"]}[3] == "object hue (0.92)"
    assert not opened(view="live").error


def test_two_models_follow_the_same_sweep_and_the_same_picture(runs):
    app = opened(view="path", sweep="3", beside="bare")
    first, second = (json.loads(each.proto.spec) for each in app.get("plotly_chart"))
    assert first["layout"]["yaxis"]["range"] == second["layout"]["yaxis"]["range"], "both have one scale"
    said = texts(app)
    assert "the movement on one axis as scale changes here" in said
    assert said.count("moves most") + said.count("No axis with a visible effect") == 2
    app = opened(view="live", beside="bare", base="9,0,4,2,3,0")
    shown = reading.sent_to(app, "factors")
    assert [each["name"] for each in shown["models"]] == ["shapes", "bare"]
    assert [len(each["code"]) for each in shown["models"]] == [5, 4]
    for each in shown["models"]:
        entry = catalog.find(each["name"])
        code = factors.encoded(entry, factors.rendered(entry, [(9, 0, 4, 2, 3, 0)]))
        assert each["code"] == pytest.approx(code[0].tolist(), abs=1e-3)
    assert shown["reason"] == beside.NO_REASON


def test_the_model_with_more_on_one_axis_is_named_and_no_reason_given():
    rest = (np.zeros((1, 3, 2, 2), "uint8"), ["z0", "z1"], np.zeros((1, 2)))
    swept = [path.Swept(catalog.find(name), *rest, shares, "") for name, shares in
             (("shapes", [0.4, 0.6]), ("bare", [0.9, 0.1]))]  # fmt: skip
    said = path.verdict(swept, "scale")
    assert said.startswith("**bare** has more of the movement on one axis as scale changes here: 90 % against 60 %.")
    assert said.endswith(beside.NO_REASON)
    swept[1] = swept[0]._replace(entry=catalog.find("bare"))
    assert beside.NO_REASON not in path.verdict(swept, "scale")


def test_a_drag_is_in_the_link_only_when_it_ends():
    script = """
import streamlit as st
from explorer.disentangle import live
from explorer.shared import state
from tests.pages import reading
from tests.pages.reading import button, ran, texts
state.begin_page("disentangle")
live.take({report!r})
st.session_state["shown"] = live.now()
state.mirror()
"""
    for final, link in ((False, None), (True, "1,1,1,1,1,1")):
        report = {"sequence": 3, "values": [1] * 6, "final": final}
        app = ran_script(script.format(report=report))
        assert app.session_state["shown"] == (3, (1,) * 6)
        assert app.query_params.get("base") == link


def ran_script(script: str) -> AppTest:
    return ran(AppTest.from_string(script, default_timeout=60))


def test_models_are_compared_by_one_protocol_at_a_time(runs):
    add_disentanglement(Run(runs / "bare"), "fast")
    for group, (there, away) in (("", ("shapes", "bare")), ("fast", ("bare", "shapes"))):
        link = {"group": f"3D Shapes (rendered), 160 codes · {group} protocol"} if group else {}
        said = texts(opened(view="compare", **link))
        assert f"| {there} |" in said
        assert f"| {away} |" not in said


def html_of(app: AppTest) -> str:
    return "".join(str(element.proto.body) for element in app.get("html"))


def test_factors_by_models_name_the_axis_that_carries_each(runs):
    add_disentanglement(Run(runs / "bare"))
    other = records.read(Run(runs / "bare"))
    records.write(
        replace(other, dci=replace(other.dci, importance=np.full_like(other.dci.importance, 0.5))),
        runs / "bare" / "disentanglement.json",
    )
    shown = html_of(ran(opened(view="compare")))
    rows = {row.split("</th>")[0].split(">")[-1]: row for row in shown.split("<tr>") if "scope='row'" in row}
    assert list(rows) == ["floor hue", "wall hue", "object hue", "scale", "shape", "orientation"]
    expected = {"floor hue": ("z1 <b>0.84</b>", "z0 0.50"), "object hue": ("z3 <b>0.92</b>", "z0 0.50")}
    expected["shape"] = ("z0 <b>0.50</b>", "z3 0.10")  # what the better model does not win
    for factor, numbers in expected.items():
        assert all(number in rows[factor] for number in numbers), rows[factor]
    assert all(row.count("data:image/png;base64,") == 4 for row in rows.values())  # both sweeps of both models


def test_trainings_that_differ_in_their_seed_share_a_column_with_their_range():
    best = {name: {"scale": by_factor.Best(axis, value)} for name, axis, value in (("a", 1, 0.5), ("b", 2, 0.8))}
    merged = by_factor.over_seeds(best | {"c": {"scale": by_factor.Best(0, 0.9)}}, [["a", "b"], ["c"]])
    both = Spread(0.65, 0.5, 0.8, 2, "")
    assert merged == {"a": {"scale": by_factor.Best(1, 0.5, both)}, "c": {"scale": by_factor.Best(0, 0.9)}}
    assert "<small>0.50 to 0.80</small>" in by_factor.table(merged, {})


def test_a_reported_study_shows_the_spread_of_its_models_and_what_each_part_adds(runs, tmp_path, monkeypatch):
    folder = tmp_path / "study"
    for seed, share in enumerate((0.6, 0.9)):
        run = Run(shutil.copytree(runs / "shapes", folder / f"full-{seed}"))
        settings = run.config.model_copy(update={"seed": seed, "name": f"full-{seed}"})
        (run.path / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
        found = records.read(run)
        importance = found.dci.importance.copy()
        importance[3, 2] = share
        found = replace(found, dci=replace(found.dci, importance=importance))
        records.write(found, run.path / "disentanglement.json")
        run.write_metrics(records.metrics(found))
    (tmp_path / "tiny.yaml").write_text(run.config.to_yaml(), encoding="utf-8")
    asked = tmp_path / "tiny-study.yaml"
    variants = "full: {about: <b>all</b> of it}"
    asked.write_text(
        f"name: tiny-study\nrecipe: tiny.yaml\ncontrol: full\nseeds: [0, 1]\ngroups: [disentanglement]\n"
        f"variants:\n  {variants}\n"
    )
    table.write(plan.load(asked), asked, folder)
    (folder / "study.json").rename(tmp_path / "tiny-study.json")
    monkeypatch.setattr(table, "EXAMPLES", tmp_path)
    app = opened(view="compare")
    rows = {row.split("</th>")[0].split(">")[-1]: row for row in html_of(app).split("<tr>") if "scope='row'" in row}
    assert "<small>0.60 to 0.90</small>" in rows["object hue"]
    assert "<small>0.84 to 0.84</small>" in rows["floor hue"]
    assert ":gray[" in next(line for line in texts(app).splitlines() if line.startswith("| DCI-D |"))
    shown = app.dataframe[0].value.set_index("Number")["full"]
    assert shown["object hue on its best axis"] == "0.75 (0.6 to 0.9)"
    assert "the range over 2 trainings" in texts(app)
    assert "What each part of the recipe adds: the study tiny-study" in texts(app)
    assert "python -m trainer study" in texts(app)
    settings = run.config.model_copy(update={"optim": run.config.optim.model_copy(update={"lr": 0.5})})
    (runs / "shapes" / "config.yaml").write_text(settings.to_yaml(), encoding="utf-8")
    assert "<small>" not in html_of(opened(view="compare")), "it is another recipe now"


def test_names_of_models_are_no_markup_in_the_table():
    best = {"<img src=x onerror=alert(1)>'": {"scale": by_factor.Best(0, 0.9)}}
    assert "<img" not in by_factor.table(best, {})


def test_another_model_keeps_the_factor_and_takes_its_own_axis(runs):
    add_disentanglement(Run(runs / "bare"))
    factor = 2
    expected = int(records.read(Run(runs / "bare")).dci.importance[:, factor].argmax())
    app = opened("shapes", axis="3", factor=str(factor))
    app.session_state[state._MODEL] = "bare"  # as the picker of the whole app does
    app = ran(app)
    assert {name: app.query_params[name] for name in ("axis", "factor")} == {"axis": str(expected), "factor": "2"}


# ---------------------------------------------------------------- measuring


@pytest.fixture
def started(monkeypatch) -> list:
    """Jobs that the page asked for, none of which is run."""
    asked = []

    def start(job):
        said = job.arguments
        asked.append((Path(said["folder"]).name, job.target.name, said["protocol"], said["other"]))
        job.write_status(stage="starting")

    monkeypatch.setattr(Job, "start", start)
    return asked


def test_a_model_that_is_not_measured_is_measured_here(started):
    app = opened("bare")
    said = texts(app)
    assert "is not measured yet" in said
    assert "python -m trainer evaluate" in said
    button(app, "Quick look").click()
    ran(app)
    assert started == [("bare", "disentanglement-fast.json", "fast", "")]
    assert [each.label for each in app.button] == ["Stop"]
    assert "is not measured yet" not in texts(app)


def test_a_measurement_can_be_stopped(started, runs):
    app = opened("bare")
    button(app, "Measure in full").click()
    ran(app)
    button(app, "Stop").click()
    ran(app)
    assert (runs / "bare" / "disentanglement.stop").exists()


def test_what_failed_is_said(runs):
    job = Job(disentangle.TASK, runs / "bare" / "disentanglement.json")
    job.write_status(error="The disk is full; make room.", time=time.time())
    app = opened("bare")
    assert [item.value for item in app.error] == ["Measuring 3D Shapes (rendered), full: The disk is full; make room."]
    assert button(app, "Measure in full")


def test_the_published_pictures_are_offered_where_they_lie(started, tmp_path):
    assert not any("3D Shapes" in each.label for each in opened("bare").button)
    (tmp_path / "data" / "3dshapes").mkdir(parents=True)
    (tmp_path / "data" / "3dshapes" / "3dshapes.h5").touch()
    app = opened("bare")
    asked = button(app, "Quick look on 3D Shapes")
    assert "another data set" in asked.help
    asked.click()
    ran(app)
    assert started == [("bare", "disentanglement-shapes3d-fast.json", "fast", "shapes3d")]


def test_numbers_of_another_data_set_are_labelled(runs):
    add_disentanglement(Run(runs / "shapes"), "full", "shapes3d")
    app = opened(record="full,shapes3d")
    assert "3D Shapes, full protocol" in texts(app)
    (choice,) = app.selectbox
    assert choice.options == ["3D Shapes (rendered) · full", "3D Shapes · full"]
    assert "| Data | 3D Shapes, test |" in texts(app)


def test_a_model_of_other_pictures_is_told_which_to_choose():
    said = texts(opened("digits"))
    assert "digits was trained on MNIST" in said
    assert "Choose a model of such pictures" in said


def test_and_can_go_there():
    app = opened("digits")
    assert [each.label for each in app.button] == ["bare", "shapes"]
    button(app, "shapes").click()
    ran(app)
    assert "DCI disentanglement" in texts(app)
    assert app.query_params["model"] == "shapes"


def test_without_any_such_model_there_is_a_command(runs):
    for name in ("bare", "shapes"):
        shutil.rmtree(runs / name)
    assert "data.name=shapes3d-rendered" in texts(opened("digits"))
