from __future__ import annotations

import json

import pytest

from explorer.shared import theme
from explorer.traverse import figures


def test_effects_are_ranked_and_dead_axes_are_pale():
    figure = figures.axis_effects([0.1, 0.5, 0.001], floor=0.01)
    bars = figure.data[0]
    assert list(bars.x) == ["z1", "z0", "z2"]
    assert list(bars.y) == [0.5, 0.1, 0.001]
    accent = theme.colours(False)["accent"]
    assert [colour == accent for colour in bars.marker.color] == [True, True, False]
    assert figure.layout.shapes[0].y0 == 0.01


def test_paths_are_drawn_over_what_is_usual():
    steps = [0, 0.5, 1]
    figure = figures.path_distances(steps, {"linear": [1, 4, 1], "spherical": [1, 2, 1]}, (0.5, 2.5))
    assert [(trace.name, list(trace.y)) for trace in figure.data] == [("linear", [1, 4, 1]), ("spherical", [1, 2, 1])]
    band = figure.layout.shapes[0]
    assert (band.y0, band.y1) == (0.5, 2.5)
    assert len({trace.line.color for trace in figure.data}) == 2


@pytest.mark.parametrize("dark", [False, True])
def test_figures_follow_the_theme_and_serialise(dark):
    text = figures.axis_effects([0.2, 0.1], 0.01, dark).to_json()
    assert theme.colours(dark)["text"] in text
    assert theme.colours(not dark)["text"] not in text
    assert json.loads(text)["layout"]["xaxis"]["title"]["text"] == "axis"
