"""Which factor each axis carries: scores, a heat map of axes by factors with a panel on the clicked cell, a table."""

import numpy as np
import pandas as pd
import streamlit as st

from explorer.disentangle import cell, figures
from explorer.disentangle.state import MATRICES, change, current
from explorer.shared import catalog, share, theme, widgets
from explorer.shared.escape import markdown
from trainer.evaluation.disentanglement.record import USUAL, Record, axis_names, metrics

CHART = "disentangle.chart"
EXPLAINED = {
    "importance": "Importance: each axis' contribution when boosted trees predict a factor from the whole code; a "
    "column sums to 1. Disentangled means one bright cell per row and column.",
    "information": "Mutual information of axis and factor over the factor's entropy: 1 where the axis determines the "
    "factor.",
}


def show(entry: catalog.Entry, record: Record) -> None:
    """Draw the scores, the matrix with its panel, and the table of axes."""
    numbers = metrics(record)
    with st.container(horizontal=True, key="metrics-disentangle"):
        for position, metric in enumerate(numbers[:USUAL]):
            widgets.number(metric, f"protocol-disentangle-{position}")
    codes = f"{record.sizes['train'] + record.sizes['test']:,} codes"
    st.caption(
        f"{record.data}, {record.protocol} protocol, {codes}. 1 is best. Click a metric to see how it was measured."
    )
    _matrix(entry, record)
    if numbers[USUAL:]:
        with st.expander("Further measures"), st.container(horizontal=True, key="metrics-disentangle-further"):
            for position, metric in enumerate(numbers[USUAL:]):
                widgets.number(metric, f"protocol-disentangle-further-{position}")
    with st.expander("All axes"):
        _summary(record)


@st.fragment
def _matrix(entry: catalog.Entry, record: Record) -> None:
    """Draw the matrix and its panel; a click reruns nothing else."""
    view = current()
    axes, factors = rows(record), record.factor_titles
    chosen = (view.axis, view.factor) if view.axis in axes and 0 <= view.factor < len(factors) else None
    with st.container(key="disentangle-work"):
        chart, panel = st.columns([1.45, 1], gap="large")
    _share(entry, record)
    with chart:
        figure = _heat_map(record, view.matrix, chosen)
        widgets.chart(figure, CHART, "axes-and-factors", on_select=_clicked, selection_mode="points")
        st.caption(EXPLAINED[view.matrix])
    with panel, widgets.user_errors():
        if chosen is None:
            _hint(record)
        else:
            cell.show(entry, record, *chosen)


def show_beside(entry: catalog.Entry, record: Record | None, measurement: str) -> None:
    """Draw the matrix of the model to compare with, from the same measurement.

    Args:
        record: None where the model was not measured so.
        measurement: its name, for the sentence that says so.
    """
    st.markdown(f"**{markdown(entry.name)}**")
    if record is None:
        st.caption(f"Not measured by the {markdown(measurement)} protocol: select this model and measure it.")
        return
    _share(entry, record)
    with st.container(key="disentangle-beside"):
        figure = _heat_map(record, current().matrix, None)
        widgets.chart(figure, "disentangle.beside", "axes-and-factors-beside")


def _share(entry: catalog.Entry, record: Record) -> None:
    """Offer both matrices under Share: a row per axis and factor."""
    axes, factors = np.indices(record.dci.importance.shape).reshape(2, -1)
    columns = {"axis": [f"z{axis}" for axis in axes], "factor": [record.factor_titles[each] for each in factors]}
    columns |= {which: values(record, which).ravel() for which in EXPLAINED}
    share.table(f"{entry.name}-axes-and-factors", columns)


def _heat_map(record: Record, which: str, chosen: tuple[int, int] | None) -> theme.Figure:
    axes = rows(record)
    return figures.matrix(
        values(record, which),
        axes,
        [f"z{axis}" if record.factor_vae.active[axis] else f"<i>z{axis}, unused</i>" for axis in axes],
        record.factor_titles,
        MATRICES[which].split(" (")[0].lower(),
        chosen,
        theme.is_dark(),
    )


def values(record: Record, which: str) -> np.ndarray:
    """Return the matrix named in MATRICES, (d, F), 0 to 1."""
    return record.dci.importance if which == "importance" else record.mig.information


def rows(record: Record) -> list[int]:
    """Return the axes that carry a factor in the order of the factors, then the others by importance, then unused ones.

    Disentangled axes then form a diagonal.
    """
    importance, active = record.dci.importance, record.factor_vae.active
    named = [name is not None for name in axis_names(record)]
    best, most = importance.argmax(1), importance.max(1)

    def place(axis: int) -> tuple:
        return (not active[axis], not named[axis], int(best[axis]) if named[axis] else 0, -float(most[axis]), axis)

    return sorted(range(len(importance)), key=place)


def _clicked() -> None:
    points = st.session_state[CHART]["selection"]["points"]
    if points:
        axis, factor = points[-1]["customdata"][:2]
        change(axis=int(axis), factor=int(factor))


def _hint(record: Record) -> None:
    """Invite to click a cell, and offer the clearest one."""
    with st.container(border=True, gap="small"):
        st.markdown(
            ":gray[:material/touch_app:]&ensp;**Click a cell** to compare how the picture changes along the axis and "
            "with the factor."
        )
        importance = record.dci.importance
        axis, factor = divmod(int(importance.argmax()), importance.shape[1])
        name = record.factor_titles[factor]
        st.button(
            f"Show z{axis} and {name}",
            icon=":material/arrow_forward:",
            key="disentangle.first",
            on_click=lambda: change(axis=axis, factor=factor),
        )


def _summary(record: Record) -> None:
    """Draw the table of axes: the factor each carries, how exclusively, and whether the axis is in use."""
    column = st.column_config.ProgressColumn(format="%.2f", min_value=0.0, max_value=1.0)
    shares = dict.fromkeys(("share", "disentanglement", "information"), column)
    share.table("axes", table(record))
    st.dataframe(table(record), hide_index=True, column_config=shares)
    st.caption(
        "Carries: the factor for which the axis is most important. Share: its part of all axes' importance for that "
        "factor. Disentanglement: 1 where the axis is important for one factor only. In use: its codes vary by 0.05 or "
        "more."
    )


def table(record: Record) -> pd.DataFrame:
    """Return a row per axis, in the order of the matrix."""
    importance, information = record.dci.importance, record.mig.information
    order, best = rows(record), importance.argmax(1)
    factors = record.factor_titles
    return pd.DataFrame(
        {
            "axis": [f"z{axis}" for axis in order],
            "carries": [factors[best[axis]] if importance[axis].any() else "" for axis in order],
            "share": [float(importance[axis, best[axis]]) for axis in order],
            "information": [float(information[axis, best[axis]]) for axis in order],
            "disentanglement": [float(record.dci.per_axis[axis]) for axis in order],
            "in use": [bool(record.factor_vae.active[axis]) for axis in order],
        }
    )
