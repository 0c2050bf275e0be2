"""Models side by side, where data set and protocol are the same."""

import streamlit as st

from explorer.disentangle import by_factor, figures
from explorer.disentangle.records import Measurement, data_title, records
from explorer.disentangle.state import bound, current
from explorer.shared import catalog, theme, widgets
from explorer.shared.escape import markdown
from explorer.shared.factors import has_factors
from trainer.evaluation.disentanglement.protocol import PROTOCOLS
from trainer.evaluation.disentanglement.record import Record, metrics

SHORT = ("DCI-D", "DCI-C", "DCI-I", "MIG", "SAP", "FactorVAE")


def show(entry: catalog.Entry, kind: Measurement | None) -> None:
    """Draw one group of models: table, bars, protocols.

    Args:
        entry, kind: the selected model and its chosen measurement; their group opens first.
    """
    by_group, unmeasured = groups()
    if not by_group:
        widgets.empty_state(
            "No model has been measured yet",
            "Measure one in the view Matrix; models with the same data set and protocol are compared here.",
            icon=":material/leaderboard:",
        )
        return
    names = list(by_group)
    preferred = _group(entry, kind, records(entry)[kind]) if kind else names[0]
    wanted = current().group if current().group in names else preferred
    if len(names) > 1:
        st.segmented_control("Data set and protocol", names, required=True, **bound("group", wanted))
    else:
        st.markdown(f"**{markdown(wanted)}**")
    models = by_group[wanted]
    with st.container(key="scores-disentangle"):
        st.markdown(table(models))
    _protocols(models)
    by_factor.show(models)
    figure = figures.scores({name: values(record) for name, record in models.items()}, SHORT, theme.is_dark())
    widgets.chart(figure, "disentangle.compare", "disentanglement")
    scale = (
        "All scores run from 0 to 1; higher is better. The models are sorted by DCI disentanglement. They may differ "
        "in more than one setting, and this does not say which one matters."
    )
    st.caption(scale + (f" Not measured: {markdown(', '.join(unmeasured))}." if unmeasured else ""))


def groups() -> tuple[dict[str, dict[str, Record]], list[str]]:
    """Return the models by data set and protocol, each group sorted by DCI disentanglement, and the unmeasured models.

    Another number of codes is another protocol: small data sets make groups of their own.
    """
    by_group: dict[str, dict[str, Record]] = {}
    unmeasured = []
    for entry in catalog.usable():
        if not has_factors(entry):
            continue
        stored = records(entry)
        if not stored:
            unmeasured.append(entry.name)
        for kind, record in stored.items():
            by_group.setdefault(_group(entry, kind, record), {})[entry.name] = record
    for name, models in by_group.items():
        by_group[name] = dict(sorted(models.items(), key=lambda item: -item[1].dci.disentanglement))
    return dict(sorted(by_group.items(), key=lambda item: (item[0].endswith("fast protocol"), item[0]))), unmeasured


def _group(entry: catalog.Entry, kind: Measurement, record: Record) -> str:
    usual = PROTOCOLS[kind.protocol]
    codes = record.sizes["train"] + record.sizes["test"]
    fewer = "" if codes == usual.train + usual.test else f", {codes:,} codes"
    return f"{data_title(entry, kind)}{fewer} · {kind.protocol} protocol"


def values(record: Record) -> list[float]:
    """Return the six scores in the order of SHORT."""
    dci, others = record.dci, (record.mig, record.sap, record.factor_vae)
    return [dci.disentanglement, dci.completeness, dci.informativeness, *(each.score for each in others)]


def table(models: dict[str, Record]) -> str:
    """Return a Markdown table with a column per model, the best number of each row in bold."""
    columns = [values(record) for record in models.values()]

    def cell(value: float, top: float) -> str:
        return f"**{value:.3f}**" if len(columns) > 1 and f"{value:.3f}" == f"{top:.3f}" else f"{value:.3f}"

    lines = [" | ".join(["| score", *map(markdown, models), ""]), "|---" * (len(columns) + 1) + "|"]
    for name, numbers in zip(SHORT, zip(*columns, strict=True), strict=True):
        lines.append(" | ".join([f"| {name}", *(cell(value, max(numbers)) for value in numbers), ""]))
    return "\n".join(lines)


def _protocols(models: dict[str, Record]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="metrics-disentangle-compare"):
        st.caption("Protocol:", width="content")
        for name, record in models.items():
            with st.popover(markdown(name), type="tertiary", key=f"disentangle.protocol.{name}"):
                st.markdown(protocol(record))


def protocol(record: Record) -> str:
    """Return how the scores of one record were measured, as a Markdown table."""
    lines = [
        ("Data", f"{record.data}, {record.split}, {record.pictures:,} pictures"),
        ("Protocol", record.protocol),
        ("Seed", str(record.seed)),
        ("Checkpoint", f"`{record.checkpoint}`"),
        *((f"{metric.name}: {metric.value:.3f}", f"{metric.estimator}") for metric in metrics(record)),
    ]
    rows = [f"| {name} | {text.replace('|', '/')} |" for name, text in lines]
    return "\n".join(["| what | how |", "|---|---|", *rows])
