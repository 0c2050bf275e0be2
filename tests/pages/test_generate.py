"""The Generate page: samples and their details, downloads, reconstructions, numbers, and models side by side."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.generate import details, downloads, numbers, reconstructions
from explorer.generate.draws import draws
from explorer.generate.state import GenerateState
from explorer.shared import catalog
from explorer.shared.links import TraverseState
from tests.fixtures import blob_pictures, make_run
from tests.pages import reading
from tests.pages.reading import button, ran, sent_to, texts
from trainer.data.imageset import ImageSet
from trainer.models import onnx_export
from trainer.ood import neighbours
from trainer.runs.folder import Metric, Run


def trained_on(run: Run) -> None:
    """Give a run a decoder for the browser, and codes and pictures of training pictures."""
    settings = run.config.data
    pixels, labels = blob_pictures(40, settings.size, settings.channels, seed=5)
    ids = tuple(f"train-{row}" for row in range(40))
    images = ImageSet(torch.from_numpy(pixels), torch.from_numpy(labels), tuple("0123456789"), ids, "MNIST", "train")
    neighbours.store(run, run.load_model(), images)
    onnx_export.export_decoder(run.load_model(), run.path / "decoder.onnx")


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("generate") / "runs"
    trained_on(make_run(root / "small-np", prior="np", z_dim=4, trained=True))
    trained_on(make_run(root / "small-gmp", z_dim=4))
    make_run(root / "bare", kind="vae", z_dim=4)
    make_run(root / "shapes", kind="vae", data="shapes3d-rendered", z_dim=4, pictures=20)
    return root


@pytest.fixture(autouse=True)
def runs(made, tmp_path, monkeypatch) -> Path:
    root = Path(shutil.copytree(made, tmp_path / "runs"))
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", root))
    monkeypatch.setenv("GWAE_DATA", str(tmp_path / "data"))
    return root


def opened(model: str = "small-np", **link: str) -> AppTest:
    return reading.opened("generate", model, **link)


def floats(text: str, z_dim: int = 4) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(-1, z_dim)


# ---------------------------------------------------------------- samples


def test_it_opens_with_a_sheet_of_prior_samples_and_the_next_ones_in_stock():
    sent = sent_to(opened(), "samples")
    assert (sent["count"], sent["columns"], sent["seed"], sent["temperature"]) == (64, 8, 0, 1.0)
    (model,) = sent["models"]
    assert model["name"] == "small-np"
    assert model["centres"] is None
    assert len(floats(model["codes"])) == 64 * sent["pool"] >= 128


def test_a_sample_is_the_one_that_traverse_calls_by_its_seed():
    codes = floats(sent_to(opened(seed="7"), "samples")["models"][0]["codes"])
    model = catalog.find("small-np").run.load_model()
    for place in (0, 5, 64):
        expected = model.sample_prior(1, torch.Generator().manual_seed(7 + place))[0].detach().numpy()
        np.testing.assert_array_equal(codes[place], expected)


def test_a_mixture_offers_its_components_and_scales_around_their_means():
    app = opened("small-gmp", component="3")
    assert "component 3" in app.selectbox(key="generate.component").options
    model = sent_to(app, "samples")["models"][0]
    entry = catalog.find("small-gmp")
    prior = entry.run.load_model().prior
    expected = prior.sample_component(3, 1, torch.Generator().manual_seed(1))[0].detach().numpy()
    np.testing.assert_array_equal(floats(model["codes"])[1], expected)
    found = draws(entry, 0, 8)
    distances = np.linalg.norm(found.centres[:, None] - prior.means().detach().numpy(), axis=2)
    assert distances.min(1).max() < 1e-6
    np.testing.assert_allclose(found.at(0.0), found.centres, atol=1e-6)
    np.testing.assert_allclose(found.at(1.0), found.codes, atol=1e-6)


def test_models_of_the_same_pictures_stand_side_by_side_on_the_same_seeds():
    app = opened(beside="small-gmp,shapes,nonsense")
    sent = sent_to(app, "samples")
    assert [model["name"] for model in sent["models"]] == ["small-np", "small-gmp"]
    assert sent["count"] == 36


def test_a_model_without_a_decoder_says_how_to_make_it():
    assert "bare has no decoder for the browser yet; make it with: python -m trainer evaluate" in texts(opened("bare"))


# ---------------------------------------------------------------- one sample


def test_the_nearest_training_codes_are_the_nearest():
    entry = catalog.find("small-np")
    code = draws(entry, 3, 1).codes[0]
    found = details.nearest(entry, code)
    table = neighbours.read(entry.run)
    codes = table[[f"z{axis}" for axis in range(4)]].to_numpy("float64")
    order = np.argsort(np.linalg.norm(codes - code, axis=1))[: details.NEAREST]
    assert found.ids == [table["id"][row] for row in order]
    np.testing.assert_allclose(found.distances, np.linalg.norm(codes - code, axis=1)[order], atol=1e-6)
    pixels, _ = blob_pictures(40, 32, 1, seed=5)
    assert np.array_equal(found.pictures[0], pixels[int(found.ids[0].removeprefix("train-"))])


def test_a_click_shows_neighbours_and_where_pictures_may_not_be_shown_distances(runs):
    app = opened(picked="3")
    assert "**Seed 3** of small\\-np, temperature 1" in texts(app) or "**Seed 3** of small-np" in texts(app)
    assert len(app.get("image")) == 1 + details.NEAREST
    (runs / "small-np" / "train_sprite.png").unlink()
    said = texts(opened(picked="3"))
    assert "Distances to the nearest training codes: " in said
    assert "MNIST may not be passed on" in said


def test_a_sample_goes_to_traverse_with_its_temperature():
    app = opened(picked="3", temperature="0.5")
    button(app, "Open in Traverse").click()
    with contextlib.suppress(Exception):  # switch_page finds no such page in a script of its own
        app.run()
    state = app.session_state["gwae.state.TraverseState"]
    assert isinstance(state, TraverseState)
    assert (state.start, state.seed) == ("prior", 3)
    entry = catalog.find("small-np")
    expected = draws(entry, 3, 1).at(0.5)[0]
    moved = {int(edit.partition("_")[0]): float(edit.partition("_")[2]) for edit in state.edits}
    assert moved == pytest.approx(dict(enumerate(expected.tolist())), abs=1e-3)


def test_closing_the_details_takes_them_away():
    app = opened(picked="3")
    button(app, "Close").click()
    assert "**Seed 3**" not in texts(ran(app))


# ---------------------------------------------------------------- downloads


def test_the_zip_holds_what_is_on_the_sheet():
    opened(seed="5", temperature="0.5")
    view = GenerateState(seed=5, temperature=0.5)
    entry = catalog.find("small-np")
    _, codes, drawn = found = downloads.drawn(entry, 6, view)
    assert np.array_equal(codes, draws(entry, 5, 6).at(0.5))
    with zipfile.ZipFile(io.BytesIO(downloads.archive([found], view))) as packed:
        names = set(packed.namelist())
        assert names == {"about.txt", "small-np/codes.csv", *(f"small-np/{seed}.png" for seed in range(5, 11))}
        rows = list(csv.DictReader(io.StringIO(packed.read("small-np/codes.csv").decode())))
        assert [int(row["seed"]) for row in rows] == list(range(5, 11))
        np.testing.assert_allclose([float(row["z2"]) for row in rows], codes[:, 2], rtol=1e-6)
        assert np.array_equal(np.array(Image.open(packed.open("small-np/7.png"))), drawn[2, 0])
        assert (
            f"small-np ({entry.hash}), prior samples from seed 5, temperature 0.5" in packed.read("about.txt").decode()
        )
    sheet = np.array(Image.open(io.BytesIO(downloads.sheet([found], 3, view))))
    top, left = 8 + 22, 8
    assert np.array_equal(sheet[top : top + 64 : 2, left : left + 64 : 2, 0], drawn[0, 0])
    assert (sheet[8:28] < 128).any()  # the label


# ---------------------------------------------------------------- reconstructions


def test_best_and_worst_are_by_psnr_among_what_can_be_shown():
    psnr = np.array([20.0, 30.0, np.nan, 10.0, 25.0])
    best, worst = reconstructions.best_and_worst(psnr, np.array([True, True, True, True, False]))
    assert best.tolist() == [1, 0, 3]
    assert worst.tolist() == [3, 0, 1]
    assert reconstructions.best_and_worst(psnr, np.zeros(5, bool)) is None


def test_reconstructions_bear_their_psnr_for_every_model():
    app = opened(view="reconstructions", beside="small-gmp")
    pictures = app.get("image")
    assert len(pictures) == 2 * 3 * reconstructions.EACH
    captions = [image.caption for element in pictures for image in element.proto.imgs]
    table = catalog.find("small-np").run.codes
    assert f"{table['psnr'].max():.1f} dB" in captions
    assert f"{table['psnr'].min():.1f} dB" in captions
    assert f"PSNR of the {len(table):,} test pictures" in texts(app)


def test_pictures_that_may_not_be_passed_on_are_not_shown(runs):
    (runs / "small-np" / "sprite.png").unlink()
    app = opened(view="reconstructions")
    assert not app.get("image")
    assert "Pictures of MNIST may not be passed on" in texts(app)


# ---------------------------------------------------------------- numbers


def metric(
    value: float, checkpoint: str, name: str = "Frechet classifier distance, prior samples", n: int = 100
) -> Metric:
    return Metric(
        name, value, "generation", "MNIST", "test", n, 0, "100 prior samples against 100", checkpoint,
        low=value - 1, high=value + 1, higher_is_better=False,
    )  # fmt: skip


def test_numbers_stand_side_by_side_with_intervals_and_protocols(runs):
    for name, value in (("small-np", 12.5), ("small-gmp", 9.25)):
        run = Run(runs / name)
        run.write_metrics([metric(value, run.hash)])
    app = opened(view="numbers", beside="small-gmp")
    said = texts(app)
    assert "| samples | Frechet classifier distance |" in said
    assert "| prior samples · small-np | 12.5 [11.5, 13.5] |" in said
    assert "| prior samples · small-gmp | **9.250** [8.250, 10.250] |" in said
    assert "100 prior samples against 100" in said
    assert "| samples | PSNR | SSIM |" in said


def test_numbers_of_different_protocols_are_not_ranked():
    rows = {"a": [metric(1, "h", "x, y")], "b": [metric(2, "h", "x, y", n=50)], "c": []}
    assert "**" not in numbers.table(rows)
    assert "| y · c | not measured |" in numbers.table(rows)
    assert "**1.000**" in numbers.table({"a": [metric(1, "h", "x, y")], "b": [metric(2, "h", "x, y")]})
    assert numbers.table({"a": [], "b": []}) == ""
    same = {name: [metric(1, "h", "x, training pictures")] for name in "ab"}
    assert numbers.table(same).count("training pictures") == 1
    same["b"] = [metric(2, "h", "x, training pictures")]
    assert numbers.table(same).count("training pictures") == 2


def test_without_numbers_the_command_is_named():
    app = opened(view="numbers")
    assert "No generation metrics yet" in texts(app)
    assert any("--only generation" in code.value for code in app.code)
