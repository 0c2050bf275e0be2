"""The first screen of Home: what it is sent, where its numbers come from, its links, and models that are absent."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.home import claims, digits, first_screen, miniatures
from explorer.home.state import HomeState
from explorer.shared import catalog, state
from tests.pages.reading import ran, sent_to, texts
from trainer.latent import traversal
from trainer.system import ROOT

USED = ("mnist-gmp", "mnist-vae-matched", "shapes3d-fnp", "shapes3d-vae-annealed")


@pytest.fixture
def bundled(runs) -> Path:
    """The real models that the screen shows, among the user's runs."""
    for name in USED:
        os.symlink(ROOT / "pretrained" / name, runs / name)
    return runs


def floats(text: str, width: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, width)


def stored(name: str, *metrics: str) -> dict:
    """The first of these metrics in the file itself."""
    found = json.loads((ROOT / "pretrained" / name / "metrics.json").read_text(encoding="utf-8"))
    return next(each for metric in metrics for each in found if each["name"] == metric)


def test_pictures_and_codes_are_those_of_the_models(bundled):
    found = digits.find()
    assert found.pictures.shape == (digits.SETS * digits.TILES, 1, 32, 32)
    assert [found.control.entry.name, found.gwae.entry.name] == ["mnist-vae-matched", "mnist-gmp"]
    for board in np.split(np.array(found.labels), digits.SETS):
        assert set(board) == set("0123456789")
    batch = torch.from_numpy(found.pictures).float() / 255
    for coded in (found.control, found.gwae):
        with torch.no_grad():
            mu = coded.entry.run.load_model().encode(batch)[0].numpy()
        np.testing.assert_allclose(coded.codes, mu, atol=1e-3)


def test_what_is_sent_is_what_was_found(app, bundled):
    ran(app)
    sent, found = sent_to(app, "distances"), digits.find()
    assert sent["step"] == "distances"
    assert np.array_equal(
        np.frombuffer(base64.b64decode(sent["pictures"]), np.uint8).reshape(found.pictures.shape), found.pictures
    )
    for model, coded in zip(sent["models"], (found.control, found.gwae), strict=True):
        np.testing.assert_array_equal(floats(model["codes"], 16), coded.codes)
        assert floats(model["places"], 2).shape == (len(found.labels), 2)
        number = stored(model["name"], "Spearman, posterior codes", "Spearman")
        assert f"{number['value']:.3f}" in model["whole"]
        assert f"of {number['n']} " in model["whole"]


def test_a_board_laid_flat_keeps_distances_as_well_as_two_axes_can(bundled):
    coded = digits.find().gwae
    for codes, places in zip(np.split(coded.codes, digits.SETS), np.split(coded.places, digits.SETS), strict=True):
        spread = np.linalg.svd(codes - codes.mean(0), compute_uv=False)
        assert np.square(places).sum() == pytest.approx(np.square(spread[:2]).sum(), rel=1e-4)


def test_the_correlation_over_test_pictures_is_preferred_once_it_was_measured(bundled):
    folder = own_copy(bundled, "mnist-gmp")
    text = (folder / "metrics.json").read_text(encoding="utf-8")
    found = [each for each in json.loads(text) if each["name"] != "Spearman, posterior codes"]
    known = next(each for each in found if each["name"] == "Spearman")
    other = {"name": "Spearman, posterior codes", "value": 0.5, "low": None, "high": None, "split": "test"}
    found.append(known | other)
    (folder / "metrics.json").write_text(json.dumps(found), encoding="utf-8")
    assert first_screen._whole(digits.find().gwae) == "All pairs of 500 test pictures: 0.500"


def own_copy(runs: Path, name: str) -> Path:
    (runs / name).unlink()
    return Path(shutil.copytree(ROOT / "pretrained" / name, runs / name))


def test_each_claim_has_numbers_with_protocol_and_says_where_it_does_not_hold(app, bundled):
    ran(app)
    axes, clusters, generation = sent_to(app, "distances")["claims"]
    assert [claim["miniature"] for claim in (axes, clusters, generation)] == ["axes", "map", "samples"]
    rank, without = (claims.written(claims.metric(catalog.find(name), "Spearman")) for name in USED[2:])
    assert rank in axes["limit"]
    assert without in axes["limit"]
    assert rank.startswith(f"{stored('shapes3d-fnp', 'Spearman')['value']:.3f} [")
    accuracy = stored("mnist-gmp", "cluster accuracy")
    assert clusters["numbers"][0]["value"] == f"{accuracy['value']:.3f}"
    assert clusters["numbers"][0]["interval"] == f"[{accuracy['low']:.3f}, {accuracy['high']:.3f}]"
    assert f"{stored('mnist-vae-matched', 'placed mixture accuracy')['value']:.3f}" in clusters["limit"]
    drawn = stored("mnist-gmp", "Frechet classifier distance, prior samples")
    assert generation["numbers"][0]["value"] == f"{drawn['value']:.1f}"
    assert "faces" in generation["limit"]
    for claim in (axes, clusters, generation):
        for number in claim["numbers"]:
            assert "n = " in number["protocol"]
        assert {link["page"] for link in claim["links"]} <= set(first_screen.LINKED)
        assert all((ROOT / "pages" / f"{link['page']}.py").is_file() for link in claim["links"])


def test_faces_take_the_place_of_digits_once_there_is_such_a_model(bundled):
    os.symlink(ROOT / "pretrained" / "mnist-gmp", bundled / claims.FACES)
    found = digits.find()
    generation = claims.claims(found.gwae.entry, found.control.entry)[-1]
    assert generation["links"][0]["model"] == claims.FACES
    assert "no model of which is bundled" not in generation["limit"]
    assert miniatures.all_of(found.gwae.entry)["samples"].entry.name == claims.FACES


def test_the_axes_are_the_first_of_traverse_and_samples_those_of_generate(bundled):
    entry = catalog.find("mnist-gmp")
    model, codes = entry.run.load_model(), digits.find().gwae.codes
    rows = miniatures.axes(entry)["rows"]
    every = torch.from_numpy(entry.run.codes[[f"z{axis}" for axis in range(16)]].to_numpy("float32", copy=True))
    table = traversal.describe_axes(model, every)
    assert [row["i"] for row in rows] == table.order[: miniatures.AXES].tolist()
    assert rows[0]["share"] == 1
    assert all(row["low"] < np.median(codes[:, row["i"]]) < row["high"] for row in rows)
    drawn = floats(miniatures.all_of(entry)["samples"].content["codes"], 16)
    assert len(drawn) == miniatures.SAMPLES
    with torch.inference_mode():
        np.testing.assert_array_equal(drawn[[7]], model.sample_prior(1, torch.Generator().manual_seed(7)).numpy())


def test_the_miniatures_are_parts_of_the_measured_models(bundled):
    small = miniatures.all_of(catalog.find("mnist-gmp"))
    factors, points = small["axes"].content, small["map"].content
    assert [row["name"] for row in factors["rows"]] == ["floor hue", "wall hue", "orientation", "object hue"]
    assert len(points["colours"]) == len(floats(points["xy"], 2)) == len(floats(points["codes"], 16))
    assert len(set(points["colours"])) == 10


def test_a_link_opens_a_step_and_a_wrong_one_the_first(app, bundled):
    app.query_params["step"] = "uses"
    ran(app)
    assert sent_to(app, "distances")["step"] == "uses"
    assert app.query_params["step"] == "uses"
    assert state.decode(HomeState, {"step": "elsewhere"}) == (HomeState(), ["step"])


@pytest.mark.parametrize("missing", ["mnist-gmp", "mnist-vae-matched"])
def test_without_the_two_models_the_gallery_is_all_there_is(app, bundled, missing):
    (bundled / missing).unlink()
    ran(app)
    assert sent_to(app, "distances") is None
    assert "**small-gmp**" in texts(app)


@pytest.mark.parametrize("missing", ["sprite.png", "codes.parquet"])
def test_without_pictures_or_codes_too(app, bundled, missing):
    (own_copy(bundled, "mnist-gmp") / missing).unlink()
    ran(app)
    assert sent_to(app, "distances") is None


def test_a_damaged_sprite_leaves_the_gallery_to_say_so(app, bundled):
    (own_copy(bundled, "mnist-gmp") / "sprite.png").write_bytes(b"cut short")
    ran(app)
    assert sent_to(app, "distances") is None
    assert "sprite.png" in texts(app)


def test_a_claim_without_its_model_is_left_out(app, bundled):
    (bundled / "shapes3d-fnp").unlink()
    ran(app)
    assert [claim["miniature"] for claim in sent_to(app, "distances")["claims"]] == ["map", "samples"]
    assert "axes" not in sent_to(app, "distances_carrier")["miniatures"]


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.8159, 0.8069, 0.8249, "0.816 [0.807, 0.825]"),
        (5.86, 3.7, 7.98, "5.9 [3.7, 8.0]"),
        (0.695, None, None, "0.695"),
    ],
)
def test_numbers_are_written_with_their_interval(bundled, value, low, high, text):
    known = claims.metric(catalog.find("mnist-gmp"), "Spearman")
    changed = type(known)(**{**vars(known), "value": value, "low": low, "high": high})
    assert claims.written(changed) == text
    assert claims.written(None) == "–"
