"""What the views of the Traverse page share: choosing axes, showing sheets, offering downloads."""

from __future__ import annotations

import streamlit as st

from explorer.components import live_decoder
from explorer.shared import axis_names, export, pixels
from explorer.shared.latent import Space
from explorer.traverse.state import bound, current

SHEET_TILE = 92


def strongest(found: Space, count: int) -> list[int]:
    """The `count` live axes with the largest effect (at least one axis, even if none is live)."""
    live = [axis for axis in found.table.order.tolist() if found.table.live[axis]]
    return live[:count] or found.table.order.tolist()[:1]


def names_of(found: Space) -> list[str]:
    """What the axes are called on the page: "z3, object hue (0.91)" where that was measured, else "z3"."""
    return axis_names.names(found.entry)


def _chosen_axis(found: Space, name: str, rank: int) -> int:
    """The axis of a state field; where it is not set or does not exist, the one of the given rank by effect."""
    axis = getattr(current(), name)
    order = found.table.order.tolist()
    return axis if 0 <= axis < len(order) else order[min(rank, len(order) - 1)]


def axis_select(found: Space, name: str, label: str, rank: int, **more) -> int:
    """A choice among all axes for one state field, strongest first; unset, it is the axis of that rank by effect."""
    chosen = _chosen_axis(found, name, rank)
    tied = bound(name)
    st.session_state[tied["key"]] = chosen
    st.selectbox(label, found.table.order.tolist(), format_func=names_of(found).__getitem__, **tied, **more)
    return chosen


def file_name(found: Space, what: str, ending: str = "") -> str:
    """Name of a download: model, content, ending."""
    name = f"{found.entry.name}-{what}".replace("/", "-")
    return f"{name}.{ending}" if ending else name


def downloads(drawn: export.Sheet, name: str) -> None:
    """Buttons for a sheet as PNG and as SVG; the files are made when they are asked for."""
    download("PNG", lambda: export.sheet_png(drawn), f"{name}.png", "image/png")
    download("SVG", lambda: export.sheet_svg(drawn), f"{name}.svg", "image/svg+xml")


def download(label: str, data, file_name: str, mime: str) -> None:
    """A download button that does not rerun the page; `data` may be a function."""
    st.download_button(
        label, data, file_name, mime, key=f"traverse.get.{file_name}", on_click="ignore", icon=":material/download:"
    )


def sheet_tiles(
    name: str, found: Space, drawn: export.Sheet, titles: list[str], selected: list[int], edits: list[dict[int, float]]
) -> None:
    """Show a sheet; a chosen tile moves the panel in the browser at once."""
    live_decoder.tiles(
        live_decoder.Tiles(
            sprite=pixels.sprite(drawn.pictures, drawn.columns),
            sprite_columns=drawn.columns,
            shape=list(found.model.image_shape),
            count=len(drawn.pictures),
            columns=drawn.columns,
            size=SHEET_TILE,
            rows=drawn.rows,
            heads=drawn.heads,
            titles=titles,
            selected=selected,
            label=name,
            edits=edits,
        ),
        key=f"traverse.tiles.{name}",
    )
