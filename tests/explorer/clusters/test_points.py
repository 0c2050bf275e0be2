"""What the browser is sent of a map, and what its reports mean."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.clusters import atlas as clusters_data
from explorer.clusters import components, detail, points
from explorer.clusters import map as clusters_map
from explorer.clusters.atlas import Colouring, colourings
from explorer.clusters.figures import figure as map_figure
from explorer.shared import catalog, theme
from tests.fixtures import make_run
from trainer.latent.map_file import MapSettings

ALL = ("prior", "centres", "outlines")
PICTURES = 150


@pytest.fixture(scope="module")
def entry(tmp_path_factory) -> catalog.Entry:
    root = tmp_path_factory.mktemp("runs")
    made = make_run(root / "small-gmp", pictures=PICTURES)
    return catalog._described("small-gmp", made, bundled=False)


@pytest.fixture
def atlas(entry) -> clusters_data.Atlas:
    return clusters_data.by_pca(entry, MapSettings())


def content(atlas, key: str = "label", layers: tuple[str, ...] = ALL):
    return points.content(atlas, key, colourings(atlas)[key], layers, {"kind": "", "index": 0, "at": ()}, (), "")


def test_every_point_is_sent_with_its_place_row_label_and_tile(atlas):
    data, total = points._points(atlas), len(atlas.places)
    places = np.frombuffer(data, "<f4", 2 * total).reshape(-1, 2)
    np.testing.assert_allclose(places, atlas.places, atol=1e-6)
    rest = data[8 * total :]
    assert np.frombuffer(rest, "<u4", PICTURES).tolist() == atlas.pictures["row"].tolist()
    numbers = np.frombuffer(rest, "<i2", 2 * PICTURES, 4 * PICTURES)
    assert numbers[:PICTURES].tolist() == atlas.pictures["label"].tolist()
    assert numbers[PICTURES:].tolist() == atlas.pictures["sprite_index"].tolist()
    assert len(rest) == 8 * PICTURES
    found = content(atlas)
    assert (found.count, found.samples, len(found.badges)) == (PICTURES, 1000, 10)
    assert found.count + found.samples + len(found.badges) == total


def test_codes_are_sent_with_half_the_digits(atlas):
    sent = np.frombuffer(points._codes(atlas), "<f2").reshape(-1, 8)
    np.testing.assert_allclose(sent, atlas.everything, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("key", ["label", "component"])
def test_a_category_has_the_colour_that_the_legend_names(atlas, key):
    colouring = colourings(atlas)[key]
    found = content(atlas, key)
    numbers = np.frombuffer(points._numbers(atlas, key, colouring), np.uint8)
    legend = {entry["name"]: found.palette[entry["colour"]] for entry in found.legend["entries"]}
    for number, name in colouring.names.items():
        drawn = {found.palette[colour] for colour in numbers[colouring.values == number]}
        assert drawn == {legend[name]} == {theme.CATEGORIES[number]}


def test_what_has_no_label_is_grey(atlas):
    colouring = Colouring("Label", np.where(np.arange(PICTURES) < 5, -1, 3), {-1: "none", 3: "three"})
    numbers = np.frombuffer(points._numbers(atlas, "some", colouring), np.uint8)
    palette, legend = points._colours(colouring)
    assert {palette[number] for number in numbers[:5]} == {theme.category(-1)}
    assert [palette[entry["colour"]] for entry in legend["entries"]] == [theme.category(-1), theme.CATEGORIES[3]]


def test_a_scale_rises_with_its_values_and_leaves_out_what_is_unknown(atlas):
    values = np.linspace(3, 9, PICTURES)
    values[7] = np.nan
    colouring = Colouring("Score", values)
    numbers = np.frombuffer(points._numbers(atlas, "score", colouring), np.uint8).astype(int)
    palette, legend = points._colours(colouring)
    known = np.delete(numbers, 7)
    assert (np.diff(known) >= 0).all()
    assert (known[0], known[-1]) == (0, points.SHADES - 1)
    assert palette[numbers[7]] == theme.category(-1)
    assert legend["scale"] == {"low": "3.06", "high": "8.94"}
    nothing = Colouring("Score", np.full(PICTURES, np.nan))
    assert set(points._numbers(atlas, "nothing", nothing)) == {points.SHADES}


def test_layers_are_what_is_shown(atlas):
    everything, nothing = content(atlas), content(atlas, layers=())
    assert (everything.prior, everything.centres, nothing.prior, nothing.centres) == (True, True, False, False)
    assert len(everything.outlines) == len(atlas.meta["outlines"]) > 0 == len(nothing.outlines)


def test_names_change_with_what_they_name(entry, atlas):
    other = clusters_data.by_pca(entry, MapSettings(points=100))
    names = [content(each, key).__dict__[what] for each in (atlas, other) for key in ("label", "component") for what in
             ("points", "colours", "codes")]  # fmt: skip
    assert len(set(names)) == 8  # two maps: points, codes and two colourings each
    assert content(atlas) == content(clusters_data.by_pca(entry, MapSettings()))


def test_what_is_sent_as_json_is_finite(atlas):
    json.dumps(vars(content(atlas)), allow_nan=False)


@pytest.mark.parametrize(
    ("report", "focus"),
    [
        ({"kind": "code", "index": 17}, {"focus": "code", "index": 17}),
        ({"kind": "centre", "index": 4}, {"focus": "centre", "index": 4}),
        ({"kind": "prior", "index": 999}, {"focus": "prior", "index": 999}),
        ({"kind": "place", "at": [0.12345, -1]}, {"focus": "place", "at": (0.123, -1.0)}),
        ({"kind": "code", "index": -1}, {"focus": ""}),
        ({"kind": "code", "index": "7"}, {"focus": ""}),
        ({"kind": "code"}, {"focus": ""}),
        ({"kind": "place", "at": [1e300, 0]}, {"focus": ""}),
        ({"kind": "place", "at": [float("nan"), 0]}, {"focus": ""}),
        ({"kind": "place", "at": ["a", 0]}, {"focus": ""}),
        ({"kind": "place", "at": [1]}, {"focus": ""}),
        ({"kind": "other"}, {"focus": ""}),
        ({}, {"focus": ""}),
    ],
)
def test_a_click_means_what_is_there(atlas, report, focus):
    assert clusters_map.focus_of(atlas, report) == focus


# ---------------------------------------------------------------- the palette


def seen(colour: str) -> list[np.ndarray]:
    """A colour in OKLab, for full colour vision, deuteranopia and protanopia (Machado and others, 2009)."""
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    views = [np.eye(3), [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]]
    views.append([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]])
    cones = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
    lab = np.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])
    return [lab @ np.cbrt(cones @ np.clip(np.array(view) @ linear, 0, 1)) for view in views]


def test_no_two_labels_look_alike():
    """The least distance was 0.06 with Petroff's greys, and 0.14 between labels 3 and 8."""
    looks = [seen(colour) for colour in theme.CATEGORIES]
    gaps = {(a, b): min(map(np.linalg.norm, np.subtract(looks[a], looks[b]))) for a in range(10) for b in range(a)}
    assert gaps[8, 3] > 0.2
    assert min(gaps.values()) > 0.07


def test_a_scale_has_its_ends():
    shades = theme.scale(64)
    assert (len(shades), shades[0], shades[-1]) == (64, "#440154", "#fde725")


# ---------------------------------------------------------------- three dimensions, tables, components


@pytest.mark.parametrize("key", ["label", "entropy"])
def test_three_dimensions_have_no_outlines(entry, key):
    deep = clusters_data.by_pca(entry, MapSettings(dims=3))
    figure = map_figure(deep, colourings(deep)[key], ALL, dark=False, own=np.zeros(3))
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    names = [trace.name for trace in figure.data]
    codes = [str(label) for label in range(10)] if key == "label" else ["test codes"]
    assert names == ["prior samples", *codes, "component centres", "your picture"]
    assert sum(len(trace.x) for trace in figure.data if trace.name in codes) == PICTURES


def test_agreement_lies_on_the_diagonal():
    counts = np.array([[1, 9], [30, 10], [0, 0]])
    assert components.matched_order(counts) == [1, 0, 2]


@pytest.mark.parametrize(("cell", "exists"), [((0, 5), True), ((0, 4), False), ((3, 5), False), ((-1, 5), False)])
def test_a_cell_of_a_link_exists_or_not(cell, exists):
    assert components.is_cell(cell, np.array([[1, 2], [0, 3]]), [5, 7]) == exists
    assert not components.is_cell((1, 5), np.array([[1, 2], [0, 3]]), [5, 7])  # it is empty


def test_a_component_mixes_up_what_is_not_its_label(atlas):
    table = atlas.pictures
    for k in range(atlas.components):
        own = table[table["component"] == k]["label_name"].value_counts()
        found = detail.mixed_up(atlas, k)
        assert sum(len(rows) for _, rows in found) == (own.sum() - own.max() if len(own) else 0)
        assert [len(rows) for _, rows in found] == sorted((len(rows) for _, rows in found), reverse=True)
        for name, rows in found:
            assert set(table["label_name"].iloc[rows]) == {name}
            assert set(table["component"].iloc[rows]) == {k}


def test_the_border_is_where_another_component_is_nearly_as_responsible(atlas):
    import torch

    shares = atlas.model.prior.responsibilities(torch.tensor(atlas.codes)).detach().numpy()
    for k in range(atlas.components):
        found = {other: rows for other, rows in detail.border(atlas, k)}
        rival = np.where(np.arange(atlas.components) == k, -1, shares)
        torn = (atlas.pictures["component"].to_numpy() == k) & (rival.max(1) > 0.5 * shares[:, k])
        assert sorted(row for rows in found.values() for row in rows) == np.flatnonzero(torn).tolist()
        for other, rows in found.items():
            assert (rival[rows].argmax(1) == other).all()
            ratio = shares[rows, other] / shares[rows, k]
            assert (np.diff(ratio) <= 1e-5).all()
