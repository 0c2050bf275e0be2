"""The two-axis pad: one handle for two axes, over decoded pictures or the codes of the test pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.components import live_decoder
from explorer.shared import axis_names, pixels, share, theme, widgets
from explorer.shared.latent import Space, Start
from explorer.traverse import panel
from explorer.traverse.sheets import axis_select
from explorer.traverse.state import bound, current

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

PAD_SIZE = 11
PAD_POINTS = 1500
BACKGROUNDS = {"pictures": "Decoded pictures", "codes": "Codes"}
CAPTIONS = {
    "pictures": "Each tile shows the code at its centre; all other axes keep their values.",
    "codes": f"Codes of up to {PAD_POINTS:,} test pictures.",
}


def pad(space: Space, start: Start, z: Tensor) -> None:
    """Draw the choice of two axes and the pad."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        x = axis_select(space, "pad_x", "Right", 0, width=110)
        y = axis_select(space, "pad_y", "Up", 1, width=110)
        widgets.segments("Background", BACKGROUNDS, **bound("background"))
    if x == y:
        st.info("Both directions show the same axis; choose two different ones.")
        return
    background = current().background
    points, colours, labels = _points(space, x, y) if background == "codes" else ([], [], [])
    at_zero = z.clone()
    at_zero[[x, y]] = 0  # one background, wherever the handle is
    low, high = space.table.low, space.table.high
    names = axis_names.names(space.entry)
    plane = _plane(space.key, tuple(at_zero.tolist()), x, y, space) if background == "pictures" else None
    _share(names, x, y, plane, points, labels)
    live_decoder.Pad(
        x={"i": x, "name": names[x], "low": float(low[x]), "high": float(high[x])},
        y={"i": y, "name": names[y], "low": float(low[y]), "high": float(high[y])},
        value=[float(z[x]), float(z[y])],
        start=[float(start.code[x]), float(start.code[y])],
        background=pixels.as_base64(pixels.png(plane)) if plane is not None else None,
        points=points,
        colours=colours,
        names=labels,
        shape=list(space.model.image_shape),
        current=pixels.as_base64(pixels.decoded(space.model, z[None])),
        sequence=panel.sequence(),
    ).draw("traverse.pad")
    st.caption(f"{CAPTIONS[background]} Drag the handle, or use the arrow keys.")


def _share(
    names: list[str], x: int, y: int, plane: np.ndarray | None, points: list[list[float]], labels: list[str]
) -> None:
    """Offer the background under Share: the plane as a picture, or the codes as a table."""
    if plane is not None:
        share.pictures("pad", [(f"{names[x]} to the right, {names[y]} upwards", plane)])
        return
    groups = [name for name, each in zip(labels, points, strict=True) for _ in each[::2]]
    across, up = ([value for each in points for value in each[start::2]] for start in (0, 1))
    share.table("pad-codes", {"label": groups, f"z{x}": across, f"z{y}": up})


@st.cache_data(max_entries=32, show_spinner=False)
def _plane(key: str, code: tuple[float, ...], x: int, y: int, _space: Space) -> np.ndarray:
    """Return the plane through a code along two axes, uint8 (H, W) or (H, W, 3)."""
    import torch

    from trainer.latent import traversal

    codes = traversal.pad_codes(torch.tensor(code), x, y, _space.table.low, _space.table.high, PAD_SIZE)
    pictures = pixels.decoded(_space.model, codes.flatten(0, 1))
    return pixels.join_tiles(pictures, PAD_SIZE)


def _points(space: Space, x: int, y: int) -> tuple[list[list[float]], list[str], list[str]]:
    """Return x, y, x, y ... of evenly spread codes for each label, and the labels' colours and names."""
    from trainer.latent import traversal

    rows = traversal.spread_rows(len(space.pictures) if space.real else len(space.codes), PAD_POINTS).numpy()
    if not space.real:
        return [space.codes[rows][:, [x, y]].flatten().round(decimals=3).tolist()], [theme.category(-1)], ["prior"]
    shown = space.pictures.iloc[rows]
    groups = [(int(label), group) for label, group in shown.groupby("label")]
    points = [group[[f"z{x}", f"z{y}"]].to_numpy().round(3).flatten().tolist() for _, group in groups]
    names = [str(group["label_name"].iloc[0]) or "no label" for _, group in groups]
    return points, [theme.category(label) for label, _ in groups], names
