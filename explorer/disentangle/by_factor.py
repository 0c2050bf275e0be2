"""Factors by models: which axis carries each factor, how much of it, and both sweeps while a cell is pointed at."""

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.disentangle import cell
from explorer.disentangle.state import current
from explorer.shared import catalog, latent, pixels, studies
from explorer.shared.factors import combination, factors
from explorer.shared.studies import Spread
from trainer.evaluation.disentanglement.record import Record, on_best_axis


class Best(NamedTuple):
    """The axis that carries a factor best: its number, its share of the importance of all axes, 0 to 1, and the largest
    share over trainings that differ in their seed alone.
    """

    axis: int
    importance: float
    seeds: Spread | None = None


class Line(NamedTuple):
    """Pictures side by side: the address of a PNG, and how many they are."""

    address: str
    count: int


def best_axes(record: Record) -> dict[str, Best]:
    """Return the axis of highest importance (DCI) for each factor, by its name."""
    columns = zip(record.factor_titles, record.dci.importance.T, strict=True)
    return {name: Best(int(column.argmax()), float(column.max())) for name, column in columns}


def show(models: Mapping[str, Record]) -> None:
    """Draw a row per factor and a column per model; pointing at a cell, or focusing it, plays its two sweeps.

    Raises: UserError if the table of a reported study is damaged.
    """
    st.markdown("**Which axis carries each factor**")
    by_name = {entry.name: entry for entry in catalog.usable()}
    best = over_seeds({name: best_axes(record) for name, record in models.items()}, _recipes(by_name, models))
    for name, found in best.items():
        reported = {
            factor: studies.spread(by_name[name], on_best_axis(factor) + fast(models[name])) for factor in found
        }
        best[name] = {factor: each._replace(seeds=reported[factor] or each.seeds) for factor, each in found.items()}
    base = combination(current().base)
    frames = {
        name: _strips(by_name[name], tuple((factor, each.axis) for factor, each in found.items()), base)
        for name, found in best.items()
    }
    st.html(table(best, frames))
    count = studies.counted(each.seeds for found in best.values() for each in found.values())
    range_of = f"Below it: the range over {count} trainings that differ in their seed. " if count else ""
    st.caption(
        "The number: how much of all axes' importance for the factor this axis has (DCI); the most of a row is bold. "
        f"{range_of}Left: the axis moves, decoded by the model. "
        "Right: the factor changes, rendered. Point at a cell to play both."
    )


def fast(record: Record) -> str:
    """Return what the names of a record's numbers end with: nothing for the full protocol."""
    return "" if record.protocol == "full" else f", {record.protocol}"


def _recipes(by_name: Mapping[str, catalog.Entry], models: Mapping[str, Record]) -> list[list[str]]:
    """Return the models in groups that differ in their seed alone."""
    groups: dict[str, list[str]] = {}
    for name in models:
        groups.setdefault(str(by_name[name].run.recipe), []).append(name)
    return list(groups.values())


def over_seeds(best: Mapping[str, Mapping[str, Best]], recipes: Sequence[Sequence[str]]) -> dict[str, dict[str, Best]]:
    """Return the first model of each recipe, with the importances of all its trainings.

    Args:
        best: by model, then by factor.
        recipes: names of models that differ in their seed alone.
    """
    merged = {}
    for names in recipes:
        merged[names[0]] = {
            factor: found._replace(seeds=_range([best[name][factor].importance for name in names]))
            for factor, found in best[names[0]].items()
        }
    return merged


def _range(values: Sequence[float]) -> Spread | None:
    """Return the spread of a number over trainings, None of a single one."""
    if len(values) < 2:
        return None
    return Spread(sum(values) / len(values), min(values), max(values), len(values), "")


@st.cache_data(max_entries=32, show_spinner="Drawing the sweeps …", hash_funcs=catalog.keyed())
def _strips(
    entry: catalog.Entry, axes: tuple[tuple[str, int], ...], base: tuple[int, ...]
) -> dict[str, tuple[Line, Line]]:
    """Return for each factor two lines: the axis moved and decoded, the factor changed and rendered."""
    space, order = latent.space(entry), [factor.name for factor in factors()]
    made = {}
    for name, axis in axes:
        moved, truth, _, _ = cell.strips(space, base, axis, order.index(name))
        made[name] = (_line(moved), _line(truth))
    return made


def _line(pictures: np.ndarray) -> Line:
    return Line(pixels.inline(pixels.png(pixels.join_tiles(pictures, len(pictures)))), len(pictures))


def table(best: Mapping[str, Mapping[str, Best]], frames: Mapping[str, Mapping[str, tuple[Line, Line]]]) -> str:
    """Return the HTML of the table.

    Args:
        best: by model, then by factor.
        frames: by model, then by factor, both lines of pictures; models may be missing.
    """
    order = list(next(iter(best.values())))
    head = "".join(f"<th scope='col'>{html.escape(model)}</th>" for model in best)
    rows = [_row(factor, {model: found[factor] for model, found in best.items()}, frames) for factor in order]
    return f"<table class='by-factor'><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(factor: str, best: Mapping[str, Best], frames: Mapping[str, Mapping[str, tuple[Line, Line]]]) -> str:
    most = max(f"{found.importance:.2f}" for found in best.values())
    cells = []
    for model, (axis, importance, seeds) in best.items():
        number = f"{importance:.2f}"
        shown = f"<b>{number}</b>" if number == most and len(best) > 1 else number
        shown += f"<small>{seeds.low:.2f} to {seeds.high:.2f}</small>" if seeds else ""
        title = html.escape(model + f": z{axis} has {number} of the importance for {factor}", quote=True)
        lines = _players(frames.get(model, {}).get(factor, ()))
        cells.append(f"<td tabindex='0' title='{title}' aria-label='{title}'>{lines}<span>z{axis} {shown}</span></td>")
    return f"<tr><th scope='row'>{html.escape(factor)}</th>{''.join(cells)}</tr>"


def _players(lines: Sequence[Line]) -> str:
    """Return an element per line that shows its middle frame, and plays all (page.css)."""
    styles = [
        f"--frames:{count};--middle:{100 * (count // 2) / max(1, count - 1):.2f}%;background-image:url('{address}')"
        for address, count in lines
    ]
    return "".join(f'<i style="{style}"></i>' for style in styles)
