"""Shared by the views of the Traverse page: choices of axes, sheets, downloads."""

import streamlit as st

from explorer.components import live_decoder
from explorer.shared import axis_names, export, pixels, widgets
from explorer.shared.latent import Space
from explorer.traverse.state import bound, current

SHEET_TILE = 92


def strongest(space: Space, count: int) -> list[int]:
    """Return the `count` live axes with the largest effect (at least one axis, even if none is live)."""
    order = space.table.order.tolist()
    return [axis for axis in order if space.table.live[axis]][:count] or order[:1]


def axis_select(space: Space, name: str, label: str, rank: int, **more) -> int:
    """Return the axis of a state field, chosen here; unset or unknown, it is the axis of that rank by effect."""
    axis, order = getattr(current(), name), space.table.order.tolist()
    chosen = axis if 0 <= axis < len(order) else order[min(rank, len(order) - 1)]
    tied = bound(name)
    st.session_state[tied["key"]] = chosen
    st.selectbox(label, order, format_func=axis_names.names(space.entry).__getitem__, **tied, **more)
    return chosen


def file_name(space: Space, what: str, ending: str = "") -> str:
    """Return the name of a download: model, content, ending."""
    name = f"{space.entry.name}-{what}".replace("/", "-")
    return f"{name}.{ending}" if ending else name


def labels(space: Space) -> dict[str, str]:
    """Return the title of an exported sheet and the note below it: model, data and checkpoint."""
    entry = space.entry
    return {"title": str(entry.name), "note": f"{entry.data_title!s}, checkpoint {entry.hash}"}


def downloads(drawn: export.Sheet, name: str) -> None:
    """Offer a sheet as PNG and as SVG; the files are made when they are asked for."""
    download("PNG", lambda: export.sheet_png(drawn), f"{name}.png", "image/png")
    download("SVG", lambda: export.sheet_svg(drawn), f"{name}.svg", "image/svg+xml")


def download(label: str, data, file_name: str, mime: str) -> None:
    """Offer a file; `data` may be a function."""
    widgets.download(label, data, file_name, mime, key=f"traverse.get.{file_name}")


def sheet_tiles(
    name: str, space: Space, drawn: export.Sheet, titles: list[str], selected: list[int], edits: list[dict[int, float]]
) -> None:
    """Draw a sheet; a chosen tile moves the panel in the browser at once."""
    live_decoder.Tiles(
        sprite=pixels.sprite(drawn.pictures, drawn.columns),
        sprite_columns=drawn.columns,
        shape=list(space.model.image_shape),
        count=len(drawn.pictures),
        columns=drawn.columns,
        size=SHEET_TILE,
        rows=drawn.rows,
        heads=drawn.heads,
        titles=titles,
        selected=selected,
        label=name,
        edits=edits,
    ).draw(f"traverse.tiles.{name}")
