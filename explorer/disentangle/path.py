"""Factor to path: sweep one factor, encode every picture, and see which axes follow."""

import streamlit as st

from explorer.disentangle import figures
from explorer.disentangle.cell import another
from explorer.disentangle.records import movement
from explorer.disentangle.state import bound, change, current
from explorer.shared import axis_names, catalog, latent, theme, widgets
from explorer.shared.factors import combination, decoded, encoded, factors, rendered, sweep


@st.fragment
def show(entry: catalog.Entry) -> None:
    """Draw the choice of the factor and the fixed factors, the pictures, and the movement of the code."""
    with widgets.user_errors():
        space, names = latent.space(entry), axis_names.names(entry)
        number = min(current().sweep, len(factors()) - 1)
        factor, base = factors()[number], _controls(number)
        truth = rendered(entry, sweep(base, number))
        codes = encoded(entry, truth)
        with st.container(key="disentangle-strips", gap=None):
            widgets.strip([truth, decoded(entry, codes)], f"{factor.name} swept, rendered above, reconstructed below")
            st.caption("Upper row: rendered; lower row: reconstructions.")
        shares = movement(codes, space).tolist()
        st.markdown(sentence(factor.name, shares, names))
        deviations = ((codes - space.codes.mean(0)) / space.codes.std(0).clamp_min(1e-6)).numpy()
        live = [axis for axis in range(len(names)) if space.table.live[axis]] or list(range(len(names)))
        figure = figures.path(
            deviations[:, live],
            [names[axis] for axis in live],
            [shares[axis] for axis in live],
            factor.values,
            factor.name,
            theme.is_dark(),
        )
        widgets.chart(figure, "disentangle.path", "factor-path")
        st.caption(
            f"Each axis in its standard deviations over {space.codes_name}; 0 is their mean. Share of movement: an "
            "axis' variance along the sweep, in these units, over that of all axes with a visible effect. Disentangled "
            "means that one axis has all of it."
        )


def _controls(factor: int) -> tuple[int, ...]:
    """Choose the factor that moves and the values of the others; return the combination."""
    known, base = factors(), combination(current().base)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        names = [each.name for each in known]
        tied = bound("sweep", factor)
        st.selectbox("Factor that moves", range(len(names)), format_func=names.__getitem__, width=200, **tied)
        with st.popover("Fixed factors", icon=":material/tune:"):
            for place in range(len(known)):
                if place != factor:
                    _fixed(place, base)
        another("disentangle.path.other")
    fixed = [f"{f.name} {f.values[p]}" for i, (f, p) in enumerate(zip(known, base, strict=True)) if i != factor]
    st.caption(f"Fixed factors: {', '.join(fixed)}.")
    return base


def _fixed(place: int, base: tuple[int, ...]) -> None:
    """Choose the value of a fixed factor."""
    key, factor = f"disentangle.base.{place}", factors()[place]
    st.session_state[key] = base[place]

    def taken() -> None:
        change(base=(*base[:place], st.session_state[key], *base[place + 1 :]))

    places, titles = range(len(factor.values)), factor.values.__getitem__
    st.select_slider(factor.name, places, format_func=titles, key=key, on_change=taken)


def sentence(factor: str, shares: list[float], names: list[str]) -> str:
    """Return which axis moves most, and its share of the movement."""
    order = sorted(range(len(shares)), key=lambda axis: -shares[axis])
    first = order[0]
    if shares[first] == 0:
        return f"No axis with a visible effect follows **{factor}** here."
    text = f"**{names[first]}** moves most: {shares[first]:.0%} of the movement"
    others = [f"{names[axis]} {shares[axis]:.0%}" for axis in order[1:3] if shares[axis] >= 0.05]
    return (text + (f"; then {', '.join(others)}." if others else ".")).replace("%", " %")
