"""The Traverse page: starts, uploads, axes, and what it does with runs that lack something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog, links, widgets
from tests.fixtures import make_run, private_run
from tests.pages.reading import elements, png, ran, sent_to
from tests.pages.traversing import bytes_of, choose, decoded, opened, panel
from trainer.runs.folder import Run


@pytest.fixture(autouse=True)
def _runs(runs: Path) -> Path:
    return runs


# ---------------------------------------------------------------- starts


def test_opens_on_a_test_picture_with_its_reconstruction(runs):
    data = panel(opened())
    run = Run(runs / "small-gmp")
    row = run.codes.set_index("sprite_index").loc[0]
    code = [float(row[f"z{axis}"]) for axis in range(8)]
    assert data["z"] == data["start"] == pytest.approx(code)
    assert data["anchor"] == "posterior mean"
    assert row["id"] in data["caption"]
    assert np.array_equal(bytes_of(data["reconstruction"]), decoded(run, code))
    assert np.array_equal(bytes_of(data["current"]), bytes_of(data["reconstruction"]))
    with Image.open(run.sprite_path) as sprite:
        assert np.array_equal(bytes_of(data["original"]), np.asarray(sprite)[:32, :32].ravel())


def test_a_moved_axis_of_the_link_moves_the_picture(runs):
    data = panel(opened(index="3", edits="2_1.25,5_-0.5"))
    assert data["z"][2] == 1.25
    assert data["z"][5] == -0.5
    assert [i for i, (a, b) in enumerate(zip(data["z"], data["start"], strict=True)) if a != b] == [2, 5]
    assert np.array_equal(bytes_of(data["current"]), decoded(Run(runs / "small-gmp"), data["z"]))


def test_a_prior_sample_is_the_one_of_its_seed(runs):
    data = panel(opened(start="prior", seed="7"))
    expected = Run(runs / "small-gmp").load_model().sample_prior(1, torch.Generator().manual_seed(7))[0]
    assert data["start"] == pytest.approx(expected.tolist())
    assert data["original"] is None
    assert data["sigma"] is None
    assert data["anchor"] == "prior sample"


def test_new_sample_is_another_and_in_the_link(runs):
    app = opened(start="prior", seed="7", edits="0_1")
    before = panel(app)["start"]
    next(button for button in app.button if button.label == "New sample").click().run()
    assert panel(app)["start"] != before
    assert app.query_params["seed"] == "8"
    assert "edits" not in app.query_params


def test_a_component_centre_is_the_declared_mean(runs):
    data = panel(opened(start="component", component="3"))
    assert data["start"] == pytest.approx(Run(runs / "small-gmp").load_model().prior.means()[3].tolist())
    assert "component 3" in data["caption"]


@pytest.mark.parametrize("model", ["small-vae", "small-np"])
def test_models_without_components_do_not_offer_them(model):
    app = opened(model, start="component")
    kinds = next(group for group in app.button_group if group.label == "Start from")
    names = [getattr(each, "content", each) for each in kinds.options]
    assert "Mixture" not in names
    assert "Test picture" in names
    assert panel(app)["z"]


def test_choosing_a_kind_of_start_changes_the_link_and_forgets_moved_axes():
    app = opened(edits="0_1")
    choose(app, "Start from", "Prior")
    assert app.query_params["start"] == "prior"
    assert "edits" not in app.query_params
    assert panel(app)["anchor"] == "prior sample"


def test_a_label_filters_the_gallery():
    app = opened()
    count = sent_to(app, "tiles")["count"]
    choose(app, "Label", "4")
    gallery = sent_to(app, "tiles")
    assert gallery["count"] == count / 10
    assert all(title.startswith("4 ·") for title in gallery["titles"])
    assert app.query_params["label"] == "4"


# ---------------------------------------------------------------- uploads


def upload(app: AppTest, data: bytes, name: str) -> AppTest:
    app.file_uploader[0].set_value((name, data, "image/png")).run()
    assert not app.exception
    return app


def test_an_uploaded_picture_is_the_original_and_its_code_is_in_the_link(runs):
    picture = np.zeros((32, 32), np.uint8)
    picture[8:24, 12:20] = 200
    app = upload(opened(start="upload"), png(picture), "mine.png")
    data = panel(app)
    assert np.array_equal(bytes_of(data["original"]), picture.ravel())
    mean = Run(runs / "small-gmp").load_model().encode(torch.from_numpy(picture)[None, None].float() / 255)[0][0]
    assert data["start"] == pytest.approx(mean.tolist(), abs=6e-4)
    assert data["caption"] == "mine.png"
    assert len(app.query_params["code"].split(",")) == 8
    again = panel(opened(**{name: app.query_params[name] for name in app.query_params if name != "model"}))
    assert again["original"] is None
    assert again["current"] == data["current"]
    assert again["anchor"] == "code of the link"


def test_the_invert_switch_inverts_what_the_model_sees():
    picture = np.full((32, 32), 255, np.uint8)  # dark on white: inverted without asking, for a model of light on dark
    picture[8:24, 12:20] = 30
    app = upload(opened(start="upload"), png(picture), "ink.png")
    toggle = next(toggle for toggle in app.toggle if toggle.label == "Invert")
    assert toggle.value is True
    assert np.array_equal(bytes_of(panel(app)["original"]), 255 - picture.ravel())
    toggle.set_value(False).run()
    assert np.array_equal(bytes_of(panel(app)["original"]), picture.ravel())


def test_a_start_can_be_drawn(monkeypatch):
    pages = []
    monkeypatch.setattr(widgets, "open_page", pages.append)
    app = ran(opened(start="upload").button(key="traverse.draw").click())
    assert pages == ["ood"]
    assert app.session_state[links.DRAWING]


def test_an_upload_that_is_no_picture_is_one_sentence_and_the_page_stays():
    app = upload(opened(start="upload"), b"not a picture at all", "text.png")
    assert len(app.error) == 1
    assert "text.png" in app.error[0].value
    assert panel(app)["z"]


# ---------------------------------------------------------------- axes


def test_axes_are_ranked_and_dead_ones_marked(runs):
    folder = runs / "half-dead"
    made = make_run(folder)
    from trainer.models import save_weights

    model = made.load_model()
    first = next(module for module in model.decoder.modules() if isinstance(module, torch.nn.Linear))
    first.weight[:, [1, 6]] = 0
    save_weights(model, made.weights_path)
    data = panel(opened("half-dead"))
    assert {axis["i"] for axis in data["axes"] if not axis["live"]} >= {1, 6}
    assert [axis["i"] for axis in data["axes"][-2:]] in ([1, 6], [6, 1])
    effects = [axis["effect"] for axis in data["axes"]]
    assert effects == sorted(effects, reverse=True)
    assert data["floor"]


def test_ranges_and_densities_come_from_the_codes(runs):
    data = panel(opened())
    codes = Run(runs / "small-gmp").codes
    for axis in data["axes"]:
        column = codes[f"z{axis['i']}"]
        assert axis["low"] < column.quantile(0.01) < column.quantile(0.99) < axis["high"]
        assert bytes_of(axis["density"]).max() == data["levels"]
        assert len(bytes_of(axis["prior"])) == 64


def test_far_codes_are_called_far():
    assert panel(opened())["support"]["far"] is False
    assert panel(opened(edits="0_900"))["support"]["far"] is True


# ---------------------------------------------------------------- incomplete runs


def test_without_codes_the_page_starts_from_the_prior_and_says_what_to_do(runs):
    made = make_run(runs / "bare")
    (made.path / "codes.parquet").unlink()
    app = opened("bare")
    assert any("no codes of test pictures yet" in each.value for each in app.caption)
    assert "Measure this model" in [button.label for button in app.button]
    data = panel(app)
    assert data["anchor"] == "prior sample"
    assert data["codes_name"] == "draws from the prior"


def test_without_a_sprite_the_reconstructions_stand_for_the_pictures(runs):
    made = make_run(runs / "no-pictures")
    (made.path / "sprite.png").unlink()
    app = opened("no-pictures")
    assert panel(app)["original"] is None
    assert sent_to(app, "tiles")["count"] == 120
    assert any("are not here; these are the model's reconstructions" in caption.value for caption in app.caption)


def test_of_pictures_that_may_not_be_passed_on_there_is_no_reconstruction_either(runs):
    private_run(runs / "faces")
    app = opened("faces")
    assert not app.exception
    assert panel(app)["anchor"] == "prior sample"
    assert "Test picture" not in app.segmented_control[0].options
    app = opened("faces", start="image", index="3")
    assert panel(app)["anchor"] == "prior sample"


@pytest.mark.parametrize("file", ["codes.parquet", "sprite.png"])
def test_a_damaged_file_is_one_sentence(runs, file):
    made = make_run(runs / "damaged")
    (made.path / file).write_bytes(b"cut short")
    app = opened("damaged")
    assert len(app.error) == 1
    assert "evaluate" in app.error[0].value
    if file == "sprite.png":  # the codes are sound, so their reconstructions still can be moved
        assert panel(app)["original"] is None


def test_a_decoder_is_brought_to_the_browser_where_there_is_one(runs):
    assert panel(opened())["decoder"] is False
    made = make_run(runs / "live")
    (made.path / "decoder.onnx").write_bytes(b"\x08onnx")
    app = opened("live")
    assert panel(app)["decoder"] is True
    carried = [e for e in elements(app._tree) if getattr(e.proto, "component_name", "") == "gwae_carrier"]
    assert carried[0].proto.bytes == made.hash.encode() + b"\x08onnx"


def test_the_page_opens_inside_the_real_app(app):
    app.run()
    app.switch_page("../pages/traverse.py").run()
    assert not app.exception
    assert app.title[0].value == "Traverse"
    assert panel(app)["z"]


def test_distances_ignore_axes_that_show_nothing():
    import dataclasses

    from explorer.shared.latent import space

    found = space(catalog.find("small-np"))
    live = torch.tensor([True, False, True, False])
    reduced = dataclasses.replace(found, table=dataclasses.replace(found.table, live=live), near=found.codes[:, live])
    code = found.codes[:1].clone()
    code[0, 1] = 1e3
    assert reduced.distance(code).item() == pytest.approx(0, abs=1e-3)
    code[0, 2] = 1e3
    assert reduced.distance(code).item() > 900
