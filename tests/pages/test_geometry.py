"""The Geometry page: pairs and their pictures, models side by side, the discrete GW, the course, the terms."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from streamlit.testing.v1 import AppTest

from explorer.geometry import course, matching, pairs, potential, sample, terms, transport
from explorer.geometry.state import GeometryState
from explorer.shared import beside, catalog
from explorer.shared.links import TraverseState
from tests.fixtures import make_run, wait_for, write_real_digits
from tests.pages import reading
from tests.pages.reading import button, labels, texts
from trainer.__main__ import main
from trainer.evaluation import geometry, gw_record
from trainer.jobs import geometry as geometry_job
from trainer.jobs import task
from trainer.latent import pair_history
from trainer.runs.folder import Metric, Run


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("geometry") / "runs"
    make_run(root / "small-np", prior="np", z_dim=4, trained=True)
    make_run(root / "small-vae", kind="vae", z_dim=4, trained=True)
    make_run(root / "shapes", kind="vae", data="shapes3d-rendered", z_dim=4, pictures=20)
    return root


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    return write_real_digits(tmp_path_factory.mktemp("digits"), train=9_920)


@pytest.fixture(autouse=True)
def runs(made, digits, tmp_path, monkeypatch) -> Path:
    root = Path(shutil.copytree(made, tmp_path / "runs"))
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", root))
    monkeypatch.setenv("GWAE_DATA", str(digits))
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    return root


def opened(model: str = "small-np", **link: str) -> AppTest:
    return reading.opened("geometry", model, **link)


def found(model: str = "small-np", source: str = "prior") -> sample.Sample:
    return sample.of(catalog.find(model), source)


def busiest(of: sample.Sample) -> tuple[int, int]:
    row, column = np.unravel_index(of.grid.counts.argmax(), of.grid.counts.shape)
    return int(column), int(row)


# ---------------------------------------------------------------- pairs


def test_the_numbers_are_those_of_the_trainer():
    said = texts(opened())
    numbers = geometry.of_prior(catalog.find("small-np").run.load_model(), seed=0).numbers
    assert set(numbers) == {"Spearman", "Pearson", "distortion", "L_GW", "C"}
    for name, value in numbers.items():
        assert f"| **{name}** | {value:.3f} |" in said


def test_the_first_sentence_says_what_is_compared_and_why():
    first = opened().markdown[0].value
    assert "Distances between codes are compared with distances between their pictures" in first
    assert "can be trusted" in first


def test_every_pair_is_counted_once_and_named_by_its_points():
    of = found()
    assert of.grid.counts.sum() == of.count * (of.count - 1) / 2
    d_z = squareform(of.pairs.d_z)
    for pair in (0, 1, of.count - 2, of.count - 1, 5_000, len(of.pairs.d_z) - 1):
        i, j = of.members(pair)
        assert i < j
        assert d_z[i, j] == of.pairs.d_z[pair]


def test_pairs_at_a_place_lie_there():
    of = found()
    column, row = busiest(of)
    chosen = of.inside(column, row, 6)
    assert len(chosen) == 6
    assert all(of.grid.x[column] <= of.pairs.d_z[pair] < of.grid.x[column + 1] for pair in chosen)
    assert all(of.grid.y[row] <= of.pairs.d_x[pair] < of.grid.y[row + 1] for pair in chosen)
    points = [point for pair in chosen for point in of.members(pair)]
    assert len(set(points)) == len(points)


def test_extremes_are_the_ends_of_the_distortion():
    of = found()
    assert of.residual[of.extreme("far", 1)[0]] == of.residual.max()
    assert of.residual[of.extreme("near", 1)[0]] == of.residual.min()
    assert abs(of.residual[of.extreme("best", 1)[0]]) < np.quantile(np.abs(of.residual), 0.01)


def test_a_link_opens_a_place_and_a_wrong_one_none():
    column, row = busiest(found())
    app = opened(cell=f"{column},{row}")
    assert f"{found().grid.counts[row, column]:,} pairs at this place" in texts(app)
    row, column = np.argwhere(found().grid.counts == 0)[0]
    for wrong in ("43,31,2", "99,0", "-1,0", f"{column},{row}", "x"):
        assert "pairs at this place" not in texts(opened(cell=wrong))


def test_a_pair_opens_as_a_path_between_its_codes():
    of = found()
    pair = of.extreme("far", 1)[0]
    path = of.path("abc", pair)
    i, j = of.members(pair)
    assert (path.view, path.start, path.end) == ("interpolation", "upload", "upload")
    np.testing.assert_array_equal(np.float32(path.code), of.pairs.codes[i].numpy())
    np.testing.assert_array_equal(np.float32(path.end_code), of.pairs.codes[j].numpy())
    app = opened()
    next(each for each in app.button if each.key == f"geometry.far.{pair}").click().run()
    assert app.session_state["gwae.state.TraverseState"] == of.path(catalog.find("small-np").hash, pair)


def test_pictures_with_a_place_in_the_sprite_open_as_these():
    of = found(source="posterior")
    path = of.path("abc", 0)
    i, j = of.members(0)
    assert path == TraverseState(
        checkpoint="abc", view="interpolation", index=int(of.tiles[i]), end_index=int(of.tiles[j])
    )


def test_codes_of_test_pictures_are_compared_with_these_pictures():
    app = opened(source="posterior")
    of = found(source="posterior")
    assert f"{of.count} test pictures with their posterior means" in texts(app)
    np.testing.assert_allclose(of.pairs.d_x, pdist(of.pictures.reshape(of.count, -1) / 255.0), rtol=1e-5)
    table = catalog.find("small-np").run.codes
    rows = geometry.chosen(len(table)).first
    np.testing.assert_allclose(of.pairs.codes.numpy()[:, 0], table["z0"].to_numpy()[rows])


def test_models_of_the_same_pictures_stand_side_by_side():
    app = opened(beside="small-vae")
    said = texts(app)
    for name in ("small-np", "small-vae"):
        assert f"| **Spearman** | {found(name).pairs.numbers['Spearman']:.3f} |" in said
    column, row = busiest(found("small-vae"))
    said = texts(opened(beside="small-vae", cell=f"{column},{row}", side="1"))
    assert "pairs at this place of small-vae" in said
    assert "Matched best of small-np" not in texts(opened(beside="nonsense"))


def test_the_distortion_is_that_of_the_line():
    of = found()
    content = pairs.distortions(of)
    values = of.residual / of.pairs.d_x.mean()
    assert sum(content.counts) == ((values >= content.low) & (values <= content.high)).sum()
    assert sum(content.counts) > 0.99 * len(values)
    assert content.low < 0 < content.high


def test_every_place_shows_pairs_that_lie_there():
    of = found()
    content = pairs.density(of, None)
    assert len(content.counts) == len(content.shown) == sample.COLUMNS * sample.ROWS
    for count, here, place in zip(content.counts, content.shown, range(len(content.counts)), strict=True):
        assert len(here) == min(count, sample.POINTED)
        column, row = place % sample.COLUMNS, place // sample.COLUMNS
        for pair, *points in here:
            assert tuple(points) == of.members(pair)
            assert of.grid.x[column] <= of.pairs.d_z[pair] <= of.grid.x[column + 1]
            assert of.grid.y[row] <= of.pairs.d_x[pair] <= of.grid.y[row + 1]


# ---------------------------------------------------------------- the discrete GW


def stored(runs: Path, digits: Path, name: str = "small-np") -> gw_record.Record:
    record = gw_record.of_run(Run(runs / name), digits, n=20)
    gw_record.write(record, runs / name / "geometry.json")
    return record


def test_it_is_computed_from_the_page_and_then_shown(runs):
    app = opened(view="transport")
    assert "not computed yet" in texts(app)
    button(app, "Compute").click().run()
    entry = catalog.find("small-np")
    job = geometry_job.job(entry.run, None, entry.bundled)
    wait_for(lambda: not job.state().is_running, 120)
    assert job.state().status == "ready", job.state().error
    said = texts(opened(view="transport"))
    assert f"{gw_record.read(job.target).data_gw:.3f}" in said
    assert "without the factor ½" in said


def test_value_floor_and_relaxed_term_stand_together(runs, digits):
    record = stored(runs, digits)
    said = texts(opened(view="transport"))
    assert f"**{record.data_gw:.3f}**" in said
    assert f"{record.floor:.3f} between two sets of test pictures" in said
    assert f"**{found().pairs.numbers['L_GW']:.3f}** (pixel distances)" in said
    assert "Compute" not in labels(opened(view="transport"))


def test_the_match_of_a_point_holds_most_of_its_mass(runs, digits):
    record = stored(runs, digits)
    coupling = np.zeros((record.n, record.n))
    coupling[tuple(np.array(record.coupled).T)] = record.mass
    for code in range(record.n):
        assert coupling[code, matching.matched(record, code, 0)] == coupling[code].max()
        assert coupling[matching.matched(record, code, 1), code] == coupling[:, code].max()


def test_both_couplings_mark_what_belongs_to_the_same_test_picture(runs, digits):
    sides = [matching.Side(catalog.find("small-np"), stored(runs, digits))]
    app = opened(view="transport", beside="small-vae", point="0,3")
    assert "The discrete GW of small-vae is not computed yet" in texts(app)
    sides.append(matching.Side(catalog.find("small-vae"), stored(runs, digits, "small-vae")))
    app = opened(view="transport", beside="small-vae", point="0,3")
    said = texts(app)
    assert "lies closer to the test pictures" in said
    assert beside.NO_REASON in said
    ends = {tuple(figure["layout"]["xaxis"]["range"]) for figure in drawn(app)[:2]}
    assert len(ends) == 1, "both ladders have one scale"
    assert [item.value for item in app.caption].count("matched with") == 2
    app = opened(view="transport", beside="small-vae", point="1,7")
    with_link = [app.session_state["gwae.state.GeometryState"].point for app in (app,)]
    assert with_link == [(1, 7)]
    for wrong in ("1,99", "2,0", "0", "-1,3"):
        assert "matched with" not in [item.value for item in opened(view="transport", point=wrong).caption]


def test_the_marked_codes_of_two_models_share_a_test_picture(runs, digits, monkeypatch):
    sides = [matching.Side(catalog.find(name), stored(runs, digits, name)) for name in ("small-np", "small-vae")]
    for point in ((0, 3), (1, 7)):
        monkeypatch.setattr(matching, "current", lambda point=point: GeometryState(point=point))
        marked = matching.codes_marked(sides)
        assert marked[point[0]] == point[1]
        pictures = {
            matching.picture_ids(side)[matching.matched(side.record, code, 0)]
            for side, code in zip(sides, marked, strict=True)
        }
        assert len(pictures) == 1


def test_values_on_different_pictures_are_not_compared(runs, digits):
    record = stored(runs, digits)
    other = record.model_copy(update={"seed": 1})
    entry = catalog.find("small-np")
    said = transport.verdict([matching.Side(entry, record), matching.Side(catalog.find("small-vae"), other)])
    assert "cannot be compared" in said


def test_a_damaged_record_disables_this_part_with_one_sentence(runs):
    (runs / "small-np" / "geometry.json").write_text("{}")
    app = opened(view="transport")
    assert [warning.value for warning in app.warning] == [
        "geometry.json: the record of the discrete GW is damaged; compute it again."
    ]
    assert "Compute" in labels(app)


def test_a_record_of_earlier_weights_is_not_shown(runs, digits):
    record = stored(runs, digits)
    gw_record.write(record.model_copy(update={"checkpoint": "0" * 12}), runs / "small-np" / "geometry.json")
    assert "belongs to earlier weights" in texts(opened(view="transport"))


# ---------------------------------------------------------------- course and terms


def test_an_old_history_opens_and_says_what_it_lacks(runs):
    (runs / "small-np" / "history.csv").write_text("step,seconds,gw,validation gw\n1,0.1,2.0,\n2,0.2,1.5,1.25\n")
    assert "before Spearman and distortion were recorded" in texts(opened(view="course"))
    assert course.curves_of(catalog.find("small-np").run.history) == [("L_GW, distances", ["gw", "validation gw"])]


def test_the_pairs_of_each_validation_are_replayed(runs):
    history = pair_history.EMPTY
    for step in (5, 10):
        history = history.extended(step, 0.5, np.linspace(0, step, 20), np.linspace(0, 3 * step, 20))
    path = runs / "small-np" / "pair_history.safetensors"
    pair_history.write(history, path)
    (runs / "small-np" / "history.csv").write_text("step,gw,spearman\n1,2.0,\n10,1.5,0.75\n")
    content = course.replay(pair_history.read(path), catalog.find("small-np").run.history)
    assert (content.steps, content.spearman, content.ends) == ([5, 10], [None, 0.75], [10.0, 30.0])
    packed = np.frombuffer(base64.b64decode(content.d_x), "<u2").reshape(2, 20)
    np.testing.assert_allclose(packed / 65_535 * 30, history.d_x, atol=1e-3)
    assert "keeps no pairs" not in texts(opened(view="course"))
    path.write_bytes(b"no tensors")
    app = opened(view="course")
    assert "delete it" in app.error[0].value
    assert not app.exception


def test_a_run_without_pairs_says_how_to_get_them(runs):
    assert "a model trained now records them at each validation" in texts(opened(view="course"))


def test_without_a_history_it_says_so():
    assert "No record of the training" in texts(opened(view="course"))


def test_every_term_has_formula_weight_value_and_consequence(runs):
    (runs / "small-np" / "history.csv").write_text("step,seconds,gw,validation gw\n1,0.1,2.0,\n2,0.2,1.5,1.25\n")
    app = opened(view="terms")
    said = texts(app)
    weights = catalog.find("small-np").run.config.objective
    for term in terms.TERMS["gwae"][:4]:
        assert f"**{term.name}** :gray[weight {getattr(weights, term.weight):g}]" in said
        assert term.formula in said
        assert term.without in said
    assert "Value **1.25** · contributes **1.25**" in said
    assert "L_P" not in said, "this recipe does not use it"
    assert "**KL**" in texts(opened("small-vae", view="terms"))


def test_every_number_has_its_explanation():
    assert set(pairs.ABOUT) == set(pairs.SHOWN)


# ---------------------------------------------------------------- the critic


def test_the_plane_turns_to_two_axes_or_components(runs):
    app = opened(view="potential")
    first, second = (app.selectbox(key=f"geometry.plane_{side}").value for side in "xy")
    codes = catalog.find("small-np").run.codes[[f"z{axis}" for axis in range(4)]].to_numpy()
    assert [first, second] == np.argsort(-codes.std(0)).tolist()[:2], "the widest axes"
    assert not app.exception
    app = opened(view="potential", plane_x="2", plane_y="2")
    assert app.selectbox(key="geometry.plane_x").value == 2
    assert app.selectbox(key="geometry.plane_y").value != 2, "two different ones"
    make_run(runs / "small-gmp", z_dim=4, trained=True)
    app = opened("small-gmp", view="potential", plane="components", plane_x="1", plane_y="99")
    assert not app.exception
    assert [app.selectbox(key=f"geometry.plane_{side}").value for side in "xy"] == [1, 0]


def test_both_means_of_the_potential_are_those_of_model_and_codes():
    said = texts(opened(view="potential"))
    entry = catalog.find("small-np")
    codes = found().pairs.codes
    model = entry.run.load_model()
    with torch.inference_mode():
        prior = model.critic(model.decode(codes), codes).mean().item()
    assert f"Mean over prior samples **{prior:.3f}**" in said


def test_a_model_without_a_critic_says_so():
    assert "trained without a critic" in texts(opened("small-vae", view="potential"))


def test_two_models_turn_their_planes_to_axes_of_equal_rank_and_show_the_same_pictures(runs):
    make_run(runs / "other-np", prior="np", z_dim=4, trained=True)
    app = opened(view="potential", beside="other-np")
    first, second = drawn(app)
    for name, figure in (("small-np", first), ("other-np", second)):
        codes = catalog.find(name).run.codes[[f"z{axis}" for axis in range(4)]].to_numpy()
        widest = np.argsort(-codes.std(0)).tolist()
        assert figure["layout"]["xaxis"]["title"]["text"].startswith(f"z{widest[0]}")
        assert figure["layout"]["yaxis"]["title"]["text"].startswith(f"z{widest[1]}")
    spans = [figure["data"][0]["zmax"] - figure["data"][0]["zmin"] for figure in (first, second)]
    assert spans[0] == pytest.approx(spans[1]), "colours can be compared"
    assert len(set(first["data"][1]["text"])) > 1
    assert first["data"][1]["text"] == second["data"][1]["text"], "the same pictures, in one order"


def test_what_the_second_model_lacks_is_said_in_its_place(runs):
    assert "small-vae was trained without a critic" in texts(opened(view="potential", beside="small-vae"))
    assert len(drawn(opened("small-vae", view="potential", beside="small-np"))) == 1, "the one that has a critic"
    make_run(runs / "small-gmp", z_dim=4, trained=True)
    app = opened("small-gmp", view="potential", plane="components", beside="small-np")
    assert "The prior of small-np has no component 1" in texts(app)
    assert len(drawn(app)) == 1


def test_the_smaller_difference_of_the_critic_is_named_and_no_reason_given():
    seen = [
        potential.Seen(catalog.find(name), None, None, [], (1.0, mean))
        for name, mean in (("small-np", 0.5), ("small-vae", 1.25))
    ]
    said = potential.verdict(seen)
    assert said.startswith("**small-vae** has the smaller difference, as L_D asks for: 0.250 against 0.500.")
    assert beside.NO_REASON in said
    assert potential.verdict([seen[0], seen[1]._replace(means=(1.0, None))]) == ""


def drawn(app: AppTest) -> list[dict]:
    """The figures on the page."""
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


# ---------------------------------------------------------------- stored records


def test_what_a_term_does_is_shown_where_a_model_without_it_is_measured(runs):
    assert "Measured without it" not in texts(opened(view="terms"))
    ablated = Path(shutil.copytree(runs / "small-np", runs / "without-gw"))
    text = (ablated / "config.yaml").read_text()
    (ablated / "config.yaml").write_text(re.sub(r"lambda_gw: [\d.]+", "lambda_gw: 0.0", text))
    for name, spearman in (("small-np", 0.75), ("without-gw", 0.25)):
        run = Run(runs / name)
        run.write_metrics([Metric("Spearman", spearman, "geometry", "x", "prior samples", 9, 0, "pairs", run.hash)])
    said = texts(opened(view="terms"))
    assert said.count("Measured without it, without-gw: Spearman 0.250 (here 0.750)") == 1
    assert "Measured without it" not in texts(opened("without-gw", view="terms"))


def test_the_page_shows_what_the_command_prints(runs, digits, capsys):
    assert main(["evaluate", str(runs / "small-np"), "--only", "geometry", "--json", "--data-root", str(digits)]) == 0
    printed = {metric["name"]: metric["value"] for metric in json.loads(capsys.readouterr().out)}
    for source, suffix in (("prior", ""), ("posterior", ", posterior codes")):
        said = texts(opened(source=source))
        own = found(source=source).pairs.numbers
        for name in own if source == "prior" else ("Spearman", "Pearson", "distortion"):
            assert re.search(rf"\| \*\*{name}\*\* \| {own[name]:.3f} \| {printed[name + suffix]:.3f}", said), name
        if source == "posterior":
            assert own["Spearman"] == pytest.approx(printed["Spearman, posterior codes"], abs=1e-3)
