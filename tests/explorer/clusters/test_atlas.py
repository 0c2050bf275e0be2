from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from explorer.clusters import atlas as clusters_data
from explorer.clusters import inspector
from explorer.clusters import subject as clusters_subject
from explorer.clusters.atlas import coloured, colourings
from explorer.clusters.state import ClustersState
from explorer.shared import catalog, latent
from explorer.traverse.state import choice, edits_of
from tests.fixtures import blob_pictures, make_run, write_digit_files
from trainer.errors import UserError
from trainer.latent import map as mapping
from trainer.latent import map_file
from trainer.latent.map_file import MapSettings
from trainer.runs.folder import Run
from trainer.runs.sprite import write_sprite

PICTURES = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "small-gmp", trained=True, pictures=PICTURES).path


@pytest.fixture
def entry(folder, tmp_path, monkeypatch) -> catalog.Entry:
    """A copy, so that a test may change its files."""
    shutil.copytree(folder, tmp_path / "runs" / "small-gmp")
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", tmp_path / "runs"))
    return catalog.find("small-gmp")


@pytest.fixture
def atlas(entry) -> clusters_data.Atlas:
    return clusters_data.by_pca(entry, MapSettings())


def number(identifier: str) -> int:
    return int(identifier.rsplit("-", 1)[1])


@pytest.mark.parametrize("whole_split", [False, True])
def test_every_thumbnail_belongs_to_its_point(entry, tmp_path, whole_split):
    """Ids are planted in the blobs themselves: picture n of the fixture is blob n, wherever its row and tile are.

    With the data set at hand every point has its picture, without it those in the sprite.
    """
    blobs, labels = blob_pictures(PICTURES)
    if whole_split:
        write_digit_files(tmp_path / "pretrained" / "data", blobs[:, 0, 2:30, 2:30], labels, compressed=True)
        blobs = np.pad(blobs[:, :, 2:30, 2:30], ((0, 0), (0, 0), (2, 2), (2, 2)))
        write_sprite(blobs, entry.path / "sprite.png")
    made = mapping.of_run(Run(entry.path), MapSettings(method="pca"))
    file = Path(entry.path) / "some-map.parquet"
    map_file.write(made, file)
    random = np.random.default_rng(0)
    table = pd.read_parquet(entry.path / "codes.parquet").iloc[random.permutation(PICTURES)]
    table.loc[table.index[::3], "sprite_index"] = -1  # and not every picture is in the sprite
    table.to_parquet(entry.path / "codes.parquet", index=False)
    found = clusters_data.from_file(entry, file)
    assert len(found.pictures) == PICTURES
    rows = list(range(PICTURES))
    for row, picture in zip(rows, clusters_subject.originals(found, rows), strict=True):
        n = number(found.pictures["id"].iloc[row])
        assert found.pictures["label"].iloc[row] == labels[n]
        assert table["id"].iloc[found.pictures["row"].iloc[row]] == found.pictures["id"].iloc[row]
        if found.pictures["sprite_index"].iloc[row] < 0 and not whole_split:
            assert picture is None
        else:
            np.testing.assert_array_equal(picture, blobs[n])
    again = clusters_subject.decoded(found, found.codes)
    original = clusters_subject.decoded(found, clusters_data.by_pca(entry, MapSettings()).codes)
    order = found.pictures["id"].map(number).to_numpy()
    want = clusters_data.by_pca(entry, MapSettings()).pictures["id"].map(number).to_numpy()
    np.testing.assert_array_equal(again[order.argsort()], original[want.argsort()])


def test_a_map_of_other_pictures_is_refused(entry, atlas):
    made = mapping.compute(
        pd.read_parquet(entry.path / "codes.parquet"), atlas.model, entry.hash, MapSettings(method="pca")
    )
    made.frame.loc[3, "id"] = "mnist-test-99999"
    map_file.write(made, entry.path / "map.parquet")
    with pytest.raises(UserError, match="map and codes differ"):
        clusters_data.from_file(entry, entry.path / "map.parquet")


def test_the_usual_colours_are_offered(atlas):
    offered = colourings(atlas)
    assert list(offered)[:3] == ["label", "component", "entropy"]
    assert offered["label"].names == {k: str(k) for k in range(10)}
    assert offered["entropy"].names is None
    assert any(name.startswith("score_") for name in offered)
    for colouring in offered.values():
        assert len(colouring.values) == PICTURES


def test_a_colouring_that_a_map_lacks_gives_way_to_its_usual_one_or_to_one_colour(atlas):
    first = next(iter(colourings(atlas)))
    assert coloured(atlas, "entropy")[0] == "entropy"
    assert coloured(atlas, "nonsense")[0] == first
    bare = dataclasses.replace(atlas, pictures=atlas.pictures[["id", "row"]])
    key, colouring = coloured(bare, "label")
    assert (key, set(colouring.values)) == ("", {0})
    assert len(colouring.values) == len(bare.codes)


def test_a_known_code_is_placed_where_it_is_and_a_known_place_gives_its_code(atlas):
    np.testing.assert_allclose(atlas.placed(atlas.codes[[5, 90]]), atlas.places[[5, 90]], atol=1e-6)
    np.testing.assert_allclose(atlas.code_at(tuple(atlas.places[17])), atlas.everything[17], atol=1e-4)


# ---------------------------------------------------------------- subjects


def subject(atlas, **state) -> clusters_subject.Subject | None:
    return clusters_subject.resolve(atlas, ClustersState(**state))


def test_each_focus_is_the_code_it_names(atlas):
    np.testing.assert_array_equal(subject(atlas, focus="code", index=12).code, atlas.codes[12])
    assert subject(atlas, focus="code", index=12).caption == "mnist-test-00012"
    centre = subject(atlas, focus="centre", index=3)
    np.testing.assert_allclose(centre.code, atlas.model.prior.means()[3].numpy(), atol=1e-6)
    assert subject(atlas, focus="prior", index=0).code.shape == (8,)
    assert subject(atlas, focus="upload", code=tuple([0.5] * 8)).code.tolist() == [0.5] * 8
    place = (float(atlas.places[:, 0].mean()), float(atlas.places[:, 1].mean()))
    np.testing.assert_array_equal(subject(atlas, focus="place", at=place).code, atlas.code_at(place))


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"focus": "code", "index": 10_000},
        {"focus": "centre", "index": 10},
        {"focus": "prior", "index": 1000},
        {"focus": "place", "at": (1.0,)},
        {"focus": "upload", "code": (1.0, 2.0)},
    ],
)
def test_a_focus_that_this_model_does_not_have_is_none(atlas, state):
    assert subject(atlas, **state) is None


def test_reliability_falls_with_the_distance_from_the_data(atlas):
    code = atlas.codes[8]
    away = np.array([1, -1] * 4, np.float32) * 30
    found = [clusters_subject.reliability(atlas, (code + share * away).astype(np.float32)) for share in (0, 0.1, 1)]
    assert found[0].in_codes == 0
    assert found[0].code_share == 1
    assert found[0].code_share >= found[1].code_share >= found[2].code_share == 0
    assert found[2].score == 0
    assert found[0].trip < found[2].trip
    middle = float(np.median(atlas.meta["neighbour_distances"]))
    step = np.zeros(8, np.float32)
    step[0] = middle
    isolated = clusters_subject.reliability(atlas, code + step)
    assert isolated.in_codes <= middle + 1e-5


def test_reliability_falls_with_the_distance_from_the_data_on_the_map(atlas):
    code, at = atlas.codes[8], atlas.places[8]
    here, beside = (clusters_subject.reliability(atlas, code, tuple(at + step)) for step in (0, atlas.usual.on_map * 2))
    away = clusters_subject.reliability(atlas, code, tuple(at + atlas.extent))
    assert here.on_map == 0
    assert here.map_share == 1
    assert here.map_share >= beside.map_share >= away.map_share == 0 == away.score
    np.testing.assert_allclose(clusters_subject.reliability(atlas, code), here, atol=1e-4)  # where the map puts it


def test_neighbours_are_the_nearest_others(atlas):
    found = clusters_subject.neighbours(atlas, clusters_subject.of_row(atlas, 4))
    distances = np.linalg.norm(atlas.codes - atlas.codes[4], axis=1)
    assert found == np.argsort(distances, kind="stable")[1 : clusters_subject.NEIGHBOURS + 1].tolist()


@pytest.mark.parametrize(
    "state",
    [
        {"focus": "code", "index": 12},
        {"focus": "centre", "index": 3},
        {"focus": "prior", "index": 7},
        {"focus": "place", "at": (0.25, -0.5)},
        {"focus": "upload", "code": (0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8)},
    ],
)
def test_traverse_opens_at_the_same_code(atlas, entry, state, monkeypatch):
    view = ClustersState(**state)
    monkeypatch.setattr(inspector, "current", lambda: view)
    found = clusters_subject.resolve(atlas, view)
    handed = inspector.traverse_state(atlas, found)
    assert handed.checkpoint == entry.hash
    start = latent.resolve(latent.space(entry), choice(handed, "start"), "start").code.numpy()
    for axis, value in edits_of(handed).items():
        start[axis] = value
    np.testing.assert_allclose(start, found.code, atol=6e-4)
    assert handed.start == {"code": "image", "centre": "component"}.get(view.focus, "image")
