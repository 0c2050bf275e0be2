"""How far a decoded picture can be trusted: how near it is to real ones on the map, in code space, and on a round trip.

Of each distance it is known what is usual between real pictures. Up to that a picture is trusted wholly, from `FADE`
times that on not at all, with a straight line between; the least of the three counts, as a picture must pass all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trainer.latent import neighbours

USUAL = 0.95
"""Quantile of what real pictures show that counts as usual."""
FADE = 3.0
COMPARED = 500
"""Codes whose distances on the map are measured."""


class Reliability(NamedTuple):
    """Three distances of a decoded picture, and the share, in [0, 1], by which each is trusted.

    Attributes:
        on_map: distance on the map to the nearest test code; in_codes: the same in code space; trip: |mu(g(z)) - z|.
        map_share, code_share, trip_share: see `share`.
    """

    on_map: float
    in_codes: float
    trip: float
    map_share: float
    code_share: float
    trip_share: float

    @property
    def score(self) -> float:
        """Return the least of the three shares."""
        return min(self.map_share, self.code_share, self.trip_share)


class Usual(NamedTuple):
    """The distances that are usual: on the map, in code space, and of a round trip."""

    on_map: float
    in_codes: float
    trip: float


def share(distance: float, usual: float) -> float:
    """Return how far a distance is trusted: 1 up to the usual one, 0 from FADE times it on.

    The lens on the map does the same (static/js/scatter/codes.js).
    """
    if usual <= 0:
        return float(distance <= 0)
    return float(np.clip((FADE * usual - distance) / ((FADE - 1) * usual), 0, 1))


def usual(places: np.ndarray, distances: list[float], trips: list[float]) -> Usual:
    """Return the usual distances of a map.

    Args:
        places: (n, 2 or 3), of the test codes. Usual is how far the nearest codes reach from which an empty place gets
            its own: the distance to the `neighbours.NEIGHBOURS`-th nearest.
        distances, trips: of test codes, as in trainer.latent.map_file.Map.meta.
    """
    rows = neighbours.even_rows(len(places), COMPARED)
    reach = neighbours.nearest(places[rows], places, neighbours.NEIGHBOURS + 1)[1][:, -1]
    return Usual(*(float(np.quantile(values, USUAL)) for values in (reach, distances, trips)))


def judge(on_map: float, in_codes: float, trip: float, known: Usual) -> Reliability:
    """Return the reliability of a picture with these distances."""
    shares = (share(*pair) for pair in zip((on_map, in_codes, trip), known, strict=True))
    return Reliability(on_map, in_codes, trip, *shares)
