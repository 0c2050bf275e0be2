"""Models beside one another, by the same data set and protocol only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.disentangle import figures
from explorer.disentangle.records import Kind, data_title, records
from explorer.disentangle.state import bound, current
from explorer.shared import catalog, escape, theme, widgets
from explorer.shared.factors import has_factors

if TYPE_CHECKING:
    from trainer.evaluation.disentanglement.record import Record

SHORT = ("DCI-D", "DCI-C", "DCI-I", "MIG", "SAP", "FactorVAE")
_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]], "toImageButtonOptions": {"format": "svg"}}


def show(entry: catalog.Entry, kind: Kind | None) -> None:
    """One group of models at a time: table, bars, protocols.

    Args:
        entry, kind: the selected model and the measurement of it that is shown elsewhere; its group opens first.
    """
    found, without = groups()
    if not found:
        widgets.empty_state(
            "No model has been measured yet",
            "Measure one in the view Matrix; those measured on the same data set by the same protocol meet here.",
            icon=":material/leaderboard:",
        )
        return
    names = list(found)
    preferred = _group(entry, kind, records(entry)[kind]) if kind else names[0]
    wanted = current().group if current().group in names else preferred
    if len(names) > 1:
        st.segmented_control("Measured on, by", names, required=True, **bound("group", wanted))
    else:
        st.markdown(f"**{wanted}**")
    models = found[wanted]
    with st.container(key="disentangle-scores"):
        st.markdown(table(models))
    _protocols(models)
    figure = figures.scores({name: values(record) for name, record in models.items()}, SHORT, theme.is_dark())
    st.plotly_chart(figure, theme=None, key="disentangle.compare", config=_CONFIG)
    rest = [name for name in without if name not in models]
    said = "All scores run from 0 to 1, and more is better; the models are in the order of DCI disentanglement."
    st.caption(said + (f" Not measured at all: {', '.join(rest)}." if rest else ""))


def groups() -> tuple[dict[str, dict[str, Record]], list[str]]:
    """Models by data set and protocol, each group in the order of DCI disentanglement; and the models without a record.

    What differs in the number of codes differs in its protocol, too: small data sets make groups of their own.
    """
    found: dict[str, dict[str, Record]] = {}
    without = []
    for entry in catalog.usable():
        if not has_factors(entry):
            continue
        stored = records(entry)
        if not stored:
            without.append(entry.name)
        for kind, record in stored.items():
            found.setdefault(_group(entry, kind, record), {})[entry.name] = record
    order = {name: dict(sorted(m.items(), key=lambda item: -item[1].dci.disentanglement)) for name, m in found.items()}
    return dict(sorted(order.items(), key=lambda item: (item[0].endswith("fast protocol"), item[0]))), without


def _group(entry: catalog.Entry, kind: Kind, record: Record) -> str:
    from trainer.evaluation.disentanglement.protocol import PROTOCOLS

    usual = PROTOCOLS[kind.protocol]
    codes = record.sizes["train"] + record.sizes["test"]
    fewer = "" if codes == usual.train + usual.test else f", {codes:,} codes"
    return f"{data_title(entry, kind)}{fewer} · {kind.protocol} protocol"


def values(record: Record) -> list[float]:
    """The six numbers in the order of SHORT."""
    dci = record.dci
    return [
        dci.disentanglement,
        dci.completeness,
        dci.informativeness,
        record.mig.score,
        record.sap.score,
        record.factor_vae.score,
    ]


def table(models: dict[str, Record]) -> str:
    """A row per model as Markdown, the best number of each column in bold."""
    rows = {name: values(record) for name, record in models.items()}
    best = [max(column) for column in zip(*rows.values(), strict=True)]

    def cell(value: float, top: float) -> str:
        return f"**{value:.3f}**" if len(rows) > 1 and f"{value:.3f}" == f"{top:.3f}" else f"{value:.3f}"

    head = ["| model | " + " | ".join(SHORT) + " |", "|---" * (len(SHORT) + 1) + "|"]
    return "\n".join(
        head
        + [
            f"| {escape.cell(name)} | " + " | ".join(cell(*pair) for pair in zip(numbers, best, strict=True)) + " |"
            for name, numbers in rows.items()
        ]
    )


def _protocols(models: dict[str, Record]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="metrics-disentangle-compare"):
        st.caption("Protocol:", width="content")
        for name, record in models.items():
            with st.popover(name, type="tertiary", key=f"disentangle.protocol.{name}"):
                st.markdown(protocol(record))


def protocol(record: Record) -> str:
    """How the numbers of one record came about, as a Markdown table."""
    from trainer.evaluation.disentanglement import record as records

    lines = [
        ("Data", f"{record.data}, {record.split}, {record.pictures:,} pictures"),
        ("Protocol", record.protocol),
        ("Seed", str(record.seed)),
        ("Checkpoint", f"`{record.checkpoint}`"),
        *((f"{metric.name}: {metric.value:.3f}", f"{metric.estimator}") for metric in records.metrics(record)),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text.replace('|', '/')} |" for name, text in lines)])
