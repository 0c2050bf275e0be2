"""The two-axis pad: two axes under one handle, over decoded pictures or the codes of the test pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.components import live_decoder
from explorer.shared import pixels, theme
from explorer.shared.latent import Space, Start
from explorer.traverse import panel
from explorer.traverse.sheets import axis_select
from explorer.traverse.state import bound, current

if TYPE_CHECKING:
    from torch import Tensor

PAD_SIZE = 11
PAD_POINTS = 1500


def pad(found: Space, start: Start, z: Tensor) -> None:
    """Two axes under one handle, over a grid of pictures or the codes of the test pictures."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        x = axis_select(found, "pad_x", "Right", 0, width=110)
        y = axis_select(found, "pad_y", "Up", 1, width=110)
        st.segmented_control(
            "Background",
            ["pictures", "codes"],
            format_func={"pictures": "Decoded pictures", "codes": "Codes"}.__getitem__,
            required=True,
            **bound("background"),
        )
    if x == y:
        st.info("Both directions show the same axis; choose two different ones.")
        return
    background = current().background
    points, colours, names = _points(found, x, y) if background == "codes" else ([], [], [])
    live_decoder.pad(
        live_decoder.Pad(
            x=_pad_axis(found, x),
            y=_pad_axis(found, y),
            value=[float(z[x]), float(z[y])],
            start=[float(start.code[x]), float(start.code[y])],
            background=_pad_background(found, z, x, y) if background == "pictures" else None,
            points=points,
            colours=colours,
            names=names,
            shape=list(found.model.image_shape),
            current=pixels.as_base64(pixels.decoded(found.model, z[None])),
            sequence=panel.sequence(),
        ),
        key="traverse.pad",
    )
    _pad_caption(background)


def _pad_axis(found: Space, axis: int) -> dict[str, float]:
    return {"i": axis, "low": float(found.table.low[axis]), "high": float(found.table.high[axis])}


def _pad_background(found: Space, z: Tensor, x: int, y: int) -> str:
    """PNG of the plane through the current code: all other axes stay where they are."""
    plane = z.clone()
    plane[[x, y]] = 0  # where the handle stands in the plane does not matter
    return _plane(found.key, tuple(plane.tolist()), x, y, found)


@st.cache_data(max_entries=32, show_spinner=False)
def _plane(key: str, code: tuple[float, ...], x: int, y: int, _found: Space) -> str:
    import torch

    from trainer.latent import traversal

    codes = traversal.pad_codes(torch.tensor(code), x, y, _found.table.low, _found.table.high, PAD_SIZE)
    pictures = pixels.decoded(_found.model, codes.flatten(0, 1))
    return pixels.as_base64(pixels.png(pixels.join_tiles(pictures, PAD_SIZE)))


def _points(found: Space, x: int, y: int) -> tuple[list[list[float]], list[str], list[str]]:
    """x, y, x, y ... of an even spread of codes by label, and the colour and the name of each label."""
    from trainer.latent import traversal

    rows = traversal.spread_rows(len(found.pictures) if found.real else len(found.codes), PAD_POINTS).numpy()
    if not found.real:
        return [found.codes[rows][:, [x, y]].flatten().round(decimals=3).tolist()], [theme.category(-1)], ["prior"]
    shown = found.pictures.iloc[rows]
    groups = [(int(label), group) for label, group in shown.groupby("label")]
    points = [group[[f"z{x}", f"z{y}"]].to_numpy().round(3).flatten().tolist() for _, group in groups]
    names = [str(group["label_name"].iloc[0]) or "no label" for _, group in groups]
    return points, [theme.category(label) for label, _ in groups], names


def _pad_caption(background: str) -> None:
    what = {
        "pictures": "Each tile shows the code at its centre, with all other axes as they are.",
        "codes": f"Codes of up to {PAD_POINTS:,} test pictures.",
    }
    st.caption(f"{what[background]} Drag the handle, or use the arrow keys.")
