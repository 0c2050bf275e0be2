"""What a factor does in truth, below the sheet of the axis that carries it: asked for by the Disentangle page."""

from __future__ import annotations

import streamlit as st

from explorer.shared import pixels
from explorer.shared.factors import combination, described, factors, has_factors, rendered, sweep
from explorer.shared.latent import Space, picture_index
from explorer.traverse.state import change, current


def truth(found: Space) -> None:
    """The rendered sweep of the state's factor around the factors of the test picture started from, if there is one."""
    factor = current().factor
    if factor < 0 or not has_factors(found.entry) or factor >= len(factors()):
        return
    name, base = factors()[factor].name, base_of(found)
    with st.container(key="traverse-truth", gap="small"):
        strip = pixels.strip([rendered(found.entry, sweep(base, factor))], gap=2)
        st.image(strip, width="stretch", output_format="PNG", alt=f"{name} swept, rendered")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{name} swept, rendered: the truth around {described(base)}.")
            st.button(
                "Hide",
                icon=":material/close:",
                type="tertiary",
                key="traverse.truth",
                on_click=lambda: change(factor=-1),
            )


def base_of(found: Space) -> tuple[int, ...]:
    """Factors of the test picture started from, by their places on the grid; the usual ones for any other start."""
    view = current()
    columns = [f"factor_{factor.name.replace(' ', '_')}" for factor in factors()]
    if view.start != "image" or not found.real or not set(columns) <= set(found.pictures.columns):
        return combination(())
    row = found.pictures.loc[picture_index(found, view.index)]
    return combination([int(row[column]) for column in columns])
