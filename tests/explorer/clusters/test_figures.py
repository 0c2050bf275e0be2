from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explorer.clusters import atlas as clusters_data
from explorer.clusters import map as clusters_map
from explorer.clusters.atlas import colourings
from explorer.clusters.components import matched_order
from explorer.clusters.figures import contingency_figure, empty_places, id_template, map_figure
from explorer.shared import catalog
from explorer.shared.theme import CATEGORIES
from tests.fixtures import make_run
from trainer.latent import neighbours
from trainer.latent.map_file import MapSettings

ALL = ("prior", "centres", "outlines")


@pytest.fixture(scope="module")
def entry(tmp_path_factory) -> catalog.Entry:
    root = tmp_path_factory.mktemp("runs")
    made = make_run(root / "small-gmp", pictures=150)
    return catalog._described("small-gmp", made, bundled=False)


@pytest.fixture
def atlas(entry) -> clusters_data.Atlas:
    return clusters_data.by_pca(entry, MapSettings())


def test_every_trace_knows_what_its_points_are(atlas):
    drawn = map_figure(atlas, colourings(atlas)["label"], ALL, dark=False, own=np.array([0.0, 1.0]))
    assert drawn.kinds == ("place", "prior", *["code"] * 10, "", "", "centre", "")
    assert len(drawn.kinds) == len(drawn.figure.data)
    rows = []
    coloured = [trace for trace, kind in zip(drawn.figure.data, drawn.kinds, strict=True) if kind == "code"]
    for label, trace in enumerate(coloured):
        assert trace.name == str(label)
        assert trace.marker.color == CATEGORIES[label]
        own = atlas.pictures.set_index("row").loc[list(trace.customdata)]
        assert (own["label"] == label).all()
        np.testing.assert_allclose(trace.x, own["x"], atol=1e-6)
        np.testing.assert_allclose(trace.y, own["y"], atol=1e-6)
        assert trace.text is None
        assert trace.hovertemplate == f"{label} · mnist-test-%{{customdata:05d}}<extra></extra>"
        rows += own.index.tolist()
    assert sorted(rows) == list(range(150))


@pytest.mark.parametrize(
    ("ids", "rows", "said"),
    [
        (["mnist-test-00007", "mnist-test-12345"], [7, 12345], "mnist-test-%{customdata:05d}"),
        (["7", "12"], [7, 12], "%{customdata:01d}"),
        (["mnist-test-00007", "mnist-test-00009"], [7, 8], ""),
        (["mnist-test-00007", "other-test-00008"], [7, 8], ""),
        (["a/b%{x}-1"], [1], ""),
        (["cat.png"], [0], ""),
        ([], [], ""),
    ],
)
def test_ids_are_told_by_their_rows_where_they_are_numbered_so(ids, rows, said):
    assert id_template(ids, rows) == said


def test_other_ids_are_told_one_by_one(atlas):
    names = [f"{chr(97 + row % 26)}{row}.png" for row in range(len(atlas.pictures))]
    named = replace(atlas, pictures=atlas.pictures.assign(id=names))
    drawn = map_figure(named, colourings(named)["entropy"], (), dark=False)
    assert list(drawn.figure.data[1].text) == names
    assert "%{text}" in drawn.figure.data[1].hovertemplate


@pytest.mark.parametrize("dark", [False, True])
def test_a_scale_colours_by_its_values(atlas, dark):
    drawn = map_figure(atlas, colourings(atlas)["entropy"], (), dark)
    assert drawn.kinds == ("place", "code")
    np.testing.assert_allclose(drawn.figure.data[1].marker.color, atlas.pictures["entropy"], atol=1e-6)
    assert drawn.figure.data[1].marker.colorbar.title.text == "Responsibility entropy (nats)"


def test_three_dimensions_have_no_lattice_and_no_outlines(entry):
    deep = clusters_data.by_pca(entry, MapSettings(dims=3))
    drawn = map_figure(deep, colourings(deep)["label"], ALL, dark=False, own=np.zeros(3))
    assert {trace.type for trace in drawn.figure.data} == {"scatter3d"}
    assert drawn.kinds == ("prior", *["code"] * 10, "centre", "")


def test_the_lattice_covers_the_map_except_next_to_points():
    places = np.random.default_rng(0).normal(size=(400, 2))
    lattice = empty_places(places, 40)
    step = np.ptp(places, axis=0).max() / 40
    distance = np.linalg.norm(lattice[:, None] - places, axis=2).min(1)
    assert distance.min() >= step / 2 - 1e-9
    assert (lattice.min(0) < places.min(0)).all()
    assert (lattice.max(0) > places.max(0)).all()
    anywhere = np.random.default_rng(1).uniform(places.min(0), places.max(0), (500, 2))
    to_lattice = np.linalg.norm(anywhere[:, None] - lattice, axis=2).min(1)
    to_point = np.linalg.norm(anywhere[:, None] - places, axis=2).min(1)
    assert np.minimum(to_lattice, to_point).max() < 1.5 * step
    assert empty_places(np.zeros((5, 2))).shape == (0, 2)


def test_a_click_means_what_is_there(atlas):
    drawn = map_figure(atlas, colourings(atlas)["label"], ALL, dark=False)
    codes, centres, prior, lattice = (drawn.kinds.index(kind) for kind in ("code", "centre", "prior", "place"))

    def focus(curve: int, **point) -> dict:
        return clusters_map.focus_of(atlas, drawn, {"curve_number": curve, **point})

    assert focus(codes, customdata=17) == {"focus": "code", "index": 17}
    assert focus(centres, customdata=[4]) == {"focus": "centre", "index": 4}
    assert focus(prior, customdata=999) == {"focus": "prior", "index": 999}
    codes_only = atlas.places[: len(atlas.codes)]
    gaps = neighbours.nearest(codes_only, codes_only, 2)[1][:, 1]
    alone = int(gaps.argmax())
    x, y = codes_only[alone]
    shy = min(0.9 * clusters_map.CLICK_PIXELS * atlas.extent, 0.4 * gaps[alone])
    assert focus(lattice, x=x + shy, y=y) == {"focus": "code", "index": alone}
    far = float(atlas.places[:, 0].max() + 0.2 * atlas.extent)
    assert focus(lattice, x=far, y=0.0) == {"focus": "place", "at": (round(far, 3), 0.0)}


def test_the_heat_map_shows_counts_and_shares():
    counts = np.array([[1, 9], [30, 10], [0, 0]])
    assert matched_order(counts) == [1, 0, 2]
    figure = contingency_figure(counts, ["a", "b", "c"], ["0", "1"], "component", dark=True)
    heat = figure.data[0]
    np.testing.assert_allclose(heat.z, [[0.1, 0.9], [0.75, 0.25], [0, 0]])
    assert heat.text[1][0] == "30"
    assert heat.text[2][0] == ""
