"""The discrete Gromov-Wasserstein distance: its value beside the relaxed one and the floor, and its coupling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.geometry import figures, sample
from explorer.shared import cache, catalog, pixels, progress, test_pictures, theme, widgets
from trainer.data import default_data_root
from trainer.errors import UserError
from trainer.evaluation import gw_record
from trainer.jobs import geometry as geometry_job
from trainer.runs import layout
from trainer.system import mode

if TYPE_CHECKING:
    from trainer.evaluation.gw_record import Record
    from trainer.jobs.task import Job

GROUPS = 10
_CODE = "geometry.code"
WHAT = (
    "L_GW compares each code with its own picture. The Gromov-Wasserstein distance itself may match any code with any "
    "picture, and takes the match that bends distances least. It is computed on {n} prior samples and as many test "
    "pictures by conditional gradient, from several starts, in about half a minute."
)
CONVENTION = (
    "Convention: all distances are divided by their mean; values are the square root of what POT returns, "
    "min Σ (d_Z(i,j) − d_X(k,l))² T(i,k) T(j,l), without the factor ½ of Mémoli's definition. The problem is not "
    "convex, so each is an upper bound, the best of several starts. L_GW takes absolute instead of squared gaps and "
    "the learned C, in pixel distances: compare it with itself, not with these."
)


@st.fragment
def show(entry: catalog.Entry) -> None:
    """Draw the view: the record of these weights, or the way to it."""
    with widgets.user_errors():
        job = _job(entry)
        if not job.fits():
            _offer(entry, job)
            return
        record = _record(job.target, catalog.stamp(job.target))
        _values(entry, record)
        _maps(entry, record)
        _coupling(entry, record)


def _job(entry: catalog.Entry) -> Job:
    from trainer.data import local

    root = local.place(entry.run.config.data, test_pictures.roots()) or default_data_root().expanduser()
    return geometry_job.job(entry.run, root, entry.bundled)


def _offer(entry: catalog.Entry, job: Job) -> None:
    path = entry.path / layout.GEOMETRY
    if path.is_file():
        try:
            gw_record.read(path)
            st.info("The stored discrete GW belongs to earlier weights.", icon=":material/history:")
        except UserError as error:
            st.warning(str(error).replace(str(path), layout.GEOMETRY), icon=":material/error:")
    if progress.show(job, "geometry", "Not computed: ").is_running:
        st.caption("It goes on while you use other pages.")
        return
    widgets.empty_state("The discrete GW is not computed yet", WHAT.format(n=500), icon=":material/hub:")
    with st.container(horizontal=True, horizontal_alignment="center"):
        if mode.is_view():
            widgets.not_offered("Computing it")
        elif st.button("Compute", icon=":material/play_arrow:", type="primary", key="geometry.start"):
            job.start()
            st.rerun()


@st.cache_resource(max_entries=8, show_spinner=False)
def _record(path, stamp: tuple[int, int]) -> Record:
    return gw_record.read(path)


def _values(entry: catalog.Entry, record: Record) -> None:
    rows = [
        ("each code with its own picture", record.paired),
        ("best match with its own pictures", record.own),
        ("best match with test pictures", record.data_gw),
        ("floor: test pictures with others", record.floor),
    ]
    with st.container(key="geometry-values-work"):
        left, right = st.columns([1.5, 1], gap="large", vertical_alignment="center")
    with left:
        widgets.chart(figures.ladder(rows, theme.is_dark()), "geometry.ladder")
    with right:
        gain = record.paired - record.own
        st.markdown(
            "Matching codes freely with their own pictures "
            + ("finds nothing better than L_GW's pairing" if gain < 1e-4 else f"gains {gain:.3f} over L_GW's pairing")
            + f". To the test pictures the distance is **{record.data_gw:.3f}**, {_against(record)}."
        )
        relaxed = sample.of(entry, "prior").pairs.numbers.get("L_GW")
        if relaxed is not None:
            st.markdown(f"The training's relaxed L_GW on the same samples is **{relaxed:.3f}** (pixel distances).")
    st.caption(CONVENTION)


def _against(record: Record) -> str:
    if record.data_gw <= record.floor:
        return f"no more than the {record.floor:.3f} between two sets of test pictures"
    times = record.data_gw / max(record.floor, 1e-9)
    return f"{times:.1f} times the {record.floor:.3f} between two sets of test pictures"


def _maps(entry: catalog.Entry, record: Record) -> None:
    """Both maps with the lines of the coupling; a clicked point shows what it is matched with."""
    st.header("Matched points", anchor=False)
    chosen = st.session_state.get(_CODE, (entry.hash, -1))
    chosen = chosen[1] if chosen[0] == entry.hash and chosen[1] < record.n else -1
    key = "geometry.maps"

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        if points:
            side, number = (int(value) for value in points[0]["customdata"])
            st.session_state[_CODE] = (entry.hash, number if side == 0 else _matched(record, number, 1))

    codes, pictures = np.array(record.code_places), np.array(record.picture_places)
    lines = [(i, j) for (i, j), mass in zip(record.coupled, record.mass, strict=True) if mass * record.n > 0.05]
    values = np.array(record.code_distortion), np.array(record.picture_distortion)
    figure = figures.maps(codes, pictures, lines, values, chosen, theme.is_dark())
    widgets.chart(figure, key, on_select=clicked, selection_mode="points")
    st.caption(
        "Each side is a map of its own distances (classical scaling); a line joins a code with the test picture that "
        "it is matched with; bright points bend distances most. Click a point."
    )
    if chosen >= 0:
        _match(entry, record, chosen)


def _matched(record: Record, number: int, side: int) -> int:
    """Return the point of the other side that holds most of the mass of point `number` of side 0 (codes) or 1."""
    held = [
        (mass, pair[1 - side]) for pair, mass in zip(record.coupled, record.mass, strict=True) if pair[side] == number
    ]
    return max(held, default=(0.0, -1))[1]


def _match(entry: catalog.Entry, record: Record, code: int) -> None:
    """Draw the picture of a code beside the test picture it is matched with."""
    partner = _matched(record, code, 0)
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


def _coupling(entry: catalog.Entry, record: Record) -> None:
    """The coupling of groups, with the most central picture of each at the margin."""
    st.header("Coupling", anchor=False)
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
    with st.container(key="geometry-coupling-work"):
        left, right = st.columns([1.3, 1], gap="large", vertical_alignment="center")
    with left:
        widgets.chart(figures.coupling(mass, at_rows, at_columns, sizes, theme.is_dark()), "geometry.coupling")
    right.caption(
        f"Rows: {len(row_centres)} groups of prior codes that lie together; columns: groups of test pictures, ordered "
        "to fit. Strong colours: many of the row's codes are matched there. A sharp diagonal: groups of codes "
        "are matched with groups of pictures as a whole."
    )


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
