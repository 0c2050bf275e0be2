"""Six sliders, the rendered picture, its reconstruction and its code in one model or in two, all of them live."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.components import factor_stage
from explorer.disentangle.state import change, current
from explorer.shared import axis_names, beside, catalog, latent, own_axis_names, pixels, share, state, widgets
from explorer.shared.factors import combination, decoded, encoded, factors, rendered
from explorer.shared.latent import Space

KEY = "disentangle.stage"
_NOW = "disentangle.now"  # number of the last report, the state's combination at that time, and the dragged combination


def show(entry: catalog.Entry) -> None:
    """Draw the stage with the combination of the URL, for the model to compare with as well."""
    spaces = [latent.space(entry)]
    for other in beside.models(entry)[:1]:
        with widgets.user_errors():
            spaces.append(latent.space(other))
    _stage(spaces)
    st.caption(
        "Rendered by this project after 3D Shapes; the factors take the values of the data set. Each axis shows the "
        f"{spaces[0].codes_name} (bar: 5 % to 95 %, tick: median), the code now (dot) and before the last drag (ring)."
    )


@st.fragment
def _stage(spaces: Sequence[Space]) -> None:
    with widgets.user_errors():
        data(spaces, *now()).draw(KEY, on_moved_change=_moved)


def now() -> tuple[int, tuple[int, ...]]:
    """Return the number of the last report, and the combination to show: during a drag, the URL has an older one."""
    base = combination(current().base)
    sequence, rest, dragged = st.session_state.get(_NOW, (0, base, base))
    return sequence, dragged if rest == base else base


def _moved() -> None:
    report = st.session_state[KEY].moved
    if report is not None:
        take(report)


def take(report: dict[str, Any]) -> None:
    """Take the component's report {"sequence", "values", "final"}: a slider moves, or was let go (final)."""
    state.in_use()
    values = combination([int(value) for value in report["values"]])
    rest = values if report["final"] else combination(current().base)
    st.session_state[_NOW] = (int(report["sequence"]), rest, values)
    if report["final"]:
        change(base=values)


def data(spaces: Sequence[Space], sequence: int, values: tuple[int, ...]) -> factor_stage.Stage:
    """Return the component with the picture of `values`, and its reconstruction and code in each of the models."""
    first = spaces[0].entry
    picture = rendered(first, [values])
    return factor_stage.Stage(
        sequence=sequence,
        values=list(values),
        shape=list(first.image_shape),
        picture=pixels.as_base64(picture[0]),
        factors=_factors(),
        models=[_model(space, picture) for space in spaces],
        reason=beside.NO_REASON,
    )


def _model(space: Space, picture: np.ndarray) -> factor_stage.Model:
    entry = space.entry
    code = encoded(entry, picture)
    made = decoded(entry, code)
    share.pictures(f"{entry.name}-live", [("rendered", picture), ("reconstruction", made)])
    share.table(f"{entry.name}-live", {"axis": axis_names.names(entry), "value": code[0].numpy()})
    return factor_stage.Model(
        name=str(entry.name),
        model=entry.hash,
        reconstruction=pixels.as_base64(made[0]),
        code=[round(value, 4) for value in code[0].tolist()],
        axes=_named(entry, _axes(f"{space.key}-{axis_names.stamp(entry)}", space)),
    )


@st.cache_data(show_spinner=False)
def _factors() -> list[dict[str, Any]]:
    return [{"name": f.name, "values": list(f.values), "colours": list(f.colours or ())} for f in factors()]


def _named(entry: catalog.Entry, axes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the axes with the user's names in place of the factors."""
    own = own_axis_names.given(entry)
    return [axis | {"carries": own.get(axis["i"], axis["carries"])} for axis in axes]


@st.cache_data(max_entries=8, show_spinner=False)
def _axes(key: str, _space: Space) -> list[dict[str, Any]]:
    return [
        axis
        | {
            "quantiles": [round(float(value), 3) for value in _space.table.quantiles[axis["i"]]],
            "spread": round(max(float(_space.codes[:, axis["i"]].std()), 1e-6), 6),
        }
        for axis in latent.axes(_space)
    ]
