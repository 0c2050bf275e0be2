"""Several runs beside each other: one term over the steps, and their numbers in a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from explorer.shared import catalog, theme, widgets
from explorer.train import figures, run_view
from explorer.train.state import bound, current
from trainer.errors import UserError
from trainer.runs.folder import Metric, Run
from trainer.runs.status import Training

MOST = 8


def show(found: Sequence[Training]) -> None:
    """The whole view; bundled models can be compared as well."""
    folders = {training.name: training.folder for training in found}
    folders |= {entry.name: entry.path for entry in catalog.usable() if entry.bundled and entry.name not in folders}
    if len(folders) < 2:
        widgets.empty_state(
            "Nothing to compare yet", "Two runs are needed; train another one.", icon=":material/compare:"
        )
        return
    chosen = [name for name in current().compared if name in folders] or _usual(folders)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="train-compare"):
        st.multiselect("Runs", list(folders), max_selections=MOST, width=520, **bound("compared", tuple(chosen)))
        histories = {name: run_view.history(str(folders[name])) for name in chosen}
        terms = list(dict.fromkeys(term for rows in histories.values() for term in figures.terms_of(rows)))
        terms = [term for term in terms if term != figures.SCALES_TITLE]
        if terms:
            usual = "psnr" if "psnr" in terms else terms[0]  # what models of every kind share
            term = current().term if current().term in terms else usual
            titles = figures.TITLES
            st.selectbox(
                "Curve", terms, format_func=lambda name: titles.get(name, name), width=240, **bound("term", term)
            )
            log = st.toggle("Logarithmic", key="train.log")
    if terms:
        figure = figures.overlay(histories, term, log, theme.is_dark())
        st.plotly_chart(figure, theme=None, key="train.overlay", config={"displayModeBar": False})
        st.caption("Validation where it was measured, else the training's own mean. Losses of different models add up "
                   "different terms: compare them by what they share, such as PSNR.")  # fmt: skip
    _numbers({name: folders[name] for name in chosen})


def _usual(folders: dict[str, Path]) -> list[str]:
    """The latest run and another one of the same pictures, as far as there is one."""
    data = {entry.path: entry.data_title for entry in catalog.usable()}
    first, *others = sorted(folders, key=lambda name: folders[name] not in data)  # those with a model first
    alike = [name for name in others if data.get(folders[name]) == data.get(folders[first])]
    return [first, *(alike or others)[:1]]


def _numbers(folders: dict) -> None:
    """Stored numbers; a row is one protocol, so that what stands side by side is comparable."""
    table = metric_table({name: _metrics(folder) for name, folder in folders.items()})
    if table.empty:
        st.caption("None of them is measured yet; “Measure this model”, under Trainings, does it.")
        return
    numbers = {name: st.column_config.NumberColumn(format="%.4f", width=120) for name in folders}
    wide = {"Number": st.column_config.TextColumn(width=300), "On": st.column_config.TextColumn(width=330)}
    order = ["Number", *folders, "On"]  # the values beside their name, also where a narrow page cuts the table
    st.dataframe(
        table, hide_index=True, height="content", placeholder="–", column_order=order, column_config=wide | numbers
    )
    st.caption("A number stands beside another only where data, split, n and estimator are the same.")


def _metrics(folder) -> list[Metric]:
    try:
        run = Run(folder)
        return [metric for metric in run.metrics if metric.checkpoint == run.hash]
    except UserError:
        return []


def metric_table(metrics: dict[str, list[Metric]]) -> pd.DataFrame:
    """A row per number and protocol, a column per run."""
    from trainer.evaluation import ood

    rows: dict[tuple, dict] = {}
    for name, own in metrics.items():
        for metric in filter(ood.is_headline, own):
            key = (metric.group, metric.name, metric.data, metric.split, metric.n, metric.estimator)
            arrow = "↑" if metric.higher_is_better else "↓"
            unit = f", {metric.unit}" if metric.unit else ""
            head = {"Number": f"{metric.name}{unit} {arrow}", "On": f"{metric.data}, {metric.split}, n = {metric.n:,}"}
            rows.setdefault(key, head)[name] = round(float(metric.value), 4)
    return pd.DataFrame(list(rows.values()), columns=["Number", "On", *metrics] if rows else None)
