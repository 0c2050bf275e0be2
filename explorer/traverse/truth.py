"""The rendered sweep of a factor below the sheet of the axis that carries it; the Disentangle page links to it."""

import streamlit as st

from explorer.shared import widgets
from explorer.shared.factors import combination, described, factors, has_factors, rendered, sweep
from explorer.shared.latent import Space, picture_index
from explorer.traverse.state import change, current


def truth(space: Space) -> None:
    """Draw the rendered sweep of the state's factor, if it has one, around the factors of the current test picture."""
    factor = current().factor
    if factor < 0 or not has_factors(space.entry) or factor >= len(factors()):
        return
    name, base = factors()[factor].name, base_of(space)
    with st.container(key="traverse-truth", gap="small"):
        widgets.strip([rendered(space.entry, sweep(base, factor))], f"{name} swept, rendered", file="truth")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{name} swept, rendered: the truth around {described(base)}.")
            hide = {"on_click": change, "kwargs": {"factor": -1}, "key": "traverse.truth"}
            st.button("Hide", icon=":material/close:", type="tertiary", **hide)


def base_of(space: Space) -> tuple[int, ...]:
    """Return the factors of the current test picture as places on the grid; USUAL for any other start."""
    view = current()
    columns = [f"factor_{factor.name.replace(' ', '_')}" for factor in factors()]
    if view.start != "image" or not space.real or not set(columns) <= set(space.pictures.columns):
        return combination(())
    row = space.pictures.loc[picture_index(space, view.index)]
    return combination([int(row[column]) for column in columns])
