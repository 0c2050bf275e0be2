"""The axis panel with its pictures: the data of the component, and what follows a released slider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.components import live_decoder
from explorer.shared import axis_names, beside, cache, latent, own_axis_names, pixels
from explorer.shared.escape import markdown
from explorer.shared.latent import Space, Start
from explorer.shared.links import TraverseState, edits_text
from explorer.traverse import twin
from explorer.traverse.state import change, current, edits_of

if TYPE_CHECKING:
    from torch import Tensor

KEY = "traverse.panel"
_SEQUENCE = "traverse.sequence"
_RENAMED = "traverse.renamed"
FAR = 0.99
DENSITY_LEVELS = 150


def code_now(space: Space, start: Start, view: TraverseState) -> Tensor:
    """Return the start's code with the moved axes, shape (d,)."""
    z = start.code.clone()
    for axis, value in edits_of(view).items():
        if axis < len(z):
            z[axis] = value
    return z


def show(space: Space, start: Start, z: Tensor) -> None:
    """Draw the panel; start and current code are decoded in one batch."""
    import torch

    at_start, now = pixels.decoded(space.model, torch.stack([start.code, z]))
    at_twin = twin.data(space, current(), start, z)
    _data(space, start, z, at_start, now, at_twin).draw(
        KEY, on_moved_change=_moved, on_named_change=lambda: _named(space)
    )
    if earlier := own_axis_names.earlier_weights(space.entry):
        st.caption(f":material/info: Axes were named on earlier weights ({markdown(earlier)}); check the names.")


def sequence() -> int:
    """Return the number of the last reported change."""
    return st.session_state.get(_SEQUENCE, 0)


def _moved() -> None:
    """Put the moved axes into the state and the URL: a slider, the pad or a tile was released."""
    report = st.session_state[KEY].moved
    if report is None:
        return
    st.session_state[_SEQUENCE] = int(report["sequence"])
    change(edits=edits_text({int(axis): float(value) for axis, value in report["edits"].items()}))


def _named(space: Space) -> None:
    """Keep the name that the user gave to an axis; the views follow with the next run of the page."""
    report = st.session_state[KEY].named
    if isinstance(report, dict) and isinstance(report.get("axis"), int) and isinstance(report.get("name"), str):
        own_axis_names.give(space.entry, report["axis"], report["name"])
        st.session_state[_RENAMED] = True


def is_renamed() -> bool:
    """Return, once, whether an axis has been named since the page was drawn."""
    return st.session_state.pop(_RENAMED, False)


def _data(
    space: Space, start: Start, z: Tensor, at_start: np.ndarray, now: np.ndarray, at_twin: dict[str, Any] | None
) -> live_decoder.Panel:
    from trainer.latent.traversal import OUTSIDE_SHARE

    return live_decoder.Panel(
        table=_table_key(space),
        place=f"{space.key}/{start.anchor}/{start.caption}",
        model=space.entry.hash,
        decoder=cache.decoder(space.entry) is not None,
        shape=list(space.model.image_shape),
        axes=_axes(_table_key(space), space),
        names=own_axis_names.given(space.entry),
        outside=OUTSIDE_SHARE,
        levels=DENSITY_LEVELS,
        floor=_floor_text(space),
        codes_name=space.codes_name,
        anchor=start.anchor,
        caption=start.caption,
        start=start.code.tolist(),
        sigma=start.sigma.tolist() if start.sigma is not None else None,
        z=z.tolist(),
        sequence=sequence(),
        original=pixels.as_base64(start.original) if start.original is not None else None,
        reconstruction=pixels.as_base64(at_start),
        current=pixels.as_base64(now),
        support=support(space, z),
        twin=at_twin,
    )


def _floor_text(space: Space) -> str:
    """Return the text of the bound below which axes are dead."""
    from trainer.latent.traversal import ABSOLUTE_FLOOR, RELATIVE_FLOOR

    if RELATIVE_FLOOR * float(space.table.effect.max()) >= ABSOLUTE_FLOOR:
        return f"{RELATIVE_FLOOR:.0%} of the strongest axis' effect".replace("%", " %")
    return "half a grey level of 255"


def _table_key(space: Space) -> str:
    """Return a key that changes with the axes and their factors."""
    return f"{space.key}/{axis_names.stamp(space.entry)}"


@st.cache_data(max_entries=8, show_spinner=False)
def _axes(key: str, _space: Space) -> list[dict[str, Any]]:
    table = _space.table
    strongest = max(float(table.effect.max()), 1e-9)
    return [
        axis
        | {
            "rank": rank,
            "effect": round(float(table.effect[axis["i"]]), 5),
            "share": round(float(table.effect[axis["i"]]) / strongest, 3),
            "density": _levels(table.density[axis["i"]]),
            "prior": _levels(table.prior_density[axis["i"]]),
        }
        for rank, axis in enumerate(latent.axes(_space), start=1)
    ]


def _levels(density: Tensor) -> str:
    """Return densities as bytes, a tenth of the size of numbers; the peak of the codes is DENSITY_LEVELS."""
    return pixels.as_base64((density * DENSITY_LEVELS).round().clamp(0, 255).byte().numpy())


def support(space: Space, z: Tensor) -> dict[str, Any]:
    """Return {far, text}: the distance to the nearest code, and whether it is unusual among the codes."""
    import torch

    distance = float(space.distance(z[None]))
    share = float(torch.searchsorted(space.neighbours, torch.tensor(distance))) / len(space.neighbours)
    what = "test code" if space.real else "draw from the prior"
    far = share >= FAR
    typical = float(space.neighbours[len(space.neighbours) // 2])
    text = f"Distance to the nearest {what}: {distance:.1f} (typical: {typical:.1f})."
    return {"far": far, "text": f"Far from what was learned. {text}" if far else text}


def carry(space: Space) -> None:
    """Send the decoders that there are to the browser, after everything that can be seen."""
    for entry in beside.shown(space.entry, 2):
        if decoder := cache.decoder(entry):
            live_decoder.carrier(entry.hash, decoder)
