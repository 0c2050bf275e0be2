"""The model beside the selected one: the same picture in its own code, and its axis of each rank moved along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.shared import beside, cache, catalog, latent, pixels
from explorer.shared.factors import encoded
from explorer.shared.latent import Space, Start
from explorer.shared.links import TraverseState
from explorer.traverse.state import choice
from trainer.runs import layout

if TYPE_CHECKING:
    from torch import Tensor


def other(space: Space) -> Space | None:
    """Return the latent space of the model to compare with, or None.

    Raises: UserError if it or its codes cannot be read.
    """
    models = beside.models(space.entry)
    return latent.space(models[0]) if models else None


def data(space: Space, view: TraverseState, start: Start, z: Tensor) -> dict[str, Any] | None:
    """Return what the panel shows of the other model (live_decoder.Panel.twin); None where there is none."""
    import torch

    twin = other(space)
    if twin is None:
        return None
    begun, note = begin(space, twin, view, start)
    code = follow(space, twin, start.code, z, begun)
    reconstruction, current = pixels.decoded(twin.model, torch.stack([begun, code]))
    return {
        "name": str(twin.entry.name),
        "model": twin.entry.hash,
        "shape": list(twin.model.image_shape),
        "axes": _axes(twin),
        "start": begun.tolist(),
        "reconstruction": pixels.as_base64(reconstruction),
        "current": pixels.as_base64(current),
        "note": note,
    }


def begin(space: Space, twin: Space, view: TraverseState, start: Start) -> tuple[Tensor, str]:
    """Return the code (d,) in which the other model begins, and what it is: its own code of the same picture."""
    import torch

    moves = "Its axis of the same rank moves along, by the same share of its range."
    chosen = choice(view, "start")
    if start.original is not None:
        return _encoded(twin.entry, start.original), f"The same picture. {moves}"
    if chosen.kind == "image" and (code := _stored(space, twin, chosen.index)) is not None:
        return torch.tensor(code), f"The same picture. {moves}"
    begun = latent.resolve(twin, chosen, "start")
    return begun.code, f"{begun.caption[:1].upper()}{begun.caption[1:]}. {moves}"


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=catalog.keyed())
def _encoded(entry: catalog.Entry, picture: np.ndarray) -> Tensor:
    """Return a model's code (d,) of a picture, which does not change while sliders are moved: never change it."""
    return encoded(entry, picture[None])[0]


def follow(space: Space, twin: Space, start: Tensor, z: Tensor, begun: Tensor) -> Tensor:
    """Return the other model's code: `begun` moved by the same shares of the ranges of axes of the same rank, (d',)."""
    code = begun.clone()
    for axis, its in zip(space.table.order.tolist(), twin.table.order.tolist(), strict=False):
        share = (z[axis] - start[axis]) / (space.table.high[axis] - space.table.low[axis])
        code[its] += share * (twin.table.high[its] - twin.table.low[its])
    return code


def _stored(space: Space, twin: Space, index: int) -> list[float] | None:
    """Return the other model's stored code of a test picture, found by its id."""
    identity = space.pictures.loc[latent.picture_index(space, index), "id"]
    table = cache.codes(twin.entry)
    row = table[table["id"] == identity] if "id" in table else table[:0]
    return row.iloc[0][layout.code_columns(twin.model.z_dim)].astype(float).tolist() if len(row) else None


def _axes(twin: Space) -> list[dict[str, Any]]:
    table = twin.table
    return [
        {"i": axis, "low": round(float(table.low[axis]), 3), "high": round(float(table.high[axis]), 3)}
        for axis in table.order.tolist()
    ]
