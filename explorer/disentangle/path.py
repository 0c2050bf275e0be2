"""Factor to path: sweep one factor, encode every picture, and see which axes of the code follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.disentangle import figures
from explorer.disentangle.cell import another
from explorer.disentangle.records import movement
from explorer.disentangle.state import bound, change, current
from explorer.shared import axis_names, catalog, pixels, theme, widgets
from explorer.shared.factors import combination, decoded, encoded, factors, rendered, sweep

if TYPE_CHECKING:
    from explorer.shared.latent import Space

_CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage"]], "toImageButtonOptions": {"format": "svg"}}


def show(entry: catalog.Entry) -> None:
    """Which factor, around which combination; pictures; how the code moves."""
    from explorer.shared.latent import space

    _view(space(entry))


@st.fragment
def _view(found: Space) -> None:
    with widgets.user_errors():
        known = factors()
        factor = min(current().sweep, len(known) - 1)
        base = _controls(factor)
        combinations = sweep(base, factor)
        truth = rendered(found.entry, combinations)
        codes = encoded(found.entry, truth)
        _pictures(known[factor].name, truth, decoded(found.entry, codes))
        shares = movement(codes, found)
        names = axis_names.names(found.entry)
        st.markdown(sentence(known[factor].name, shares.tolist(), names))
        spread = found.codes.std(0).clamp_min(1e-6)
        in_spreads = ((codes - found.codes.mean(0)) / spread).numpy()
        live = [axis for axis in range(len(names)) if found.table.live[axis]] or list(range(len(names)))
        figure = figures.path(
            in_spreads[:, live],
            [names[axis] for axis in live],
            [float(shares[axis]) for axis in live],
            known[factor].values,
            known[factor].name,
            theme.is_dark(),
        )
        st.plotly_chart(figure, theme=None, key="disentangle.path", config=_CONFIG)
        st.caption(
            f"Each axis in units of its standard deviation over {found.codes_name}, 0 being their mean. Share of "
            "movement: an axis' variance along the sweep, in these units, over that of all axes with a visible effect; "
            "one axis with all of it is what disentangled means."
        )


def _controls(factor: int) -> tuple[int, ...]:
    """The factor that moves, and the values of the others."""
    known, base = factors(), combination(current().base)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        names = [each.name for each in known]
        tied = bound("sweep", factor)
        st.selectbox("Factor that moves", range(len(names)), format_func=names.__getitem__, width=200, **tied)
        with st.popover("The others", icon=":material/tune:"):
            for place in range(len(known)):
                if place != factor:
                    _other(place, base)
        another("disentangle.path.other")
    held = [f"{f.name} {f.values[p]}" for i, (f, p) in enumerate(zip(known, base, strict=True)) if i != factor]
    st.caption(f"Held: {', '.join(held)}.")
    return base


def _other(place: int, base: tuple[int, ...]) -> None:
    """Choose the value of a factor that is held."""
    key, known = f"disentangle.base.{place}", factors()[place]
    st.session_state[key] = base[place]

    def taken() -> None:
        change(base=(*base[:place], st.session_state[key], *base[place + 1 :]))

    st.select_slider(
        known.name, range(len(known.values)), format_func=known.values.__getitem__, key=key, on_change=taken
    )


def _pictures(name: str, truth: np.ndarray, remade: np.ndarray) -> None:
    with st.container(key="disentangle-strips", gap=None):
        strip = pixels.strip([truth, remade], gap=2)
        st.image(strip, width="stretch", output_format="PNG", alt=f"{name} swept, rendered above, reconstructed below")
        st.caption("Upper row: rendered; lower row: what the model makes of it.")


def sentence(factor: str, shares: list[float], names: list[str]) -> str:
    """Which axis moves most and with what share of the movement."""
    order = sorted(range(len(shares)), key=lambda axis: -shares[axis])
    first = order[0]
    if shares[first] == 0:
        return f"No axis with a visible effect follows **{factor}** here."
    said = f"**{names[first]}** moves most: {shares[first]:.0%} of the movement"
    others = [f"{names[axis]} {shares[axis]:.0%}" for axis in order[1:3] if shares[axis] >= 0.05]
    return (said + (f"; then {', '.join(others)}." if others else ".")).replace("%", " %")
