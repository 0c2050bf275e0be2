"""The metrics of a trained run with their protocols, links to the pages that show them, and measuring."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from explorer.shared import catalog, measuring, share, state, widgets
from explorer.shared.factors import has_factors
from trainer.jobs import evaluate
from trainer.runs.folder import Metric
from trainer.runs.status import Training

HEADLINES = ("PSNR", "SSIM", "cluster accuracy", "k-means accuracy", "GW to data", "DCI disentanglement")
_GROUPS = {"ood": "outliers", "clustering": "clusters"}


def show(training: Training) -> None:
    """Draw the section of one run; nothing while it has no model."""
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
    """Draw the headline metrics, links to the pages that show them, and the table of all metrics."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="metrics-train"):
        for position, (label, metric) in enumerate(headlines(entry.metrics)):
            widgets.number(metric, f"train.card.{position}", label)
        st.space("stretch")
        _pages(entry)
    with st.expander("All metrics with their protocols", icon=":material/straighten:"):
        _table(entry.metrics)
        for sentence in _left_out(entry):
            st.caption(sentence)
        if not running:
            measuring.button(entry, again=True)


def _outdated(entry: catalog.Entry, training: Training, running: bool) -> None:
    """Draw the metrics of earlier weights, labelled as such."""
    measuring.line(entry, "history", measuring.older_weights(entry), not training.is_live and not running)
    with st.expander("Metrics of the earlier weights", icon=":material/straighten:"):
        _table(entry.older)


def _table(metrics: Sequence[Metric]) -> None:
    share.numbers("metrics", metrics)
    whole = st.column_config.NumberColumn(format="localized")
    st.dataframe(table(metrics), hide_index=True, height=300, column_config={"n": whole})


def _pages(entry: catalog.Entry) -> None:
    """Draw links to the pages that show these metrics."""
    pages = {"clusters": ("Clusters", ":material/scatter_plot:"), "ood": ("Outliers", ":material/troubleshoot:")}
    pages |= {"disentangle": ("Disentangle", ":material/grid_on:")} if has_factors(entry) else {}
    for page, (title, icon) in pages.items():
        if st.button(title, icon=icon, key=f"train.open.{page}"):
            state.select_model(entry.name)
            widgets.open_page(page)


def _left_out(entry: catalog.Entry) -> list[str]:
    """Return a sentence on each metric that could not be measured, or is measured on another page."""
    from trainer.evaluation.ood import pairs_measured

    groups = {metric.group for metric in entry.metrics}
    sentences = evaluate.left_out(entry.run.config, groups, pairs_measured(list(entry.metrics)))
    if has_factors(entry) and "disentanglement" not in groups:
        sentences.append("Disentanglement: measured on its own page; it takes minutes on all cores.")
    return sentences


def headlines(metrics: Sequence[Metric]) -> list[tuple[str, Metric]]:
    """Return (label, metric) of the headlines, with the AUROC of the combined score on every pair of data sets."""
    from trainer.evaluation import ood

    by_name = {metric.name: metric for metric in metrics}
    shown = [(name, by_name[name]) for name in HEADLINES if name in by_name]
    for pair in ood.pairs_measured(list(metrics)):
        name = ood.metric_name("AUROC", ood.COMBINED, pair)
        if name in by_name:
            shown.append((f"AUROC, {pair.partition('/')[2] or pair}", by_name[name]))
    return shown


def table(metrics: Sequence[Metric]) -> pd.DataFrame:
    """Return a row per metric, with its whole protocol."""
    rows = [
        {
            "Group": _GROUPS.get(metric.group, metric.group),
            "Number": metric.name + (f", {metric.unit}" if metric.unit else ""),
            "Value": float(f"{metric.value:.4g}"),
            "95 % interval": metric.interval,
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
