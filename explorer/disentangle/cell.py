"""One axis and one factor: the picture while the axis moves, beside the picture while the factor changes."""

import random
from collections.abc import Sequence

import numpy as np
import streamlit as st

from explorer.disentangle.state import bound, change, current
from explorer.shared import catalog, latent, share, widgets
from explorer.shared.factors import combination, decoded, described, encoded, factors, rendered, sweep
from explorer.shared.latent import Space
from explorer.shared.links import TraverseState, open_traverse
from trainer.batching import evenly
from trainer.evaluation.disentanglement.record import Record
from trainer.runs import layout

STEPS = 8


def show(entry: catalog.Entry, record: Record, axis: int, factor: int) -> None:
    """Draw the numbers of the cell, the sweeps, and the way into Traverse."""
    _choice(record, axis, factor)
    name = record.factor_titles[factor]
    st.markdown(f"**z{axis} and {name}**  \n:small[:gray[{_numbers(record, axis, factor, name)}]]")
    space = latent.space(entry)
    place = [known.name for known in factors()].index(name)
    base = combination(current().base)
    moved, truth, reconstructed, (low, high) = strips(space, base, axis, place)
    captions = {
        f"z{axis} moved from {low:.1f} to {high:.1f}, decoded".replace("-", "−"): moved,
        f"{name} swept, rendered: the truth": truth,
        f"{name} swept, reconstructed by the model": reconstructed,
    }
    share.pictures("axis-and-factor", list(captions.items()))
    with st.container(key="disentangle-strips", gap="small"):
        for caption, pictures in captions.items():
            with st.container(gap=None):
                widgets.strip([pictures], caption)
                st.caption(caption)
    st.caption(f"Around {described(base)}.")
    with st.container(horizontal=True, gap="small"):
        if st.button("Open in Traverse", icon=":material/tune:", key="disentangle.traverse", type="primary"):
            open_traverse(traverse_state(space, axis, place, base))
        another("disentangle.other")


def _choice(record: Record, axis: int, factor: int) -> None:
    """Choose the cell with the keyboard, to which the figure does not listen."""
    names = record.factor_titles
    with st.container(horizontal=True, gap="small", wrap=False):
        axes = range(len(record.dci.per_axis))
        st.selectbox("Axis", axes, format_func="z{}".format, width=100, **bound("axis", axis))
        st.selectbox("Factor", range(len(names)), format_func=names.__getitem__, **bound("factor", factor))


def _numbers(record: Record, axis: int, factor: int, name: str) -> str:
    importance, information = record.dci.importance[axis, factor], record.mig.information[axis, factor]
    chance = 1 / record.factor_sizes[factor]
    return (
        f"z{axis} has {importance:.0%} of the importance for {name} and {information:.0%} of the factor's entropy. "
        f"A linear SVM on it gets {record.sap.accuracy[axis, factor]:.0%} of the values right (chance {chance:.0%})."
    ).replace("%", " %")


def strips(
    space: Space, base: Sequence[int], axis: int, factor: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[float, float]]:
    """Return the decoded sweep of the axis, the rendered and the reconstructed sweep of the factor, each (N, C, H, W),
    and the axis' range.

    The axis moves over its range in Traverse, starting from the code of the rendered base.
    """
    import torch

    entry = space.entry
    places = sweep(base, factor)
    shown = [places[i] for i in evenly(len(places), STEPS)]
    truth = rendered(entry, [*shown, base])
    codes = encoded(entry, truth)
    low, high = float(space.table.low[axis]), float(space.table.high[axis])
    moved = codes[-1].repeat(STEPS, 1)
    moved[:, axis] = torch.linspace(low, high, STEPS)
    return decoded(entry, moved), truth[:-1], decoded(entry, codes[:-1]), (low, high)


def another(key: str) -> None:
    """A button that draws another combination of factors at random."""

    def draw() -> None:
        change(base=tuple(random.randrange(len(factor.values)) for factor in factors()))

    st.button("Another combination", icon=":material/casino:", key=key, on_click=draw)


def traverse_state(space: Space, axis: int, factor: int, base: Sequence[int]) -> TraverseState:
    """Return the view of Traverse that shows this axis and the true sweep of this factor.

    It starts from the test picture whose code is nearest to the base's.
    """
    common = {"checkpoint": space.entry.hash, "view": "sheet", "rows": (axis,), "axis": axis, "factor": factor}
    if not space.real or space.pictures.empty:
        return TraverseState(start="prior", **common)
    import torch

    columns = layout.code_columns(space.model.z_dim)
    codes = torch.from_numpy(space.pictures[columns].to_numpy("float32", copy=True))
    code = encoded(space.entry, rendered(space.entry, [tuple(base)]))
    nearest = int(torch.cdist(code, codes).argmin())
    return TraverseState(start="image", index=int(space.pictures.index[nearest]), **common)
