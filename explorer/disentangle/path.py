"""Factor to path: sweep one factor, encode every picture, and see which axes follow, in one model or in two."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.disentangle import figures
from explorer.disentangle.cell import another
from explorer.disentangle.records import movement
from explorer.disentangle.state import bound, change, current
from explorer.shared import axis_names, beside, catalog, latent, share, theme, widgets
from explorer.shared.factors import Factor, combination, decoded, encoded, factors, rendered, sweep


class Swept(NamedTuple):
    """A sweep, encoded and reconstructed by one model.

    Attributes:
        reconstructed: uint8 (N, C, H, W).
        names: of the axes with a visible effect, or of all where there is none.
        deviations: their codes in standard deviations, (N, axes); shares: of the movement, of each of them.
        sentence: which axis moves most.
    """

    entry: catalog.Entry
    reconstructed: np.ndarray
    names: list[str]
    deviations: np.ndarray
    shares: list[float]
    sentence: str


@st.fragment
def show(entry: catalog.Entry) -> None:
    """Draw the choice of the factor and the fixed factors, and for one model or two the pictures and the movement."""
    with widgets.user_errors():
        models, number = beside.shown(entry, 2), min(current().sweep, len(factors()) - 1)
        factor, base = factors()[number], _controls(number)
        truth = rendered(entry, sweep(base, number))
        places, swept = beside.columns(models, "disentangle-path"), []
        for place, model in zip(places, models, strict=True):
            with place, widgets.user_errors():
                swept.append(_swept(model, truth, factor.name))
        by_name = dict(zip([model.name for model in models], places, strict=True))
        for side, each in enumerate(swept):
            with by_name[each.entry.name]:
                _draw(each, side, truth, factor, _ends(swept))
        if len(swept) > 1:
            st.markdown(verdict(swept, factor.name))
        st.caption(
            f"Each axis in its standard deviations over {latent.space(entry).codes_name}; 0 is their mean. Share of "
            "movement: an axis' variance along the sweep, in these units, over that of all axes with a visible effect. "
            "Disentangled means that one axis has all of it."
        )


def _swept(entry: catalog.Entry, truth: np.ndarray, factor: str) -> Swept:
    """Return codes and reconstructions of rendered pictures. Raises: UserError if it or its codes cannot be read."""
    space, names = latent.space(entry), axis_names.names(entry)
    codes = encoded(entry, truth)
    shares = movement(codes, space).tolist()
    deviations = ((codes - space.codes.mean(0)) / space.codes.std(0).clamp_min(1e-6)).numpy()
    live = [axis for axis in range(len(names)) if space.table.live[axis]] or list(range(len(names)))
    return Swept(
        entry,
        decoded(entry, codes),
        [names[axis] for axis in live],
        deviations[:, live],
        [shares[axis] for axis in live],
        sentence(factor, shares, names),
    )


def _ends(swept: Sequence[Swept]) -> tuple[float, float] | None:
    """Return the ends of the scale that two models share; None for one."""
    if len(swept) == 1:
        return None
    every = np.concatenate([each.deviations.ravel() for each in swept])
    return float(every.min()), float(every.max())


def _draw(swept: Swept, side: int, truth: np.ndarray, factor: Factor, ends: tuple[float, float] | None) -> None:
    with st.container(key=f"disentangle-strips-{side}", gap=None):
        alt = f"{factor.name} swept, rendered above, reconstructed by {swept.entry.name} below"
        widgets.strip([truth, swept.reconstructed], alt, file=f"{swept.entry.name}-path")
        st.caption("Upper row: rendered; lower row: reconstructions.")
    st.markdown(swept.sentence)
    figure = figures.path(
        swept.deviations, swept.names, swept.shares, factor.values, factor.name, theme.is_dark(), ends
    )
    widgets.chart(figure, f"disentangle.path.{side}", "factor-path")
    columns = dict(zip(map(str, swept.names), swept.deviations.T, strict=True))
    share.table(f"{swept.entry.name}-path", {factor.name: factor.values} | columns)


def verdict(swept: Sequence[Swept], factor: str) -> str:
    """Return which of two models has more of the movement on one axis, in this sweep."""
    shares = {each.entry.name: max(each.shares) for each in swept}
    better = f"has more of the movement on one axis as {factor} changes here"
    return beside.verdict(
        shares, better, f"have as much of the movement on one axis as {factor} changes here", ".0%", True
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
