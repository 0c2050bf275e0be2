"""Six sliders, the rendered picture, its reconstruction and its code, all of them live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.components import factor_stage
from explorer.disentangle.state import change, current
from explorer.shared import axis_names, catalog, pixels, state, widgets
from explorer.shared.factors import combination, decoded, encoded, factors, rendered

if TYPE_CHECKING:
    from explorer.shared.latent import Space

KEY = "disentangle.stage"
_NOW = "disentangle.now"  # number of the last report, the state's combination at that time, and where the hand is


def show(entry: catalog.Entry) -> None:
    """The stage, for the combination of the URL."""
    from explorer.shared.latent import space

    found = space(entry)
    _stage(found)
    st.caption(
        "Rendered by this project after 3D Shapes; the factors take the values of the data set. Each axis shows where "
        f"{found.codes_name} lie (bar: 5 % to 95 %, tick: median), the code now (dot) and before the last drag (ring)."
    )


@st.fragment
def _stage(found: Space) -> None:
    with widgets.user_errors():
        factor_stage.stage(data(found, *now()), key=KEY, on_moved=_moved)


def now() -> tuple[int, tuple[int, ...]]:
    """Number of the last report, and the combination to show: the hand's, which is not in the URL until it lets go."""
    base = combination(current().base)
    sequence, rest, held = st.session_state.get(_NOW, (0, base, base))
    return sequence, held if rest == base else base


def _moved() -> None:
    report = st.session_state[KEY].moved
    if report is not None:
        take(report)


def take(report: dict[str, Any]) -> None:
    """A slider moves, or was let go: what the component reports as {"sequence", "values", "final"}."""
    state.in_use()
    values = combination([int(value) for value in report["values"]])
    rest = values if report["final"] else combination(current().base)
    st.session_state[_NOW] = (int(report["sequence"]), rest, values)
    if report["final"]:
        change(base=values)


def data(found: Space, sequence: int, values: tuple[int, ...]) -> factor_stage.Stage:
    """What the component is told: the pictures and the code of `values`."""
    entry = found.entry
    picture = rendered(entry, [values])
    code = encoded(entry, picture)
    return factor_stage.Stage(
        model=entry.hash,
        sequence=sequence,
        values=list(values),
        shape=list(entry.image_shape),
        picture=pixels.as_base64(picture[0]),
        reconstruction=pixels.as_base64(decoded(entry, code)[0]),
        code=[round(value, 4) for value in code[0].tolist()],
        factors=_factors(),
        axes=_axes(f"{found.key}-{axis_names.stamp(entry)}", found),
    )


@st.cache_data(show_spinner=False)
def _factors() -> list[dict[str, Any]]:
    return [{"name": f.name, "values": list(f.values), "colours": list(f.colours or ())} for f in factors()]


@st.cache_data(max_entries=8, show_spinner=False)
def _axes(key: str, _found: Space) -> list[dict[str, Any]]:
    """All axes by falling effect: what they carry, their range and the quantiles of the known codes."""
    table, names = _found.table, axis_names.carried(_found.entry)
    return [
        {
            "i": axis,
            "carries": axis_names.of(names, axis),
            "live": bool(table.live[axis]),
            "low": round(float(table.low[axis]), 3),
            "high": round(float(table.high[axis]), 3),
            "quantiles": [round(float(value), 3) for value in table.quantiles[axis]],
            "spread": round(max(float(_found.codes[:, axis].std()), 1e-6), 6),
        }
        for axis in table.order.tolist()
    ]
