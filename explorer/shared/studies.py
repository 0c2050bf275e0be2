"""Studies of several trainings: those that come with the app and the user's own, and a model's spread over seeds.

A model belongs to a variant of a study where all its settings but name and seed are those of its trainings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import streamlit as st

from explorer.shared import catalog, share, theme
from explorer.shared.escape import code, markdown

if TYPE_CHECKING:
    from trainer.study.table import Table

TABLE = "study.json"
DEEPEST = 4
"""Folders below that of the runs in which a study is looked for."""
REPORTED = "reported: "
"""What the name of a study that comes with the app begins with."""


class Spread(NamedTuple):
    """A number over the trainings of a study's variant: mean, smallest, largest, and how many trainings."""

    mean: float
    low: float
    high: float
    count: int
    study: str

    @property
    def text(self) -> str:
        """Return the range."""
        return f"{self.low:.3f} to {self.high:.3f}"


def counted(spreads: Iterable[Spread | None]) -> str:
    """Return how many trainings spreads are over, "3" or "2 to 3"; empty where there are none."""
    counts = sorted({spread.count for spread in spreads if spread})
    return " to ".join(dict.fromkeys(str(count) for count in (counts[:1] + counts[-1:])))


def reported() -> dict[str, Path]:
    """Return the tables that come with the app, by the name of the study."""
    from trainer.study import table

    return table.reported()


def found(root: Path) -> dict[str, Path]:
    """Return the tables of all studies by name: the user's own, wherever below `root`, then the reported ones."""
    own = [path for depth in range(1, DEEPEST + 1) for path in sorted(root.glob("*/" * depth + TABLE))]
    named = {str(path.parent.relative_to(root)): path for path in own}
    return named | {REPORTED + name: path for name, path in reported().items()}


def read(path: Path) -> Table:
    """Return the table in a study.json. Raises: UserError if it is absent or damaged."""
    return _read(path, catalog.stamp(path))


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(path: Path, stamp: tuple[int, int]) -> Table:
    from trainer.study import table

    return table.read(path)


def spread(entry: catalog.Entry, name: str) -> Spread | None:
    """Return a number of a model over trainings that differ in their seed alone, or None where there are no others.

    The reported study of most trainings comes first, then what the command `seeds` stored with the model. Raises:
    UserError if the table of a reported study is damaged.
    """
    from trainer.study import table

    recipe = table.fingerprint(entry.run.config)
    spreads = [
        Spread(number.value, number.low, number.high, len(column.runs), study)
        for study, path in reported().items()
        for column in read(path).stored.variants.values()
        if column.recipe == recipe and (number := column.means.get(name)) and len(column.runs) > 1
    ]
    if spreads:
        return max(spreads, key=lambda spread: spread.count)
    return _own(entry, name)


def _own(entry: catalog.Entry, name: str) -> Spread | None:
    number = next((each for each in entry.metrics if (each.group, each.name) == ("seeds", f"{name} over seeds")), None)
    count = re.search(r"range of (\d{1,3}) trainings", number.estimator) if number else None
    if count is None or number.low is None or number.high is None:
        return None
    return Spread(number.value, number.low, number.high, int(count[1]), "")


def figure(stored: Table, number: str, dark: bool = False) -> theme.Figure:
    """Return one number of a study: a row per variant, its mean as a dot, its range as a line; the control is grey."""
    study, colours = stored.stored, theme.colours(dark)
    columns = {name: column.means[number] for name, column in study.variants.items() if number in column.means}
    unit = next((f", {metric.unit}" for metric in columns.values() if metric.unit), "")
    drawn = theme.figure(
        dark,
        height=64 + 26 * len(columns),
        margin={"l": 8, "r": 12, "t": 8, "b": 36},
        xaxis={"title": {"text": number + unit}},
        yaxis={"type": "category", "autorange": "reversed", "tickfont": {"color": colours["text"]}},
        showlegend=False,
    )
    for name, metric in columns.items():
        colour = colours["muted"] if name == study.control else colours["accent"]
        low, high = (metric.value if end is None else end for end in (metric.low, metric.high))
        marker = {"size": [0, 11, 0], "color": colour, "opacity": 1, "line": {"width": 0}}
        hover = f"{name}: {metric.value:.4g} ({low:.4g} to {high:.4g})<extra></extra>"
        line = {"color": colour, "width": 3}
        places = {"x": [low, metric.value, high], "y": [name] * 3}
        drawn.add_scatter(**places, mode="lines+markers", line=line, marker=marker, name=name, hovertemplate=hover)
    return drawn


def show(stored: Table, rows: list[str] | None = None) -> None:
    """Draw what a study asks, its table and how to read it.

    Args:
        rows: names of the numbers that are shown; by default the printed ones.
    """
    study = stored.stored
    if study.about:
        st.markdown(markdown(study.about))
    wide = {"Number": st.column_config.TextColumn(width=260)}
    columns = {
        name: st.column_config.TextColumn(width=190, help=column.about) for name, column in study.variants.items()
    }
    share.table("study", frame(stored, rows))
    st.dataframe(frame(stored, rows), hide_index=True, height="content", placeholder="–", column_config=wide | columns)
    counts = sorted({len(column.runs) for column in study.variants.values()})
    of = f"{counts[0]} trainings" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} trainings"
    st.caption(
        f"Mean (smallest to largest) of {of} that differ in their seed; then the difference from "
        f"{markdown(study.control)} with the same seed [95 % bootstrap interval over seeds]. With three trainings the "
        f"interval is no wider than their range. Made by {code(study.command)}."
    )


def frame(stored: Table, rows: list[str] | None = None) -> pd.DataFrame:
    """Return a row per number and, under it, its difference from the control; a column per variant."""
    from trainer.study.table import cell

    lines = []
    for name in stored.stored.rows if rows is None else rows:
        for part, head in (("means", name), ("differences", f"… minus {stored.stored.control}")):
            numbers = {key: getattr(column, part).get(name) for key, column in stored.stored.variants.items()}
            if known := next(filter(None, numbers.values()), None):
                head += f", {known.unit}" if part == "means" and known.unit else ""
                lines.append({"Number": head} | {key: cell(each, part) for key, each in numbers.items() if each})
    return pd.DataFrame(lines, columns=["Number", *stored.stored.variants])
