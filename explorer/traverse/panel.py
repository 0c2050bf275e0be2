"""The axis panel with its pictures: what the component is told, and what happens when it reports a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.components import live_decoder
from explorer.shared import axis_names, catalog, pixels
from explorer.shared.latent import Space, Start
from explorer.shared.links import TraverseState, edits_text
from explorer.traverse.state import change, edits_of
from trainer.runs import layout

if TYPE_CHECKING:
    from torch import Tensor

KEY = "traverse.panel"
_SEQUENCE = "traverse.sequence"
FAR = 0.99
DENSITY_LEVELS = 150


def code_now(found: Space, start: Start, view: TraverseState) -> Tensor:
    """The start's code with the moved axes put in, (d,)."""
    z = start.code.clone()
    for axis, value in edits_of(view).items():
        if axis < len(z):
            z[axis] = value
    return z


def show(found: Space, start: Start, z: Tensor) -> None:
    """Draw the panel; the server decodes the start and the current code in one batch."""
    import torch

    at_start, now = pixels.decoded(found.model, torch.stack([start.code, z]))
    live_decoder.panel(_data(found, start, z, at_start, now), key=KEY, on_moved=_moved)


def sequence() -> int:
    """Number of the last change that the browser reported."""
    return st.session_state.get(_SEQUENCE, 0)


def _moved() -> None:
    """A slider, the pad or a sheet tile was let go: the moved axes become part of the state and the URL."""
    report = st.session_state[KEY].moved
    if report is None:
        return
    st.session_state[_SEQUENCE] = int(report["sequence"])
    change(edits=edits_text({int(axis): float(value) for axis, value in report["edits"].items()}))


def _data(found: Space, start: Start, z: Tensor, at_start: np.ndarray, now: np.ndarray) -> live_decoder.Panel:
    return live_decoder.Panel(
        table=_table_key(found),
        place=f"{found.key}/{start.anchor}/{start.caption}",
        model=found.entry.hash,
        decoder=decoder_bytes_path(found) is not None,
        shape=list(found.model.image_shape),
        axes=axes_data(found),
        outside=_outside(),
        levels=DENSITY_LEVELS,
        floor=_floor_text(found),
        codes_name=found.codes_name,
        anchor=start.anchor,
        caption=start.caption,
        start=start.code.tolist(),
        sigma=start.sigma.tolist() if start.sigma is not None else None,
        z=z.tolist(),
        sequence=sequence(),
        original=pixels.as_base64(start.original) if start.original is not None else None,
        reconstruction=pixels.as_base64(at_start),
        current=pixels.as_base64(now),
        support=support(found, z),
    )


def _outside() -> float:
    from trainer.latent.traversal import OUTSIDE_SHARE

    return OUTSIDE_SHARE


def _floor_text(found: Space) -> str:
    """The bound that decides which axes count as dead, in words."""
    from trainer.latent.traversal import ABSOLUTE_FLOOR, RELATIVE_FLOOR

    if RELATIVE_FLOOR * float(found.table.effect.max()) >= ABSOLUTE_FLOOR:
        return f"{RELATIVE_FLOOR:.0%} of the strongest axis' effect".replace("%", " %")
    return "half a grey level of 255"


def _table_key(found: Space) -> str:
    """Changes with the axes, and with what is known of them."""
    return f"{found.key}/{axis_names.stamp(found.entry)}"


@st.cache_data(max_entries=8, show_spinner=False)
def _axes_data(key: str, _found: Space) -> list[dict[str, Any]]:
    table, carried = _found.table, axis_names.carried(_found.entry)
    strongest = max(float(table.effect.max()), 1e-9)
    return [
        {
            "i": axis,
            "carries": axis_names.of(carried, axis),
            "rank": rank,
            "effect": round(float(table.effect[axis]), 5),
            "share": round(float(table.effect[axis]) / strongest, 3),
            "live": bool(table.live[axis]),
            "low": round(float(table.low[axis]), 3),
            "high": round(float(table.high[axis]), 3),
            "density": _levels(table.density[axis]),
            "prior": _levels(table.prior_density[axis]),
        }
        for rank, axis in enumerate(table.order.tolist(), start=1)
    ]


def _levels(density: Tensor) -> str:
    """Densities as bytes, the peak of the codes being DENSITY_LEVELS: a tenth of what the numbers would take."""
    return pixels.as_base64((density * DENSITY_LEVELS).round().clamp(0, 255).byte().numpy())


def axes_data(found: Space) -> list[dict[str, Any]]:
    """All axes by falling effect, as the components take them."""
    return _axes_data(_table_key(found), found)


def support(found: Space, z: Tensor) -> dict[str, Any]:
    """How far the code is from every real one, measured by how far these are from one another."""
    import torch

    distance = float(found.distance(z[None]))
    share = float(torch.searchsorted(found.neighbours, torch.tensor(distance))) / len(found.neighbours)
    what = "test code" if found.real else "draw from the prior"
    far = share >= FAR
    typical = float(found.neighbours[len(found.neighbours) // 2])
    text = f"Nearest {what} {distance:.1f} away; between {what}s {typical:.1f} is usual."
    return {"far": far, "text": f"Far from what was learned. {text}" if far else text}


def decoder_bytes_path(found: Space):
    """Path of decoder.onnx, or None; the carrier brings its bytes to the browser."""
    path = found.entry.path / layout.DECODER
    return path if path.is_file() else None


def carry(found: Space) -> None:
    """Send the decoder to the browser, after everything that can be seen."""
    path = decoder_bytes_path(found)
    if path is not None:
        live_decoder.carrier(found.entry.hash, _decoder(found.entry))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=catalog.keyed(layout.DECODER))
def _decoder(entry: catalog.Entry) -> bytes:
    return (entry.path / layout.DECODER).read_bytes()
