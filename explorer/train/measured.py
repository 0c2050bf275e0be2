"""What is known of a trained run: its numbers, each with its protocol, where to look at them, and measuring it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from explorer.shared import catalog, measuring, state, widgets
from explorer.shared.factors import has_factors
from trainer.jobs import evaluate
from trainer.runs.folder import Metric
from trainer.runs.status import Training

HEADLINES = ("PSNR", "SSIM", "cluster accuracy", "k-means accuracy", "GW to data", "DCI disentanglement")
_GROUPS = {"ood": "outliers", "clustering": "clusters"}


def show(training: Training) -> None:
    """The section of one run; nothing while it has no model."""
    entry = catalog.of_folder(training.folder)
    if entry is None:
        return
    with st.container(gap="small", key="train-measured"):
        running = measuring.show(entry).is_running
        if entry.metrics:
            _numbers(entry, running)
        elif entry.is_outdated:
            _outdated(entry, training, running)
        elif not running and not training.is_live:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                measuring.button(entry)
                st.caption(measuring.WHAT, width="content")


def _numbers(entry: catalog.Entry, running: bool) -> None:
    """The few numbers that tell most, the pages that show them, and all of them below."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="train-numbers"):
        for position, (label, metric) in enumerate(headlines(entry.metrics)):
            with st.container(width="content", gap=None, key=f"metrics-train-{position}"):
                st.markdown(f"**{widgets.format_value(metric)}**", width="content")
                widgets.protocol_card(metric, label, key=f"train.card.{position}")
        st.space("stretch")
        _pages(entry)
    with st.expander("All numbers, with their protocol", icon=":material/straighten:"):
        _table(entry.metrics)
        for sentence in _left_out(entry):
            st.caption(sentence)
        if not running:
            measuring.button(entry, again=True)


def _outdated(entry: catalog.Entry, training: Training, running: bool) -> None:
    """Numbers of earlier weights: named as such, never beside the others."""
    resting = not training.is_live
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="medium"):
        st.caption(f":material/history: {measuring.older_weights(entry)}", width="stretch")
        if resting and not running:
            measuring.button(entry, again=True)
    with st.expander("Numbers of the earlier weights", icon=":material/straighten:"):
        _table(entry.older)


def _table(metrics: Sequence[Metric]) -> None:
    whole = st.column_config.NumberColumn(format="localized")
    st.dataframe(table(metrics), hide_index=True, height=300, column_config={"n": whole})


def _pages(entry: catalog.Entry) -> None:
    """Where the numbers are to be seen."""
    pages = {"clusters": ("Clusters", ":material/scatter_plot:"), "ood": ("Outliers", ":material/troubleshoot:")}
    pages |= {"disentangle": ("Disentangle", ":material/grid_on:")} if has_factors(entry) else {}
    for page, (title, icon) in pages.items():
        if st.button(title, icon=icon, key=f"train.open.{page}"):
            state.select_model(entry.name)
            widgets.open_page(page)


def _left_out(entry: catalog.Entry) -> list[str]:
    """What could not be measured, and what is measured elsewhere."""
    from trainer.evaluation.ood import pairs_measured

    groups = {metric.group for metric in entry.metrics}
    said = evaluate.left_out(entry.run.config, groups, pairs_measured(list(entry.metrics)))
    if has_factors(entry) and "disentanglement" not in groups:
        said.append("Disentanglement: measured on its own page, as it takes minutes on every core.")
    return said


def headlines(metrics: Sequence[Metric]) -> list[tuple[str, Metric]]:
    """(label, number) of the few that tell most; of the outliers the combined score's AUROC on every reported pair."""
    from trainer.evaluation import ood

    by_name = {metric.name: metric for metric in metrics}
    found = [(name, by_name[name]) for name in HEADLINES if name in by_name]
    for pair in ood.pairs_measured(list(metrics)):
        name = ood.metric_name("AUROC", ood.COMBINED, pair)
        if name in by_name:
            found.append((f"AUROC, {pair.partition('/')[2] or pair}", by_name[name]))
    return found


def table(metrics: Sequence[Metric]) -> pd.DataFrame:
    """A row per number, with its whole protocol."""
    rows = [
        {
            "Group": _GROUPS.get(metric.group, metric.group),
            "Number": metric.name + (f", {metric.unit}" if metric.unit else ""),
            "Value": float(f"{metric.value:.4g}"),
            "95 % interval": "" if metric.low is None else f"{metric.low:.4g} to {metric.high:.4g}",
            "Better": "higher" if metric.higher_is_better else "lower",
            "Data": metric.data,
            "Split": metric.split,
            "n": metric.n,
            "Seed": "none" if metric.seed is None else str(metric.seed),
            "Estimator": metric.estimator,
            "Checkpoint": metric.checkpoint,
        }
        for metric in metrics
    ]
    return pd.DataFrame(rows)
