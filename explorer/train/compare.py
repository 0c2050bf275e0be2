"""Several runs side by side: one curve over the steps, and their metrics in a table."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from explorer.shared import catalog, share, theme, widgets
from explorer.shared.escape import markdown
from explorer.train import figures, run_view, studies, study_form
from explorer.train.state import bound, current
from trainer.runs.folder import Metric
from trainer.runs.status import Training

MOST = 8


def show(trainings: Sequence[Training]) -> None:
    """Draw the view: the table of a study, if there is one, and chosen runs; bundled models can be compared as well."""
    study_form.show(catalog.roots()[1])
    studies.show(catalog.roots()[1])
    folders = {training.name: training.folder for training in trainings}
    folders |= {entry.name: entry.path for entry in catalog.usable() if entry.bundled and entry.name not in folders}
    if len(folders) < 2:
        widgets.empty_state(
            "Nothing to compare yet", "Comparing needs two runs; train another one.", icon=":material/compare:"
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
            titles = {name: figures.TITLES.get(name, name) for name in terms}
            st.selectbox("Curve", terms, format_func=titles.__getitem__, width=240, **bound("term", term))
            log = st.toggle("Logarithmic", key="train.log")
    if terms:
        share.table("curve", pd.concat([rows.filter(["step", term, f"validation {term}"]).assign(run=name)
                                        for name, rows in histories.items()]))  # fmt: skip
        widgets.chart(figures.overlay(histories, term, log, theme.is_dark()), "train.overlay")
        st.caption("Validation where it was measured, else the mean of the training. Losses of different models sum "
                   "different terms: compare such models by a common curve, such as PSNR.")  # fmt: skip
    _numbers({name: folders[name] for name in chosen})


def _usual(folders: dict[str, Path]) -> list[str]:
    """Return the latest run and, if possible, another one with the same pictures."""
    data = {entry.path: entry.data_title for entry in catalog.usable()}
    first, *others = sorted(folders, key=lambda name: folders[name] not in data)  # those with a model first
    alike = [name for name in others if data.get(folders[name]) == data.get(folders[first])]
    return [first, *(alike or others)[:1]]


def _numbers(folders: dict[str, Path]) -> None:
    """Draw the stored metrics; a row is one protocol, so that its values are comparable."""
    entries = {name: catalog.of_folder(folder) for name, folder in folders.items()}
    table = metric_table({name: entry.metrics if entry else () for name, entry in entries.items()})
    share.about([entry for entry in entries.values() if entry])
    share.table("numbers", table)
    if table.empty:
        st.caption("None of them is measured yet; press “Measure this model” under Trainings.")
        return
    with st.container(key="train-numbers"):
        st.markdown(_markdown(table, list(folders)))
    st.caption("Values in one row have the same data, split, n and estimator.")


def _markdown(table: pd.DataFrame, names: list[str]) -> str:
    """Return the table as Markdown, whose names wrap: on a narrow page the values stay beside them."""
    shown = table[["Number", *names, "On"]].astype(object).where(table.notna(), "–")
    rows = [shown.columns, ["---"] + ["---:"] * len(names) + ["---"], *shown.to_numpy().tolist()]
    escaped = [[str(cell) if number == 1 else markdown(cell) for cell in row] for number, row in enumerate(rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)


def metric_table(metrics: dict[str, Sequence[Metric]]) -> pd.DataFrame:
    """Return a row per metric and protocol, a column per run."""
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
