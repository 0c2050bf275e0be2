from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import entropy

from tests.fixtures import make_run
from trainer.errors import UserError
from trainer.latent import contours, map_file, neighbours
from trainer.latent import map as mapping
from trainer.latent.map_file import MapSettings
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import ROOT

BUNDLED = ROOT / "pretrained" / "mnist-gmp"
GROUPS = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return make_run(tmp_path_factory.mktemp("runs") / "small", pictures=240)


@pytest.fixture(scope="module")
def planted(run) -> pd.DataFrame:
    """Codes in far apart groups; the id tells the group, the order of rows does not."""
    random = np.random.default_rng(5)
    centres = 8 * random.normal(size=(GROUPS, 8))
    group = random.integers(0, GROUPS, 300)
    codes = pd.DataFrame(centres[group] + random.normal(size=(300, 8)), columns=[f"z{axis}" for axis in range(8)])
    return codes.astype(np.float32).assign(id=[f"group-{k}-{n:03d}" for n, k in enumerate(group)], label=group)


@pytest.fixture(scope="module")
def reported() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def made(run, planted, reported) -> map_file.Map:
    settings = MapSettings(points=200)
    return mapping.compute(planted, run.load_model(), run.hash, settings, lambda *said: reported.append(said))


def of(made: map_file.Map, kind: str) -> pd.DataFrame:
    return made.frame[made.frame["kind"] == kind]


def test_every_place_belongs_to_its_id(made, planted):
    """The neighbours of a point on the map are those its own code has, so ids cannot have been shuffled."""
    codes = of(made, "code")
    assert len(codes) == 200
    assert codes["id"].is_unique
    assert set(codes["id"]) <= set(planted["id"])
    groups = codes["id"].str.split("-").str[1].to_numpy()
    rows, _ = neighbours.nearest(codes[["x", "y"]].to_numpy(), codes[["x", "y"]].to_numpy(), 6)
    assert (groups[rows[:, 1:]] == groups[:, None]).mean() > 0.98
    for k in range(GROUPS):  # every label has its share in the sample
        assert (groups == str(k)).sum() == pytest.approx(200 * (planted["label"] == k).mean(), abs=1.5)


def test_prior_samples_and_centres_carry_their_own_codes(made, run):
    model = run.load_model()
    latent = [f"z{axis}" for axis in range(8)]
    samples = model.sample_prior(mapping.PRIOR_SAMPLES, torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(of(made, "prior")[latent].to_numpy(), samples.numpy())
    np.testing.assert_array_equal(of(made, "centre")[latent].to_numpy(), model.prior.means().numpy())
    assert of(made, "centre")["component"].tolist() == list(range(10))
    assert of(made, "code")[latent].isna().all(axis=None)  # these are in codes.parquet


def test_entropy_and_clusters_are_those_of_the_codes(made, run, planted):
    codes = of(made, "code")
    z = planted.set_index("id").loc[codes["id"], [f"z{axis}" for axis in range(8)]].to_numpy(copy=True)
    shares = run.load_model().prior.responsibilities(torch.from_numpy(z)).numpy()
    np.testing.assert_allclose(codes["entropy"], entropy(shares, axis=1), atol=1e-4)
    np.testing.assert_array_equal(codes["component"], shares.argmax(1))
    assert (made.frame.loc[made.frame["kind"] != "code", "kmeans"] == -1).all()
    clusters = pd.crosstab(codes["kmeans"], codes["id"].str.split("-").str[1])
    assert (clusters > 0).sum(axis=1).max() == 1  # ten clusters cut six groups, none holds two


def test_the_trust_is_that_of_the_coordinates(made, planted):
    codes = of(made, "code")
    z = planted.set_index("id").loc[codes["id"], [f"z{axis}" for axis in range(8)]].to_numpy()
    assert made.meta["trustworthiness"] == neighbours.trustworthiness(z, codes[["x", "y"]].to_numpy())
    assert made.meta["trustworthiness"] > 0.9
    assert made.meta["codes"] == 300


def test_progress_reaches_the_end_of_the_layout(made, reported):
    epochs = [(done, total) for what, done, total in reported if what == "layout"]
    assert epochs == sorted(epochs)
    assert epochs[-1][0] == epochs[-1][1] > 100
    stages = list(dict.fromkeys(what for what, _, _ in reported))
    assert stages == ["preparing", "neighbours", "layout", "outlines", "trustworthiness", "clusters"]


def test_the_same_seed_gives_the_same_coordinates_in_any_process(run, tmp_path):
    settings = MapSettings(points=150, neighbours=7)
    here = mapping.of_run(run, settings)
    file = tmp_path / "there.parquet"
    command = [sys.executable, "-m", "trainer", "map", str(run.path), "--out", str(file)]
    command += ["--settings", json.dumps({"points": 150, "neighbours": 7})]
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=True)
    assert "trustworthiness 0." in ended.stdout
    there = map_file.read(file)
    pd.testing.assert_frame_equal(here.frame, there.frame)
    assert here.meta == there.meta
    other = mapping.of_run(run, MapSettings(points=150, neighbours=7, seed=1))
    assert np.abs(other.frame[["x", "y"]].to_numpy() - here.frame[["x", "y"]].to_numpy()).max() > 0.1


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_outlines_hold_their_share_of_fresh_samples(run, made, planted, method):
    model = run.load_model()
    settings = MapSettings(points=200, method=method)
    found = made if method == "umap" else mapping.compute(planted, model, run.hash, settings)
    latent = [f"z{axis}" for axis in range(8)]
    codes = planted.set_index("id").loc[of(found, "code")["id"], latent].to_numpy()
    known = np.concatenate([codes, found.frame.loc[found.frame["kind"] != "code", latent].to_numpy()])
    places = found.frame[["x", "y"]].to_numpy()
    for k in range(0, 10, 3):
        fresh = model.prior.sample_component(k, 2000, torch.Generator().manual_seed(77 + k)).numpy()
        placed = mapping.place(fresh, known, places, settings, len(codes))
        for entry in found.meta["outlines"]:
            if entry["component"] == k:
                share = contours.inside(placed, [np.array(path) for path in entry["paths"]]).mean()
                assert share == pytest.approx(entry["share"], abs=0.05), entry["sigma"]
    assert {(entry["sigma"], entry["share"]) for entry in found.meta["outlines"]} == {(1, 0.393), (2, 0.865)}


def test_other_priors_have_no_components_and_three_dimensions_no_outlines(tmp_path):
    plain = make_run(tmp_path / "np", prior="np", z_dim=4, pictures=60)
    flat = mapping.of_run(plain, MapSettings(method="pca"))
    assert set(flat.frame["kind"]) == {"code", "prior"}
    assert "component" not in flat.frame
    assert flat.meta["outlines"] == []
    deep = mapping.of_run(plain, MapSettings(method="pca", dims=3))
    assert deep.axes == ["x", "y", "z"]
    assert np.ptp(deep.frame["z"]) > 0


def test_a_map_survives_its_file_and_fits_only_its_own(made, run, tmp_path):
    file = tmp_path / "deep" / "map.parquet"
    map_file.write(made, file)
    again = map_file.read(file)
    pd.testing.assert_frame_equal(again.frame, made.frame)
    assert again.meta == made.meta
    settings = MapSettings(points=200)
    assert map_file.fits(file, run.hash, settings)
    assert not map_file.fits(file, "0" * 12, settings)
    assert not map_file.fits(file, run.hash, MapSettings(points=201))
    assert not map_file.fits(tmp_path / "none.parquet", run.hash, settings)
    file.write_bytes(file.read_bytes()[:-50])
    assert not map_file.fits(file, run.hash, settings)
    with pytest.raises(UserError, match="move it away, and it is made anew"):
        map_file.read(file)
    run.codes.to_parquet(file)  # a table, but no map
    assert not map_file.fits(file, run.hash, settings)


def test_bad_input_is_told_in_one_sentence(run, tmp_path):
    with pytest.raises(UserError, match="at least 40 test codes"):
        mapping.compute(run.codes.head(39), run.load_model(), run.hash)
    with pytest.raises(UserError, match="neighbours=1 is not valid: input should be greater than or equal to 2"):
        map_file.parse_settings('{"neighbours": 1}')
    with pytest.raises(UserError, match="unknown key 'colour'"):
        map_file.parse_settings('{"colour": 1}')


def test_keys_tell_settings_apart():
    changes = [{"neighbours": 16}, {"min_dist": 0.2}, {"metric": "cosine"}, {"dims": 3}, {"points": 999}, {"seed": 1}]
    keys = {MapSettings(**change).key for change in [{}, {"method": "pca"}, *changes]}
    assert len(keys) == 8
    assert all(key.replace("-", "").replace(".", "").isalnum() for key in keys)


def test_the_bundled_map_can_be_trusted():
    """The real model: its codes and its map are in the repository, the data set is not needed."""
    if not BUNDLED.is_dir():
        pytest.skip("pretrained/mnist-gmp is not bundled yet")
    bundled = Run(BUNDLED)
    assert map_file.fits(BUNDLED / layout.MAP, bundled.hash, MapSettings())
    stored = map_file.read(BUNDLED / layout.MAP)
    codes = of(stored, "code")
    latent = [f"z{axis}" for axis in range(bundled.config.model.z_dim)]
    z = bundled.codes.set_index("id").loc[codes["id"], latent].to_numpy()
    assert len(codes) == 10_000
    measured = neighbours.trustworthiness(z, codes[["x", "y"]].to_numpy())
    assert measured >= 0.95
    (metric,) = [metric for metric in bundled.metrics if metric.name == "map trustworthiness"]
    assert metric.value == pytest.approx(measured, abs=1e-6)
    assert (metric.n, metric.checkpoint) == (10_000, bundled.hash)
    known = np.concatenate([z, stored.frame.loc[stored.frame["kind"] != "code", latent].to_numpy()])
    prior = bundled.load_model().prior
    shares = {1: [], 2: []}
    for entry in stored.meta["outlines"]:
        fresh = prior.sample_component(entry["component"], 500, torch.Generator().manual_seed(5)).detach().numpy()
        placed = neighbours.place_on_map(fresh, known, stored.frame[["x", "y"]].to_numpy())
        shares[entry["sigma"]].append(contours.inside(placed, [np.array(path) for path in entry["paths"]]).mean())
        assert shares[entry["sigma"]][-1] == pytest.approx(entry["share"], abs=0.08)
    assert np.mean(shares[1]) == pytest.approx(0.393, abs=0.03)
    assert np.mean(shares[2]) == pytest.approx(0.865, abs=0.03)
