"""What the discrete Gromov-Wasserstein coupling matches: single points on two maps, and groups of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from explorer.geometry import figures, sample
from explorer.geometry.state import change, current
from explorer.shared import beside, cache, catalog, pixels, test_pictures, theme, widgets

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from trainer.evaluation.gw_record import Record

GROUPS = 10


class Side(NamedTuple):
    """A model and its record."""

    entry: catalog.Entry
    record: Record


def _places(sides: Sequence[Side], key: str) -> list[DeltaGenerator]:
    return beside.columns([side.entry for side in sides], key)


# ---------------------------------------------------------------- points


def maps(sides: Sequence[Side]) -> None:
    """Draw the maps of each model with the lines of its coupling; a clicked point shows what it is matched with."""
    st.header("Matched points", anchor=False)
    marked, ends = codes_marked(sides), _colours(sides)
    for number, place in enumerate(_places(sides, "geometry-maps")):
        with place, widgets.user_errors():
            _maps(sides, number, marked[number], ends)
    several = " In both models, what is marked belongs to the same test picture." if len(sides) > 1 else ""
    st.caption(
        "Each side is a map of its own distances (classical scaling); a line joins a code with the test picture that "
        f"it is matched with; bright points bend distances most. Click a point.{several}"
    )
    if max(marked) >= 0:
        for place, side, code in zip(_places(sides, "geometry-match"), sides, marked, strict=True):
            with place, widgets.user_errors():
                _match(*side, code)


def codes_marked(sides: Sequence[Side]) -> list[int]:
    """Return the marked code of each model, -1 for none: that of the link, and the other model's for the same picture.

    That is the code which the other model matches most with the test picture that the link's code is matched with.
    """
    marked, point = [-1] * len(sides), current().point
    if len(point) != 2 or not (0 <= point[0] < len(sides) and 0 <= point[1] < sides[point[0]].record.n):
        return marked
    number, code = point
    marked[number] = code
    partner = matched(sides[number].record, code, 0)
    identity = picture_ids(sides[number])[partner] if partner >= 0 else ""
    for other, side in enumerate(sides):
        if other != number and identity and identity in (known := picture_ids(side)):
            marked[other] = matched(side.record, known.index(identity), 1)
    return marked


def picture_ids(side: Side) -> list[str]:
    """Return the id of each test picture of a record; empty where codes.parquet has none."""
    table, rows = cache.codes(side.entry), np.array(side.record.rows)
    if "id" not in table:
        return [""] * len(rows)
    return [str(table["id"].iloc[row]) if row < len(table) else "" for row in rows.tolist()]


def matched(record: Record, number: int, side: int) -> int:
    """Return the point of the other side that holds most of the mass of point `number` of side 0 (codes) or 1."""
    held = [
        (mass, pair[1 - side]) for pair, mass in zip(record.coupled, record.mass, strict=True) if pair[side] == number
    ]
    return max(held, default=(0.0, -1))[1]


def _colours(sides: Sequence[Side]) -> tuple[float, float]:
    """Return the ends of the colours, common to all maps."""
    values = [part for side in sides for part in (side.record.code_distortion, side.record.picture_distortion)]
    low, high = min(map(min, values)), float(max(np.quantile(part, 0.98) for part in values))
    return low, max(high, low + 1e-9)


def _maps(sides: Sequence[Side], number: int, chosen: int, ends: tuple[float, float]) -> None:
    """Draw both maps of one of the models."""
    record, key = sides[number].record, f"geometry.maps.{number}"

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        if points:
            kind, place = (int(value) for value in points[0]["customdata"])
            change(point=(number, place if kind == 0 else matched(record, place, 1)))

    codes, pictures = np.array(record.code_places), np.array(record.picture_places)
    lines = [(i, j) for (i, j), mass in zip(record.coupled, record.mass, strict=True) if mass * record.n > 0.05]
    values = np.array(record.code_distortion), np.array(record.picture_distortion)
    figure = figures.maps(codes, pictures, lines, values, ends, chosen, theme.is_dark())
    widgets.chart(figure, key, on_select=clicked, selection_mode="points")


def _match(entry: catalog.Entry, record: Record, code: int) -> None:
    """Draw the picture of a code beside the test picture it is matched with."""
    if code < 0:
        st.caption(f"{entry.name} was measured on other test pictures: this one is not among them.")
        return
    partner = matched(record, code, 0)
    shown = [("its picture", sample.of(entry, "prior").pictures[code])]
    known = _pictures(entry, record, [partner]) if partner >= 0 else []
    shown += [("matched with", picture) for picture in known if picture is not None]
    with st.container(horizontal=True, gap="medium"):
        for caption, picture in shown:
            widgets.picture(picture, caption)


def _pictures(entry: catalog.Entry, record: Record, numbers: list[int]) -> list[np.ndarray | None]:
    """Return test pictures by their number in the record, None where they are not on this machine."""
    table, rows = cache.codes(entry), np.array(record.rows)[numbers]
    if rows.max(initial=-1) >= len(table):
        return [None] * len(numbers)
    return test_pictures.pictures(entry).of(rows)


# ---------------------------------------------------------------- groups


def coupling(sides: Sequence[Side]) -> None:
    """Draw the coupling of groups of each model."""
    st.header("Coupling", anchor=False)
    if len(sides) == 1:
        with st.container(key="geometry-coupling-work"):
            left, right = st.columns([1.3, 1], gap="large", vertical_alignment="center")
        places, beyond = [left], right
    else:
        places, beyond = _places(sides, "geometry-coupling"), st.container()
    for place, side in zip(places, sides, strict=True):
        with place, widgets.user_errors():
            _coupling(*side)
    beyond.caption(
        "Rows: groups of prior codes that lie together; columns: groups of test pictures, ordered "
        "to fit. Strong colours: many of the row's codes are matched there. A sharp diagonal: groups of codes "
        "are matched with groups of pictures as a whole."
    )


def _coupling(entry: catalog.Entry, record: Record) -> None:
    """Draw the coupling of one model's groups, with the most central picture of each at the margin."""
    prior = sample.of(entry, "prior")
    pictures = _pictures(entry, record, list(range(record.n)))
    known = all(picture is not None for picture in pictures)
    points = np.stack(pictures).reshape(record.n, -1) / 255 if known else np.array(record.picture_places)
    groups = _groups(prior.pairs.codes.numpy()[: record.n]), _groups(points)
    full = np.zeros((record.n, record.n))
    full[tuple(np.array(record.coupled).T)] = record.mass
    (rows, row_centres), (columns, column_centres) = groups
    mass = np.zeros((len(row_centres), len(column_centres)))
    np.add.at(mass, (rows[:, None], columns[None]), full)
    from scipy.optimize import linear_sum_assignment

    order = linear_sum_assignment(mass, maximize=True)[1]
    order = np.concatenate([order, np.setdiff1d(np.arange(len(column_centres)), order)])
    mass = mass[:, order] / mass.sum(1, keepdims=True).clip(1e-12)
    at_rows = _urls([prior.pictures[number] for number in row_centres])
    at_columns = _urls([pictures[column_centres[place]] for place in order])
    sizes = np.bincount(rows, minlength=len(row_centres))
    figure = figures.coupling(mass, at_rows, at_columns, sizes, theme.is_dark())
    widgets.chart(figure, f"geometry.coupling.{entry.name}")


def _groups(points: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the group of each of n points, (n,), and the most central point of every group."""
    from scipy.cluster.hierarchy import fcluster, linkage

    found = fcluster(linkage(points, "ward"), min(GROUPS, len(points)), "maxclust") - 1
    centres = []
    for group in range(found.max() + 1):
        inside = np.flatnonzero(found == group)
        centre = points[inside].mean(0)
        centres.append(int(inside[np.linalg.norm(points[inside] - centre, axis=1).argmin()]))
    return found, centres


def _urls(pictures: list[np.ndarray | None]) -> list[str]:
    """Return data URLs; a transparent one where there is no picture."""
    empty = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
    return [empty if each is None else pixels.inline(pixels.picture_png(each, 2)) for each in pictures]
