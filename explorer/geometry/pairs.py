"""The distances of all pairs: density, numbers, distortion, and the pairs themselves as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.components.pairs import Density, Histogram
from explorer.geometry import figures, sample
from explorer.geometry.sample import ACROSS, COLUMNS, ROWS, Sample
from explorer.geometry.state import change, current
from explorer.shared import beside, catalog, pixels, share, state, studies, theme, widgets
from explorer.shared.links import open_traverse

if TYPE_CHECKING:
    from trainer.runs.folder import Metric

PAIRS = 6
BARS = 41
_OPENED = "geometry.opened"  # model, side and pair of a double click
EXTREMES = {
    "far": ("Codes too far apart", "The line lies far above: the pictures are more alike than their codes say."),
    "near": ("Codes too close", "The line lies far below: the pictures differ more than their codes say."),
    "best": ("Matched best", "On the line, among pairs of more than the median distance."),
}
SHOWN = ("Spearman", "Pearson", "distortion", "L_GW", "C")
ABOUT = {
    "Spearman": "rank correlation; 1 if both order all pairs alike",
    "Pearson": "correlation; 1 if all pairs lie on a line",
    "distortion": "mean gap to the best line, in mean d_X; 0 is perfect",
    "L_GW": "mean gap to the learned line; what training minimises",
    "C": "learned coefficient; the line rises by C / s",
}


@st.fragment
def show(entry: catalog.Entry) -> None:
    """Draw the view."""
    with widgets.user_errors():
        models = beside.shown(entry, 2)
        samples = [(model, sample.of(model, current().source)) for model in models]
        if len(samples) == 1:
            _one(*samples[0])
        else:
            with st.container(key="geometry-two"):
                columns = st.columns(2, gap="large")
            for side, (column, pair) in enumerate(zip(columns, samples, strict=True)):
                with column:
                    st.markdown(f"**{pair[0].name}**")
                    _density(*pair, side)
                    with st.container(gap="small", key=f"scores-geometry-{side}"):
                        _numbers(*pair, side)
            st.markdown(verdict(samples))
        _pairs(*samples[min(current().side, len(samples) - 1)], several=len(samples) > 1)


def verdict(samples: Sequence[tuple[catalog.Entry, Sample]]) -> str:
    """Return which of two models' codes lie more like the pictures."""
    values = {model.name: found.pairs.numbers["distortion"] for model, found in samples}
    return beside.verdict(values, "bends distances less (distortion)", "bend distances equally (distortion)")


def _one(entry: catalog.Entry, found: Sample) -> None:
    with st.container(key="geometry-work"):
        left, right = st.columns([1.7, 1], gap="large")
    with left:
        _density(entry, found, 0)
    with right, st.container(gap="small", key="scores-geometry"):
        _numbers(entry, found, 0)


def _numbers(entry: catalog.Entry, found: Sample, side: int) -> None:
    """Draw the histogram of the distortion, then the numbers."""
    distortions(found).draw(f"geometry.distortion.{side}")
    st.markdown(table(entry, found))
    if ranges := over_trainings(entry):
        st.caption(ranges)
    with st.popover("What these numbers say", type="tertiary", key=f"geometry.about.{side}"):
        st.markdown("\n".join(f"- **{name}**: {ABOUT[name]}" for name in SHOWN if name in found.pairs.numbers))
        st.caption(
            "Measured: by evaluate, mean and 95 % interval of five draws of prior samples, or these very test "
            "pictures; these pairs are the first draw."
        )


def distortions(found: Sample) -> Histogram:
    """Return the histogram of line minus d_X, over the mean of d_X. Its own drawing: Plotly takes a second to load."""
    values = found.residual / max(float(found.pairs.d_x.mean()), 1e-12)
    low, high = (float(end) for end in np.quantile(values, [0.002, 0.998]))
    low, high = min(low, -1e-6), max(high, 1e-6)
    counts, _ = np.histogram(values, bins=BARS, range=(low, high))
    return Histogram(counts=counts.tolist(), low=low, high=high, name="line − d_X, in mean d_X")


def cell(found: Sample, side: int) -> tuple[int, int] | None:
    """Return the place of the link if it lies in this model's density."""
    view = current()
    if view.side != side or len(view.cell) != 2:
        return None
    column, row = view.cell
    if not (0 <= column < COLUMNS and 0 <= row < ROWS) or not found.grid.counts[row, column]:
        return None
    return column, row


def _density(entry: catalog.Entry, found: Sample, side: int) -> None:
    key = f"geometry.density.{side}"

    def picked() -> None:
        change(cell=tuple(int(value) for value in st.session_state[key].picked), side=side)

    def opened() -> None:
        st.session_state[_OPENED] = (entry.name, side, int(st.session_state[key].opened))

    density(found, cell(found, side)).draw(key, on_picked_change=picked, on_opened_change=opened)
    _share(entry, found)
    what = "prior samples with the pictures they decode to" if current().source == "prior" else (
        "test pictures with their posterior means"
    )  # fmt: skip
    st.caption(
        f"{found.count} {what}: {len(found.pairs.d_z):,} pairs, stronger colour: more pairs. Point at a place to see "
        "pairs, click to keep them, double-click to open the first in Traverse."
    )
    name, opened_side, pair = st.session_state.pop(_OPENED, ("", side, -1))
    if name == entry.name and opened_side == side and 0 <= pair < len(found.pairs.d_z):
        state.select_model(entry.name)
        open_traverse(found.path(entry.hash, pair))


def _share(entry: catalog.Entry, found: Sample) -> None:
    """Offer the density as a chart, all pairs and the numbers under Share."""
    name, pairs, dark = f"{entry.name}-pairs", found.pairs, theme.is_dark()
    line = (float(pairs.slope), _line(found))
    share.chart(lambda: figures.density(found.grid, line, dark), name)
    i, j = np.triu_indices(found.count, 1)
    share.table(name, {"i": i, "j": j, "d_Z": np.asarray(pairs.d_z), "d_X": np.asarray(pairs.d_x)})
    share.table(f"{name}-numbers", {"number": list(pairs.numbers), "value": list(pairs.numbers.values())})


def _line(found: Sample) -> str:
    return "c d_Z = d_X, best c" if found.pairs.coefficient is None else "C d_Z / s = d_X"


def density(found: Sample, chosen: tuple[int, int] | None) -> Density:
    """Return the density of the pairs with a place marked."""
    grid = found.grid
    return Density(
        counts=grid.counts.ravel().tolist(),
        columns=COLUMNS,
        ends=[float(grid.x[-1]), float(grid.y[-1])],
        slope=found.pairs.slope,
        line=_line(found),
        cell=list(chosen or ()),
        sheet=found.sheet,
        across=ACROSS,
        shown=found.shown,
        names=figures.AXES,
    )


def table(entry: catalog.Entry, found: Sample) -> str:
    """Return the numbers of these pairs, and those that `evaluate` has stored, as a Markdown table."""
    suffix = "" if current().source == "prior" else ", posterior codes"
    stored = {metric.name: metric for metric in entry.metrics if metric.group == "geometry"}
    lines = ["| number | these pairs | measured |", "|---|---|---|"]
    for name in SHOWN:
        if name in found.pairs.numbers:
            value, metric = found.pairs.numbers[name], stored.get(name + suffix)
            lines.append(f"| **{name}** | {value:.3f} | {_measured(metric)} |")
    return "\n".join(lines)


def over_trainings(entry: catalog.Entry) -> str:
    """Return the ranges of Spearman and distortion over trainings that differ in their seed; empty where unknown."""
    suffix = "" if current().source == "prior" else ", posterior codes"
    spreads = {name: studies.spread(entry, name + suffix) for name in ("Spearman", "distortion")}
    parts = [f"{name} {spread.text}" for name, spread in spreads.items() if spread]
    return f"Over {studies.counted(spreads.values())} trainings: {', '.join(parts)}." if parts else ""


def _measured(metric: Metric | None) -> str:
    if metric is None:
        return ":gray[–]"
    interval = "" if metric.low is None or metric.high is None else f" ± {(metric.high - metric.low) / 2:.3f}"
    return f"{metric.value:.3f}{interval}"


def _pairs(entry: catalog.Entry, found: Sample, several: bool) -> None:
    """Draw the pairs at the chosen place, then the worst and the best ones."""
    place = cell(found, current().side)
    of = f" of {entry.name}" if several else ""
    if place is not None:
        column, row = place
        head = f"{found.grid.counts[row, column]:,} pairs at this place{of}"
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{head}**", width="content")
            st.button("Close", key="geometry.close", type="tertiary", on_click=change, kwargs={"cell": ()})
        _row(entry, found, found.inside(column, row, PAIRS), "cell")
    for kind, (title, sentence) in EXTREMES.items():
        st.markdown(f"**{title}{of}** :gray[{sentence}]")
        _row(entry, found, found.extreme(kind, PAIRS), kind)


def _row(entry: catalog.Entry, found: Sample, pairs: list[int], key: str) -> None:
    with st.container(horizontal=True, gap="small", key=f"geometry-pairs-{key}"):
        for pair in pairs:
            _pair(entry, found, pair, f"geometry.{key}.{pair}")


def _pair(entry: catalog.Entry, found: Sample, pair: int, key: str) -> None:
    """Draw two pictures side by side, their distances, and the way to Traverse."""
    both = found.pictures[list(found.members(pair))]
    scale = max(1, 192 // both.shape[-1])
    d_z, d_x = float(found.pairs.d_z[pair]), float(found.pairs.d_x[pair])
    with st.container(width=148, gap=None):
        about = f"Two pictures: codes {d_z:.2f} apart, pictures {d_x:.2f} apart"
        st.image(pixels.inline(pixels.png(pixels.join_tiles(both, 2, 1), scale)), width=148, alt=about)
        with st.container(horizontal=True, wrap=False, gap="xsmall", vertical_alignment="center"):
            st.caption(f"d_Z {d_z:.3g} · d_X {d_x:.3g}", width="stretch")
            if st.button("", icon=":material/tune:", key=key, type="tertiary", help="Open both in Traverse"):
                state.select_model(entry.name)
                open_traverse(found.path(entry.hash, pair))
