"""The figures of the Disentangle page: what a click tells, what is framed, and which line is the accent's."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from plotly.colors import sample_colorscale

from explorer.disentangle import figures
from explorer.shared import theme

FACTORS = ["floor hue", "object hue", "shape"]
VALUES = np.array([[0.1, 0.2, 0.3], [0.8, 0.0, 0.1], [0.1, 0.8, 0.6], [0.0, 0.0, 0.0]])


def matrix(**more):
    return figures.matrix(VALUES, [1, 2, 0, 3], ["z1", "z2", "z0", "z3"], FACTORS, "importance", **more)


def test_rows_are_in_the_order_asked_for_and_a_click_tells_axis_and_factor():
    cells, middles = matrix().data
    assert np.array_equal(cells.z, VALUES[[1, 2, 0, 3]])
    for x, y, (axis, factor) in zip(middles.x, middles.y, middles.customdata, strict=True):
        assert cells.z[y][x] == VALUES[axis, factor]
    assert len(middles.x) == VALUES.size
    assert "object hue" in middles.text[1]


def test_the_scale_is_that_of_shares_whatever_the_values():
    cells = matrix().data[0]
    assert (cells.zmin, cells.zmax) == (0, 1)


def test_the_numbers_are_read_on_every_colour_of_the_scale():
    values = np.linspace(0, 1, 101)
    numbers = figures.matrix(values[:, None], range(101), ["z"] * 101, ["scale"], "importance").layout.annotations
    for row, (value, number) in enumerate(zip(values, numbers, strict=True)):
        assert (number.x, number.y, number.text) == (0, row, f"{value:.2f}")
        ground = [int(share) for share in re.findall(r"\d+", sample_colorscale(theme.CONTINUOUS, [value])[0])]
        light, dark = sorted((luminance(ground), luminance(bytes.fromhex(number.font.color[1:]))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: Sequence[int]) -> float:
    """Relative luminance of a colour of 0 to 255, as WCAG 2.2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.asarray([*colour]) / 255]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_values_below_zero_are_printed_without_a_sign():
    (number,) = figures.matrix(np.full((1, 1), -0.001), [0], ["z0"], ["scale"], "importance").layout.annotations
    assert number.text == "0.00"


def test_the_chosen_cell_is_framed():
    frame = matrix(chosen=(0, 2)).layout.shapes[0]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 1.5, 2.5)
    assert not matrix().layout.shapes
    assert not matrix(chosen=(9, 0)).layout.shapes


def test_the_axis_that_moves_most_is_drawn_last_and_in_the_accent():
    codes = np.zeros((5, 3))
    figure = figures.path(codes, ["z0", "z1", "z2"], [0.2, 0.78, 0.02], list("abcde"), "shape", dark=True)
    assert figure.data[-1].name == "z1 · 78 %"
    assert figure.data[-1].line.color == theme.colours(True)["accent"]
    assert [trace.showlegend for trace in figure.data] == [False, True, True]
    assert list(figure.layout.xaxis.ticktext) == list("abcde")


def test_every_model_has_a_bar_per_measure():
    figure = figures.scores({"a": [0.1, 0.2], "b": [0.3, 0.4]}, ["MIG", "SAP"])
    assert [bar.name for bar in figure.data] == ["a", "b"]
    assert list(figure.data[1].y) == [0.3, 0.4]
    assert tuple(figure.layout.yaxis.range) == (0, 1)
