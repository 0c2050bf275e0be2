"""The Traverse page: its views, and the links that bring them back."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.shared import catalog
from tests.pages.reading import elements, sent_to
from tests.pages.traversing import bytes_of, choose, opened, panel


@pytest.fixture(autouse=True)
def _runs(runs: Path) -> Path:
    return runs


# ---------------------------------------------------------------- views


def test_the_sheet_is_centred_on_the_current_picture():
    app = opened(edits="0_0.7", steps="5", rows="0,3")
    sheet = next(json.loads(e.proto.json) for e in elements(app._tree) if "tiles.sheet" in getattr(e.proto, "id", ""))
    assert sheet["columns"] == 5
    assert sheet["count"] == 10
    assert sheet["selected"] == [2, 7]
    assert sheet["edits"][2] == {"0": pytest.approx(0.7)}
    with Image.open(io.BytesIO(base64.b64decode(sheet["sprite"]))) as sprite:
        centre = np.asarray(sprite)[1:33, 2 * 34 + 1 : 3 * 34 - 1]
    assert np.array_equal(centre.ravel(), bytes_of(panel(app)["current"]))


def test_interpolation_ends_at_both_starts():
    app = opened(view="interpolation", end="prior", end_seed="4")
    strip = next(
        json.loads(e.proto.json) for e in elements(app._tree) if "tiles.interpol" in getattr(e.proto, "id", "")
    )
    goal = panel(opened(start="prior", seed="4"))
    assert strip["rows"] == ["linear", "spherical"]
    with Image.open(io.BytesIO(base64.b64decode(strip["sprite"]))) as sprite:
        pixels = np.asarray(sprite)
    assert np.array_equal(pixels[1:33, 1:33].ravel(), bytes_of(panel(app)["current"]))
    assert np.array_equal(pixels[35:67, -33:-1].ravel(), bytes_of(goal["current"]))


def test_the_other_end_is_of_another_label_unless_chosen():
    app = opened(view="interpolation")
    galleries = [e for e in elements(app._tree) if "tiles.end.index" in getattr(e.proto, "id", "")]
    gallery = json.loads(galleries[0].proto.json)
    assert not gallery["titles"][gallery["selected"][0]].startswith("0 ·")


@pytest.mark.parametrize("background", ["pictures", "codes"])
def test_the_pad_shows_two_axes(background):
    data = sent_to(opened(view="pad", pad_x="2", pad_y="5", background=background, edits="5_0.25"), "pad")
    assert (data["x"]["i"], data["y"]["i"]) == (2, 5)
    assert data["value"][1] == 0.25
    assert bool(data["background"]) == (background == "pictures")
    assert sum(len(points) for points in data["points"]) == (0 if background == "pictures" else 240)


def test_the_pad_asks_for_two_different_axes():
    app = opened(view="pad", pad_x="2", pad_y="2")
    assert sent_to(app, "pad") is None
    assert "two different" in app.info[0].value


def test_the_code_view_lists_every_axis():
    app = opened(view="code", edits="4_1.5")
    table = app.dataframe[0].value
    assert sorted(table["axis"]) == sorted(f"z{axis}" for axis in range(8))
    assert table.set_index("axis").loc["z4", "value"] == 1.5


def test_choosing_a_view_is_in_the_link():
    app = opened()
    choose(app, "View", "Code")
    assert app.query_params["view"] == "code"


# ---------------------------------------------------------------- links


def test_a_copied_link_reproduces_the_whole_view():
    link = {
        "start": "component",
        "component": "2",
        "edits": "1_-0.75,3_2.125",
        "view": "sheet",
        "rows": "3,1",
        "steps": "7",
    }
    first = opened(**link)
    copied = {name: first.query_params[name] for name in first.query_params}
    assert copied["checkpoint"] == catalog.find("small-gmp").hash
    second = opened(**copied)
    assert {name: second.query_params[name] for name in second.query_params} == copied
    assert panel(second) == panel(first)
    sheets = [
        next(e.proto.json for e in elements(app._tree) if "tiles.sheet" in getattr(e.proto, "id", ""))
        for app in (first, second)
    ]
    assert sheets[0] == sheets[1]


def test_a_link_of_other_weights_says_so():
    app = opened(checkpoint="000000000000", edits="0_1")
    assert "000000000000" in app.info[0].value
    assert panel(app)["z"][0] == 1
    assert "000000000000" not in opened().query_params["checkpoint"]


@pytest.mark.parametrize(
    "link",
    [
        {"edits": "0_nan"},
        {"edits": "zero_1"},
        {"edits": "99_1"},
        {"index": "-5"},
        {"index": "99999"},
        {"seed": "1e99"},
        {"component": "4000", "start": "component"},
        {"steps": "8"},
        {"rows": "77"},
        {"view": "nowhere"},
        {"code": "1,2", "start": "upload"},
        {"code": "x", "start": "upload"},
        {"pad_x": "500", "view": "pad"},
        {"end_index": "4000", "view": "interpolation"},
    ],
    ids=lambda link: "&".join(f"{name}={value}" for name, value in link.items()),
)
def test_nonsense_in_a_link_never_breaks_the_page(link):
    app = opened(**link)
    assert not app.error
    assert len(panel(app)["z"]) == 8


def test_another_model_starts_without_the_moved_axes():
    app = opened(edits="0_1", rows="1,2")
    app.session_state["gwae.model"] = "small-vae"
    app.run()
    data = panel(app)
    assert data["z"] == data["start"]
    assert "rows" not in app.query_params
    assert app.query_params["checkpoint"] == catalog.find("small-vae").hash
