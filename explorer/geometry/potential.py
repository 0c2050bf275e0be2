"""The critic's potential over a plane of the latent space, with the codes of test pictures on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.geometry import figures, sample
from explorer.geometry.state import bound, current
from explorer.shared import axis_names, cache, catalog, theme, widgets
from trainer.errors import UserError
from trainer.latent import potential
from trainer.runs import layout

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 1500
"""Codes drawn at most."""
OF_PICTURES = "score_potential f(x, mu)"
PLANES = {"axes": "Two axes", "components": "Two components"}
WHAT = (
    "Colour: the critic's potential f(g(z), z), high where it takes code and picture for a draw of the prior. "
    "Dots: codes of test pictures, projected onto the plane, which goes through their mean. Where the colour is even, "
    "the critic cannot tell the two apart, which is what L_D asks for."
)


@st.fragment
def show(entry: catalog.Entry) -> None:
    """Draw the view."""
    with widgets.user_errors():
        if entry.model_kind != "gwae":
            widgets.empty_state(
                "No critic",
                f"{entry.name} was trained without one; a GWAE has it.",
                icon=":material/layers:",
            )
            return
        table = cache.codes(entry)
        codes = _codes(entry, table)
        chosen = _controls(entry, codes)
        found = over(entry, *chosen)
        shown = np.random.default_rng(0).permutation(len(codes))[:SHOWN]
        plane = _plane(entry, codes, *chosen)
        labels = table[["label", "label_name"]].iloc[shown] if _labelled(table) else None
        figure = figures.potential(found, plane.places(codes[shown]), labels, _names(entry, *chosen), theme.is_dark())
        widgets.chart(figure, "geometry.potential", "geometry-potential")
        _means(entry, table)
        st.caption(WHAT)


def _labelled(table: pd.DataFrame) -> bool:
    return {"label", "label_name"} <= set(table) and bool((table["label"] >= 0).any())


def _controls(entry: catalog.Entry, codes: np.ndarray) -> tuple[str, int, int]:
    """Return what the plane is turned to: its kind, and the numbers of two axes or components."""
    count = entry.run.config.prior.components if entry.run.config.prior.kind == "gmp" else 0
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = current().plane if count >= 2 else "axes"
        if count >= 2:
            widgets.segments("Plane of", PLANES, **bound("plane", plane_x=-1, plane_y=-1))
        names = axis_names.names(entry) if kind == "axes" else [f"component {number}" for number in range(count)]
        first, second = directions(codes if kind == "axes" else None, len(names))
        if len(names) < 2:
            raise UserError(f"{entry.name} has one axis: there is no plane to draw.")
        options = {"options": list(range(len(names))), "format_func": names.__getitem__, "width": 220}
        st.selectbox("Across", **options, **bound("plane_x", first))
        st.selectbox("Up", **options, **bound("plane_y", second))
    return kind, first, second


def directions(codes: np.ndarray | None, count: int) -> tuple[int, int]:
    """Return the chosen two of `count` axes or components; by default the axes along which the codes (n, z_dim) are
    widest, or the first components.
    """
    view, order = current(), list(range(count))
    if codes is not None:
        order = np.argsort(-codes.std(0), kind="stable").tolist()
    first = view.plane_x if 0 <= view.plane_x < count else next(each for each in order if each != view.plane_y)
    second = view.plane_y if 0 <= view.plane_y < count and view.plane_y != first else None
    return first, next(each for each in order if each != first) if second is None else second


def _names(entry: catalog.Entry, kind: str, first: int, second: int) -> list[str]:
    if kind == "axes":
        names = axis_names.names(entry)
        return [names[first], names[second]]
    return [f"towards component {first}", f"towards component {second}, at a right angle"]


def _codes(entry: catalog.Entry, table: pd.DataFrame) -> np.ndarray:
    """Return the posterior means of the test pictures, else prior samples, (n, z_dim)."""
    axes = layout.code_columns(entry.z_dim)
    if not table.empty and set(axes) <= set(table):
        return table[axes].to_numpy("float64")
    return sample.of(entry, "prior").pairs.codes.double().numpy()


def _plane(entry: catalog.Entry, codes: np.ndarray, kind: str, first: int, second: int) -> potential.Plane:
    if kind == "axes":
        return potential.of_axes(codes, first, second)
    means = cache.model(entry).prior.means().detach().double().numpy()
    return potential.of_points(codes, means[first], means[second])


@st.cache_resource(max_entries=32, show_spinner="Asking the critic …", hash_funcs=catalog.keyed(layout.CODES))
def over(entry: catalog.Entry, kind: str, first: int, second: int) -> potential.Potential:
    """Return the potential over the chosen plane."""
    model = cache.model(entry)
    codes = _codes(entry, cache.codes(entry))
    return potential.over(model, _plane(entry, codes, kind, first, second), codes)


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=catalog.keyed())
def of_prior(entry: catalog.Entry) -> float:
    """Return the mean potential of the prior samples that the page draws."""
    return float(potential.potentials(cache.model(entry), sample.of(entry, "prior").pairs.codes).mean())


def _means(entry: catalog.Entry, table: pd.DataFrame) -> None:
    """Both means, whose difference is L_D where codes are posterior means instead of draws."""
    prior = of_prior(entry)
    if OF_PICTURES not in table:
        st.markdown(f"Mean over prior samples **{prior:.3f}**")
        return
    pictures = float(table[OF_PICTURES].mean())
    st.markdown(
        f"Mean over prior samples **{prior:.3f}** · over test pictures with their codes **{pictures:.3f}** · "
        f"difference **{prior - pictures:.3f}**"
    )
