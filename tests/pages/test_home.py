from __future__ import annotations

import json
import os
import shutil
import time

import numpy as np
import pytest

from explorer.shared import cache, catalog, pixels, widgets
from tests.fixtures import make_run
from tests.pages.reading import texts
from trainer import config
from trainer.runs.folder import Metric, create
from trainer.system import processes


def test_every_model_has_a_card_with_its_numbers_and_their_protocol(app, runs):
    app.run()
    assert not app.exception
    said = texts(app)
    for entry in catalog.usable():
        assert f"**{entry.name}**" in said
        assert entry.hash in said
        assert app.button(key=f"open-{entry.name}").label == "Open in Traverse"
    assert said.count("**18.2 dB**") == 2 * 3  # as the number, and at the head of its protocol
    assert "| 95 % interval | 0.7 to 0.8 |" in said
    assert "| n | 120 |" in said
    assert "| Seed | none used |" in said
    assert len(app.get("image")) == 2 * 3 + 1  # two rows per card, and the picker's thumbnail


def test_a_card_opens_its_model_in_traverse(app):
    app.run()
    app.button(key="open-small-vae").click().run()
    assert app.query_params["model"] == "small-vae"
    assert app.title[0].value == "Traverse"
    assert not app.exception


def test_a_run_that_is_not_measured_leads_to_where_it_is(app, runs, made_runs):
    shutil.copytree(made_runs / "small-np", runs / "bare")
    (runs / "bare" / "metrics.json").unlink()
    app.run()
    app.button(key="measure-bare").click().run()
    assert not app.exception
    assert app.title[0].value == "Train"
    assert (app.query_params["view"], app.query_params["run"]) == ("runs", "bare")


def test_damaged_folders_are_listed_with_what_to_do(app, runs, made_runs):
    shutil.copytree(made_runs / "small-np", runs / "broken-one")
    (runs / "broken-one" / "model.safetensors").write_bytes(b"short")
    app.run()
    assert not app.exception
    assert "broken-one" in texts(app)
    assert "no safetensors file" in texts(app)
    assert [button.key for button in app.button if button.key == "open-broken-one"] == []
    assert "broken-one" not in app.sidebar.selectbox[0].options


@pytest.fixture
def young(runs):
    """Trainings without a model: one per state, each as its files would tell it."""

    def made(name: str, state: str = "", **more) -> None:
        folder = create(runs / name, config.from_dict({"name": name})).path
        if state:
            (folder / "training").mkdir()
            said = {"state": state, "step": 0, "max_steps": 400, "seconds": 0.0, "heartbeat": time.time(), **more}
            (folder / "training" / "status.json").write_text(json.dumps(said), encoding="utf-8")

    here = {"pid": os.getpid(), "started": processes.start_time(os.getpid())}
    made("young-warming", "running", step=40, seconds=20.0, **here)
    made("young-reading", "loading", done=30, total=90, **here)
    for name in ("young-warming", "young-reading"):
        (runs / name / "training" / "launch.json").write_text(json.dumps(here), encoding="utf-8")
    made("young-waiting", "stopped")
    (runs / "young-waiting" / "training" / "request.json").write_text('{"queued": 1}', encoding="utf-8")
    made("young-failed", "failed", message="/photos_1: no such folder or zip; correct the path.")
    made("young-fresh")
    return runs


def test_trainings_without_a_model_are_no_damaged_folders(app, young):
    app.run()
    assert not app.exception
    said = texts(app)
    assert "No model yet" in said
    assert "Cannot be opened" not in said
    for words in (
        ":blue-badge[training]",
        "Step 40 of 400",
        ":blue-badge[reading pictures]",
        "Reading pictures: 30 of 90",
        ":violet-badge[waiting]",
        "starts by itself",
        ":red-badge[failed]",
        "/photos_1: no such folder or zip; correct the path.",
        ":gray-badge[not started]",
    ):
        assert words in said
    app.button(key="train-young-failed").click().run()
    assert not app.exception
    assert app.title[0].value == "Train"
    assert app.query_params["run"] == "young-failed"
    assert [error.value for error in app.error] == ["/photos_1: no such folder or zip; correct the path."]


def test_a_model_that_appears_moves_to_the_gallery(app, young, made_runs):
    app.run()
    assert app.button(key="train-young-fresh")
    shutil.copy(made_runs / "small-np" / "model.safetensors", young / "young-fresh" / "model.safetensors")
    app.run()
    assert app.button(key="open-young-fresh")
    assert "train-young-fresh" not in [button.key for button in app.button]


def test_weights_of_another_architecture_spoil_only_their_own_picture(app, runs, made_runs):
    """The header is sound, so only loading finds out."""
    shutil.copytree(made_runs / "small-np", runs / "foreign")
    shutil.copy(made_runs / "small-vae" / "model.safetensors", runs / "foreign" / "model.safetensors")
    app.run()
    assert not app.exception
    assert "do not belong to this config.yaml" in texts(app)
    assert len(app.get("image")) == 2 * 3 + 1 + 1  # its originals need no weights


def test_a_run_without_bundled_pictures_shows_prior_samples(app, runs, made_runs):
    shutil.copytree(made_runs / "small-np", runs / "bare")
    for name in ("sprite.png", "codes.parquet", "metrics.json"):
        (runs / "bare" / name).unlink()
    app.query_params["model"] = "small-gmp"
    app.run()
    assert not app.exception
    assert len(app.get("image")) == 2 * 3 + 1 + 1
    assert app.button(key="measure-bare").label == "Not measured yet: measure it"
    assert "measure-small-np" not in [button.key for button in app.button]
    assert texts(app).count("samples from the prior") == 1  # said where it is so, and nowhere else


def test_without_any_model_the_page_says_how_to_get_one(app, runs):
    for link in runs.iterdir():
        link.unlink()
    app.run()
    assert not app.exception
    assert "No model to open yet" in texts(app)
    assert "python -m trainer fit trainer/configs/mnist-gmp.yaml" in app.code[0].value


def test_a_name_with_odd_characters_is_only_text(app, runs):
    make_run(runs / "x_1.b-c", pictures=20)
    (runs / "x_1.b-c" / "metrics.json").write_text(json.dumps([]))
    app.run()
    assert not app.exception
    assert app.button(key="open-x_1.b-c")


def test_the_cards_picture_is_the_models_own(runs):
    entry = catalog.find("small-gmp")
    originals = cache.originals(entry)
    assert originals.shape == (cache.PREVIEW_TILES, 1, 32, 32)
    table = cache.codes(entry)
    first = table.drop_duplicates("label").sort_values("label")["sprite_index"].head(cache.PREVIEW_TILES)
    np.testing.assert_array_equal(originals, cache.tiles(entry, first.tolist()))
    made = cache.reconstructions(entry)
    assert made.shape == originals.shape
    assert made.dtype == np.uint8
    error = ((made / 255.0 - originals / 255.0) ** 2).mean((1, 2, 3))
    psnr = table.set_index("sprite_index").loc[first, "psnr"]
    np.testing.assert_allclose(-10 * np.log10(error), psnr, atol=0.05)  # bytes against floats


def test_prior_pictures_depend_on_the_seed_alone(runs):
    entry = catalog.find("small-np")
    first = cache.prior_pictures(entry, 4, 1)
    cache.prior_pictures.clear()
    np.testing.assert_array_equal(first, cache.prior_pictures(entry, 4, 1))
    assert (first != cache.prior_pictures(entry, 4, 2)).any()


def test_strip_keeps_every_pixel_and_leaves_gaps_clear():
    rows = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 5), dtype=np.uint8)
    picture = pixels.strip(list(rows[:, :, None]), gap=2, scale=2)
    assert picture.shape == (2 * (2 * 7 - 2), 2 * (3 * 7 - 2), 4)
    small = picture[::2, ::2]
    for row in range(2):
        for column in range(3):
            tile = small[7 * row : 7 * row + 5, 7 * column : 7 * column + 5]
            np.testing.assert_array_equal(tile[..., 0], rows[row, column])
            assert (tile[..., 3] == 255).all()
    assert (small[..., 3] == 255).sum() == 2 * 3 * 25


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (18.25, "dB", "18.2 dB"),
        (0.98765, "", "0.988"),
        (3, "", "3"),
        (-0.5, "", "-0.500"),
        (476.4, "", "476"),
        (12.84, "", "12.8"),
        (0.00042, "", "0.00042"),
    ],
)
def test_numbers_are_shown_to_a_sensible_length(value, unit, shown):
    metric = Metric("m", value, "g", "d", "test", 1, None, "e", "c", unit=unit)
    assert widgets.format_value(metric) == shown
