"""What each axis carries: scores, a heat map of axes by factors with a panel about the clicked cell, and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from explorer.disentangle import cell, figures
from explorer.disentangle.state import MATRICES, change, current
from explorer.shared import catalog, theme, widgets

if TYPE_CHECKING:
    from trainer.evaluation.disentanglement.record import Record

CHART = "disentangle.chart"
_CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "axes-and-factors"},
}
EXPLAINED = {
    "importance": "Importance: how much each axis contributes where boosted trees tell a factor from the whole code; a "
    "column sums to 1. One bright cell per row and column is what disentangled means.",
    "information": "Mutual information of axis and factor over the factor's entropy: 1 where the axis alone tells all.",
}


def show(entry: catalog.Entry, record: Record) -> None:
    """Scores, matrix with panel, and the axes one by one."""
    scores(record)
    _work(entry, record)
    with st.expander("Every axis by itself"):
        summary(record)


def scores(record: Record) -> None:
    """The six numbers, each with its protocol on demand."""
    from trainer.evaluation.disentanglement import record as records

    with st.container(horizontal=True, key="metrics-disentangle"):
        for position, metric in enumerate(records.metrics(record)):
            with st.container(width="content", gap=None):
                st.markdown(f"**{widgets.format_value(metric)}**", width="content")
                widgets.protocol_card(metric, key=f"protocol-disentangle-{position}")
    took = f"{record.sizes['train'] + record.sizes['test']:,} codes"
    st.caption(f"{record.data}, {record.protocol} protocol, {took}. A number's name opens its protocol; 1 is best.")


@st.fragment
def _work(entry: catalog.Entry, record: Record) -> None:
    """The matrix and its panel; a click reruns nothing else."""
    view = current()
    axes, factors = rows(record), [name.replace("_", " ") for name in record.factor_names]
    chosen = (view.axis, view.factor) if view.axis in axes and 0 <= view.factor < len(factors) else None
    with st.container(key="disentangle-work"):
        chart, panel = st.columns([1.45, 1], gap="large")
    with chart:
        figure = figures.matrix(
            values(record, view.matrix),
            axes,
            [f"z{axis}" if record.factor_vae.active[axis] else f"<i>z{axis}, unused</i>" for axis in axes],
            factors,
            MATRICES[view.matrix].split(" (")[0].lower(),
            chosen,
            theme.is_dark(),
        )
        st.plotly_chart(
            figure, theme=None, key=CHART, config=_CONFIG, on_select=lambda: _clicked(record), selection_mode="points"
        )
        st.caption(EXPLAINED[view.matrix])
    with panel, widgets.user_errors():
        if chosen is None:
            _hint(record)
        else:
            cell.show(entry, record, *chosen)


def values(record: Record, which: str) -> np.ndarray:
    """The matrix of a name of MATRICES, (d, F), 0 to 1."""
    return record.dci.importance if which == "importance" else record.mig.information


def rows(record: Record) -> list[int]:
    """Axes that have a name, in the order of the factors they carry; then the others by importance, unused ones last.

    So what is disentangled stands on a diagonal.
    """
    from trainer.evaluation.disentanglement import record as records

    importance, active = record.dci.importance, record.factor_vae.active
    named = [name is not None for name in records.axis_names(record)]
    best, most = importance.argmax(1), importance.max(1)

    def place(axis: int) -> tuple:
        return (not active[axis], not named[axis], int(best[axis]) if named[axis] else 0, -float(most[axis]), axis)

    return sorted(range(len(importance)), key=place)


def _clicked(record: Record) -> None:
    points = st.session_state[CHART]["selection"]["points"]
    if points:
        axis, factor = points[-1]["customdata"][:2]
        change(axis=int(axis), factor=int(factor))


def _hint(record: Record) -> None:
    """What a click is for, and the clearest cell to begin with."""
    with st.container(border=True, gap="small"):
        st.markdown(
            ":gray[:material/touch_app:]&ensp;**Click a cell**: how the picture changes along that axis, beside how it "
            "changes with that factor."
        )
        importance = record.dci.importance
        axis, factor = divmod(int(importance.argmax()), importance.shape[1])
        name = record.factor_names[factor].replace("_", " ")
        st.button(
            f"Show z{axis} and {name}",
            icon=":material/arrow_forward:",
            key="disentangle.first",
            on_click=lambda: change(axis=axis, factor=factor),
        )


def summary(record: Record) -> None:
    """Per axis: what it carries, how exclusively, and whether it is used at all."""
    share = st.column_config.ProgressColumn(format="%.2f", min_value=0.0, max_value=1.0)
    st.dataframe(
        table(record),
        hide_index=True,
        column_config={"share": share, "disentanglement": share, "information": share},
    )
    st.caption(
        "Carries: the factor that the axis matters most for, and its share of all axes' importance for that factor. "
        "Disentanglement: 1 where the axis matters for one factor only. In use: its codes vary by 0.05 or more."
    )


def table(record: Record) -> pd.DataFrame:
    """The rows of `summary`, in the order of the matrix."""
    importance, information = record.dci.importance, record.mig.information
    order = rows(record)
    best = importance.argmax(1)
    return pd.DataFrame(
        {
            "axis": [f"z{axis}" for axis in order],
            "carries": [
                record.factor_names[best[axis]].replace("_", " ") if importance[axis].any() else "" for axis in order
            ],
            "share": [float(importance[axis, best[axis]]) for axis in order],
            "information": [float(information[axis, best[axis]]) for axis in order],
            "disentanglement": [float(record.dci.per_axis[axis]) for axis in order],
            "in use": [bool(record.factor_vae.active[axis]) for axis in order],
        }
    )
