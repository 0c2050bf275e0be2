"""One axis beside one factor: what moving the one does to the picture, and what the other does in truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.disentangle.state import bound, change, current
from explorer.shared import catalog, pixels
from explorer.shared.factors import combination, decoded, described, encoded, factors, rendered, sweep
from explorer.shared.links import TraverseState, open_traverse

if TYPE_CHECKING:
    from explorer.shared.latent import Space
    from trainer.evaluation.disentanglement.record import Record

STEPS = 8


def show(entry: catalog.Entry, record: Record, axis: int, factor: int) -> None:
    """Numbers of the cell, the two sweeps, and the way into Traverse."""
    from explorer.shared.latent import space

    _choice(record, axis, factor)
    name = record.factor_names[factor].replace("_", " ")
    st.markdown(f"**z{axis} and {name}**  \n:small[:gray[{_numbers(record, axis, factor, name)}]]")
    found = space(entry)
    place = [known.name for known in factors()].index(name)
    base = combination(current().base)
    axis_strip, truth, remade, reach = strips(found, base, axis, place)
    with st.container(key="disentangle-strips", gap="small"):
        _strip(axis_strip, f"z{axis} moved from {reach[0]:.1f} to {reach[1]:.1f}, decoded".replace("-", "−"))
        _strip(truth, f"{name} swept, rendered: the truth")
        _strip(remade, f"{name} swept, reconstructed by the model")
    st.caption(f"Around {described(base)}.")
    with st.container(horizontal=True, gap="small"):
        if st.button("Open in Traverse", icon=":material/tune:", key="disentangle.traverse", type="primary"):
            open_traverse(traverse_state(found, axis, place, base))
        another("disentangle.other")


def _choice(record: Record, axis: int, factor: int) -> None:
    """The cell by its names: for the keyboard, to which the figure does not listen."""
    known = [name.replace("_", " ") for name in record.factor_names]
    with st.container(horizontal=True, gap="small", wrap=False):
        axes = range(len(record.dci.per_axis))
        st.selectbox("Axis", axes, format_func="z{}".format, width=100, **bound("axis", axis))
        st.selectbox("Factor", range(len(known)), format_func=known.__getitem__, **bound("factor", factor))


def _numbers(record: Record, axis: int, factor: int, name: str) -> str:
    importance, information = record.dci.importance[axis, factor], record.mig.information[axis, factor]
    chance = 1 / record.factor_sizes[factor]
    return (
        f"{importance:.0%} of what tells {name} lies on this axis. It holds {information:.0%} of the factor's entropy, "
        f"and alone it tells {record.sap.accuracy[axis, factor]:.0%} of the values (linear SVM; chance {chance:.0%})."
    ).replace("%", " %")


def strips(
    found: Space, base: Sequence[int], axis: int, factor: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float]]:
    """Decoded sweep of the axis, rendered and reconstructed sweep of the factor, each (N, C, H, W); the axis' reach.

    The axis moves over its range in Traverse, starting from the code of the rendered base.
    """
    import torch

    entry = found.entry
    places = sweep(base, factor)
    shown = [places[i] for i in np.unique(np.linspace(0, len(places) - 1, STEPS).round().astype(int))]
    truth = rendered(entry, [*shown, base])
    codes = encoded(entry, truth)
    low, high = float(found.table.low[axis]), float(found.table.high[axis])
    moved = codes[-1].repeat(STEPS, 1)
    moved[:, axis] = torch.linspace(low, high, STEPS)
    return decoded(entry, moved), truth[:-1], decoded(entry, codes[:-1]), (low, high)


def _strip(pictures: np.ndarray, caption: str) -> None:
    with st.container(gap=None):
        st.image(pixels.strip([pictures], gap=2), width="stretch", output_format="PNG", alt=caption)
        st.caption(caption)


def another(key: str) -> None:
    """A button that draws another combination of factors."""
    st.button("Another combination", icon=":material/casino:", key=key, on_click=lambda: change(base=drawn()))


def drawn() -> tuple[int, ...]:
    """A combination of factors at random."""
    import random

    return tuple(random.randrange(len(factor.values)) for factor in factors())


def traverse_state(found: Space, axis: int, factor: int, base: Sequence[int]) -> TraverseState:
    """The state of Traverse that shows this axis and the true sweep of this factor.

    It starts from the test picture whose code is nearest to the base's.
    """
    common = {"checkpoint": found.entry.hash, "view": "sheet", "rows": (axis,), "axis": axis, "factor": factor}
    if not found.real or found.pictures.empty:
        return TraverseState(start="prior", **common)
    import torch

    latent = [f"z{number}" for number in range(found.model.z_dim)]
    known = torch.from_numpy(found.pictures[latent].to_numpy("float32", copy=True))
    code = encoded(found.entry, rendered(found.entry, [tuple(base)]))
    nearest = int(torch.cdist(code, known).argmin())
    return TraverseState(start="image", index=int(found.pictures.index[nearest]), **common)
