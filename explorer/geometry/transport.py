"""The discrete Gromov-Wasserstein distance: its value beside the relaxed one and the floor, and the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explorer.geometry import figures, matching, sample
from explorer.geometry.matching import Side
from explorer.shared import beside, catalog, progress, share, test_pictures, theme, widgets
from trainer.data import default_data_root
from trainer.errors import UserError
from trainer.evaluation import gw_record
from trainer.jobs import geometry as geometry_job
from trainer.runs import layout
from trainer.system import mode

if TYPE_CHECKING:
    from trainer.evaluation.gw_record import Record
    from trainer.jobs.task import Job

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
    """Draw the view: the record of these weights and of the model to compare with, or the way to it."""
    with widgets.user_errors():
        job = _job(entry)
        if not job.fits():
            _offer(entry, job)
            return
        sides = [Side(entry, _record(job.target, catalog.stamp(job.target))), *_others(entry)]
        _all_values(sides)
        matching.maps(sides)
        matching.coupling(sides)


def _others(entry: catalog.Entry) -> list[Side]:
    """Return the model to compare with and its record, none or one; where it has no record, say so."""
    found = []
    for other in beside.models(entry)[:1]:
        with widgets.user_errors():
            job = _job(other)
            if job.fits():
                found.append(Side(other, _record(job.target, catalog.stamp(job.target))))
            else:
                st.caption(
                    f":material/info: The discrete GW of {other.name} is not computed yet: select this model to do it."
                )
    return found


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


def _all_values(sides: Sequence[Side]) -> None:
    """Draw the values of each model, on one scale, and which of them is closer to the test pictures."""
    most = max(max(value for _, value in _rows(side.record)) for side in sides)
    for place, side in zip(beside.columns([side.entry for side in sides], "geometry-values"), sides, strict=True):
        with place, widgets.user_errors():
            _values(*side, None if len(sides) == 1 else most)
    if len(sides) > 1:
        st.markdown(verdict(sides))
    st.caption(CONVENTION)


def verdict(sides: Sequence[Side]) -> str:
    """Return which model is closer to the test pictures, if both were measured on as many."""
    one, two = (side.record for side in sides)
    if (one.n, one.seed, one.data, one.split) != (two.n, two.seed, two.data, two.split):
        return "The two were measured on different pictures or numbers of them: their values cannot be compared."
    values = {side.entry.name: side.record.data_gw for side in sides}
    return beside.verdict(values, "lies closer to the test pictures", "lie equally close to the test pictures")


def _rows(record: Record) -> list[tuple[str, float]]:
    return [
        ("each code with its own picture", record.paired),
        ("best match with its own pictures", record.own),
        ("best match with test pictures", record.data_gw),
        ("floor: test pictures with others", record.floor),
    ]


def _values(entry: catalog.Entry, record: Record, end: float | None) -> None:
    """Draw the values of one model; `end` is that of a scale shared with another one, None for its own."""
    if end is None:
        with st.container(key="geometry-values-work"):
            left, right = st.columns([1.5, 1], gap="large", vertical_alignment="center")
    else:
        left, right = st.container(), st.container()
    names, values = zip(*_rows(record), strict=True)
    share.table(f"{entry.name}-discrete-gw", {"distance": names, "value": values})
    codes, pictures = zip(*record.coupled, strict=True)
    share.table(f"{entry.name}-coupling", {"code": codes, "test picture": pictures, "mass": record.mass})
    with left:
        figure = figures.ladder(_rows(record), theme.is_dark(), end)
        widgets.chart(figure, f"geometry.ladder.{entry.name}")
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


def _against(record: Record) -> str:
    if record.data_gw <= record.floor:
        return f"no more than the {record.floor:.3f} between two sets of test pictures"
    times = record.data_gw / max(record.floor, 1e-9)
    return f"{times:.1f} times the {record.floor:.3f} between two sets of test pictures"
