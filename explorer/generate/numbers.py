"""The generation metrics of the models as one table, with intervals, and each number's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.shared import beside, catalog, escape, share, widgets

if TYPE_CHECKING:
    from trainer.runs.folder import Metric

GROUPS = ("reconstruction", "generation")
TRAINING = "training pictures"
CSS = """<style>
.st-key-generate-numbers table { font-size: 0.9rem; font-variant-numeric: tabular-nums; width: 100%; }
.st-key-generate-numbers :is(th, td) { border-left: 0; border-right: 0; padding: 0.35rem 0.6rem; }
.st-key-generate-numbers th { font-weight: 500; opacity: 0.75; }
.st-key-generate-numbers [data-testid="stMarkdownContainer"] { overflow-x: auto; }
</style>"""


def show(entry: catalog.Entry) -> None:
    """Draw the view."""
    models = beside.shown(entry)
    found = {each.name: measured(each) for each in models}
    for name, metrics in found.items():
        share.numbers(f"{name}-generation", list(metrics.values()))
    st.html(CSS)
    if not any(metric.group == "generation" for metrics in found.values() for metric in metrics.values()):
        widgets.empty_state(
            "No generation metrics yet",
            "Frechet and kernel distance, precision, recall, density and coverage need the data set and this command.",
            f"python -m trainer evaluate {entry.path} --only generation",
            icon=":material/leaderboard:",
        )
        if not any(found.values()):
            return
    with st.container(key="generate-numbers"):
        for group in GROUPS:
            text = table({name: [m for m in metrics.values() if m.group == group] for name, metrics in found.items()})
            if text:
                st.markdown(text)
    _protocols(found)
    st.caption(
        "Intervals are 95 % and cover the choice of pictures, not another training; the better end of what has one "
        "protocol is bold. Training pictures are what a perfect generator would score; the fitted mixture is "
        "the control for a learned prior."
    )


def measured(entry: catalog.Entry) -> dict[str, Metric]:
    """Return the numbers of this checkpoint by name, in the order they were measured."""
    return {metric.name: metric for metric in entry.metrics if metric.group in GROUPS}


def table(found: dict[str, list[Metric]]) -> str:
    """Return Markdown, empty without numbers: a row per kind of pictures and model, a column per measure.

    A number's name is "measure, kind of pictures", or the measure alone. Training pictures have one row where they are
    the same for all models.
    """
    measures: list[str] = []
    rows: dict[tuple[str, str], dict[str, Metric]] = {}
    kinds = list(dict.fromkeys(_split(metric)[1] for metrics in found.values() for metric in metrics))
    for kind in kinds:
        for model, metrics in found.items():
            row = {_split(metric)[0]: metric for metric in metrics if _split(metric)[1] == kind}
            measures += [measure for measure in row if measure not in measures]
            rows[kind, model] = row
    of_data = [row for (kind, _), row in rows.items() if kind == TRAINING]
    if len(of_data) > 1 and len({str({name: each.value for name, each in row.items()}) for row in of_data}) == 1:
        rows = {key: row for key, row in rows.items() if key[0] != TRAINING} | {(TRAINING, ""): of_data[0]}
    if not rows:
        return ""
    best = {(kind, measure): _best(rows, kind, measure) for kind in kinds for measure in measures}
    lines = [
        "| samples | " + " | ".join(escape.markdown(measure) for measure in measures) + " |",
        "|---" * (len(measures) + 1) + "|",
    ]
    for (kind, model), row in rows.items():
        name = " · ".join(filter(None, (kind, model)))
        cells = [_cell(row.get(measure), best[kind, measure]) for measure in measures]
        lines.append(f"| {escape.markdown(name)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _split(metric: Metric) -> tuple[str, str]:
    measure, _, kind = metric.name.rpartition(", ")
    return (measure, kind) if measure else (kind, "")


def _best(rows: dict[tuple[str, str], dict[str, Metric]], kind: str, measure: str) -> float | None:
    """The better end of a measure over the models, None where there is no other or the protocol differs."""
    known = [row[measure] for (of, _), row in rows.items() if of == kind and measure in row]
    if len(known) < 2 or kind == TRAINING or len({(metric.n, metric.split) for metric in known}) > 1:
        return None
    return (max if known[0].higher_is_better else min)(metric.value for metric in known)


def _cell(metric: Metric | None, best: float | None) -> str:
    if metric is None:
        return "not measured"
    value = widgets.format_value(metric)
    shown = f"**{value}**" if metric.value == best else value
    return f"{shown} {widgets.format_interval(metric)}".strip()


def _protocols(found: dict[str, dict[str, Metric]]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="metrics-generate"):
        st.caption("Protocol:", width="content")
        for name, metrics in found.items():
            if metrics:
                with st.popover(escape.markdown(name), type="tertiary", key=f"generate.protocol.{name}"):
                    for metric in metrics.values():
                        st.markdown(widgets.protocol_text(metric))
