"""Share: link, files of the open view, and the evidence bundle; two models side by side on page Traverse."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from explorer.shared import beside, catalog, evidence, latent, share
from explorer.traverse import twin
from tests.fixtures import make_run
from tests.pages.reading import checked, opened, sent_to
from trainer.errors import UserError
from trainer.runs.folder import Run


@pytest.fixture(autouse=True)
def _runs(runs):
    return runs


def bundled(app, name: str) -> zipfile.ZipFile:
    """The bundle of what the view of this app has offered."""
    files = {each: file.make for each, file in app.session_state[share._OFFERED].items()}
    return zipfile.ZipFile(io.BytesIO(evidence.bundle([catalog.find(name)], "Traverse", "model=small-gmp", files)))


@pytest.mark.parametrize("data", ["mnist", "celeba"])
def test_pictures_that_may_not_be_passed_on_are_not_in_the_bundle(runs, monkeypatch, data):
    make_run(runs / "private", data=data, channels=3)
    session: dict = {share._MODELS: [catalog.find("small-gmp"), catalog.find("private")]}
    monkeypatch.setattr(share.st, "session_state", session)
    share.pictures("worst", [("worst", np.zeros((2, 3, 32, 32), np.uint8))])
    assert list(session.get(share._OFFERED, ())) == (["worst.png"] if data == "mnist" else [])


def test_the_bundle_of_a_view_holds_figures_settings_numbers_and_commands(runs):
    app = opened("traverse", "small-gmp", steps="5", names="0_=slant")
    packed = bundled(app, "small-gmp")
    assert packed.testzip() is None
    names = set(packed.namelist())
    figures = {"figures/small-gmp-sheet.png", "figures/small-gmp-sheet.svg"}
    assert figures | {"config.yaml", "numbers.csv", "README.txt"} <= names
    assert packed.read("config.yaml") == (runs / "small-gmp" / "config.yaml").read_bytes()
    rows = list(csv.DictReader(io.StringIO(packed.read("numbers.csv").decode())))
    metrics = Run(runs / "small-gmp").metrics
    assert [(row["name"], float(row["value"]), row["estimator"], row["checkpoint"]) for row in rows] == [
        (metric.name, metric.value, metric.estimator, metric.checkpoint) for metric in metrics
    ]
    text = packed.read("README.txt").decode()
    for part in (
        Run(runs / "small-gmp").hash,
        "?model=small-gmp",
        "python -m trainer fit",
        "trainer evaluate runs/small-gmp",
    ):
        assert part in text
    assert all(name in text for name in names)
    assert "=slant" in packed.read("figures/small-gmp-sheet.svg").decode()
    with Image.open(io.BytesIO(packed.read("figures/small-gmp-sheet.png"))) as picture:
        assert picture.width > 5 * 2 * 56
    assert bundled(app, "small-gmp").read("README.txt") == packed.read("README.txt")


def test_charts_are_in_the_bundle_as_pages_that_need_no_network():
    packed = bundled(opened("traverse", "small-gmp", view="code"), "small-gmp")
    assert "tables/small-gmp-code.csv" in packed.namelist()
    page = packed.read("figures/traverse-effects.html").decode()
    assert f"Traverse, small-gmp ({catalog.find('small-gmp').hash})" in page, "its label"
    assert 'src="plotly.min.js"' in page
    assert "figures/plotly.min.js" in packed.namelist()


def test_models_side_by_side_are_both_in_the_bundle(runs):
    app = opened("generate", "small-gmp", view="numbers", beside="small-vae")
    assert [str(entry.name) for entry in app.session_state[share._MODELS]] == ["small-gmp", "small-vae"]
    packed = zipfile.ZipFile(io.BytesIO(evidence.bundle(app.session_state[share._MODELS], "Generate", "", {})))
    assert {"config.yaml", "compared/small-vae/config.yaml", "compared/small-vae/numbers.csv"} <= set(packed.namelist())
    assert all(Run(runs / name).hash in packed.read("README.txt").decode() for name in ("small-gmp", "small-vae"))


def test_a_file_that_cannot_be_made_is_named_and_costs_no_other(runs):
    def refuse():
        raise UserError("its data are gone.")

    entry = catalog.find("small-gmp")
    packed = zipfile.ZipFile(io.BytesIO(evidence.bundle([entry], "x", "", {"a.csv": refuse, "b.csv": lambda: "1\n"})))
    assert "tables/b.csv" in packed.namelist()
    assert "a.csv is left out: its data are gone." in packed.read("README.txt").decode()


def test_a_server_for_visitors_gives_no_settings_of_own_runs_away(monkeypatch):
    monkeypatch.setenv("GWAE_MODE", "view")
    packed = zipfile.ZipFile(io.BytesIO(evidence.bundle([catalog.find("small-gmp")], "x", "", {})))
    assert set(packed.namelist()) == {"README.txt", "numbers.csv"}


def test_the_box_offers_what_the_view_has_and_is_empty_until_it_is_open(app):
    app.query_params["model"] = "small-gmp"
    checked(app.run())
    assert "Evidence bundle" not in {each.label for each in app.get("download_button")}


def test_a_second_model_begins_at_the_same_picture_and_its_axis_of_each_rank_follows():
    app = opened("traverse", "small-gmp", index="3", beside="small-vae")
    space = latent.space(catalog.find("small-gmp"))
    other = latent.space(catalog.find("small-vae"))
    sent = sent_to(app, "panel")["twin"]
    row = other.pictures[other.pictures["id"] == space.pictures.loc[3, "id"]].iloc[0]
    codes = [float(row[f"z{axis}"]) for axis in range(8)]
    assert sent["name"] == "small-vae"
    assert sent["start"] == pytest.approx(codes, abs=2e-3)
    assert sent["reconstruction"] == sent["current"]
    first, its = int(space.table.order[0]), int(other.table.order[0])
    low, high = float(space.table.low[first]), float(space.table.high[first])
    moved = sent_to(
        opened("traverse", "small-gmp", index="3", beside="small-vae", edits=f"{first}_{high:.3f}"), "panel"
    )
    begun = np.array(sent["start"])
    z = np.array(moved["z"])
    import torch

    code = twin.follow(space, other, torch.tensor(moved["start"]), torch.tensor(z), torch.tensor(begun))
    share_ = (z[first] - moved["start"][first]) / (high - low)
    width = float(other.table.high[its] - other.table.low[its])
    assert float(code[its]) - begun[its] == pytest.approx(share_ * width, abs=1e-4)
    assert np.delete(code.numpy(), its) == pytest.approx(np.delete(begun, its))
    assert moved["twin"]["current"] != sent["current"]


def test_without_a_second_model_there_is_no_twin():
    app = opened("traverse", "small-gmp", beside="nonsense")
    assert sent_to(app, "panel")["twin"] is None
    assert beside.MOST == 3
