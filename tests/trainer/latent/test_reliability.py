"""Reliability agrees with the eye: high at data and amid a component's points, low far from both."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.latent import neighbours, reliability
from trainer.latent.reliability import FADE, Usual, judge, share

RANDOM = np.random.default_rng(0)
CENTRES = np.array([[0.0, 0.0], [20.0, 0.0]])
PLACES = np.concatenate([centre + RANDOM.normal(size=(400, 2)) for centre in CENTRES])
CODES = np.concatenate([PLACES, RANDOM.normal(0, 0.3, (800, 2))], axis=1)
USUAL = reliability.usual(PLACES, neighbours.neighbour_distances(CODES, 500).tolist(), [0.1, 0.2, 0.3])


def score(place: np.ndarray, code: np.ndarray, trip: float = 0.1) -> float:
    """Reliability of a place and its code among the two clusters."""
    on_map = neighbours.nearest(place[None], PLACES, 1)[1][0, 0]
    in_codes = neighbours.nearest(code[None], CODES, 1)[1][0, 0]
    return judge(on_map, in_codes, trip, USUAL).score


def test_data_are_trusted_wholly():
    assert min(score(place, code) for place, code in zip(PLACES[::20], CODES[::20], strict=True)) == 1


def test_a_centre_amid_its_points_is_trusted_though_it_is_no_point():
    for centre, own in zip(CENTRES, (slice(0, 400), slice(400, 800)), strict=True):
        assert score(centre, CODES[own].mean(0)) > 0.9


def test_the_empty_space_between_clusters_is_not_trusted_though_its_code_is_near_real_ones():
    between = np.array([6.0, 0.0])
    code = neighbours.place(between[None], PLACES, CODES)[0]
    assert share(neighbours.nearest(code[None], CODES, 1)[1][0, 0], USUAL.in_codes) > 0.9
    assert score(between, code) == 0


def test_a_code_far_from_all_is_not_trusted_wherever_the_map_puts_it():
    assert score(PLACES[3], CODES[3] + 30) == 0
    assert score(PLACES[3], CODES[3], trip=5.0) == 0


def test_reliability_never_rises_with_the_distance():
    steps = [share(distance, 2.0) for distance in np.linspace(0, 10, 101)]
    assert steps == sorted(steps, reverse=True)
    assert share(2.0, 2.0) == 1
    assert share(FADE * 2.0, 2.0) == 0
    assert share(0.5 * (1 + FADE) * 2.0, 2.0) == pytest.approx(0.5)


def test_duplicates_alone_are_trusted_where_all_pictures_are_the_same():
    assert (share(0.0, 0.0), share(1e-6, 0.0)) == (1, 0)


def test_the_least_of_the_three_counts():
    known = Usual(1.0, 1.0, 1.0)
    assert judge(2, 0, 0, known).score == judge(0, 2, 0, known).score == judge(0, 0, 2, known).score == 0.5
    assert judge(2, 1.5, 2.5, known).score == share(2.5, 1.0)
