"""The views below the panel: traversal sheet, interpolation, two-axis pad and the code itself, with their exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer import export, figures, live_decoder, pixels, theme, traverse_stage
from explorer.traverse_data import Space, Start, resolve
from explorer.traverse_start import picker
from explorer.traverse_state import bound, choice, current

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

ROWS = 8
SHEET_TILE = 76
PATH_STEPS = 11
PAD_SIZE = 11
PAD_POINTS = 1500
FRAMES = 24


def strongest(found: Space, count: int) -> list[int]:
    """The `count` live axes with the largest effect (at least one axis, even if none is live)."""
    live = [axis for axis in found.table.order.tolist() if found.table.live[axis]]
    return live[:count] or found.table.order.tolist()[:1]


def _axis_name(axis: int) -> str:
    return f"z{axis}"


def _chosen_axis(found: Space, name: str, rank: int) -> int:
    """The axis of a state field; where it is not set or does not exist, the one of the given rank by effect."""
    axis = getattr(current(), name)
    order = found.table.order.tolist()
    return axis if 0 <= axis < len(order) else order[min(rank, len(order) - 1)]


def _axis_select(found: Space, name: str, label: str, rank: int, **more) -> int:
    chosen = _chosen_axis(found, name, rank)
    tied = bound(name)
    st.session_state[tied["key"]] = chosen
    st.selectbox(label, found.table.order.tolist(), format_func=_axis_name, required=True, **tied, **more)
    return chosen


# ---------------------------------------------------------------- traversal sheet


def sheet(found: Space, z: Tensor) -> None:
    """One row per axis, moved from its low to its high end through the current code, which is the centre column."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axes = _sheet_rows(found)
        st.segmented_control("Steps", [5, 7, 9, 11, 13], required=True, **bound("steps"))
    steps = current().steps
    drawn, edits = _draw_sheet(found, z, axes, steps)
    picture, tools = st.columns([4, 1], gap="large")
    with picture:
        titles = [f"z{axis} = {value:.2f}" for move in edits for axis, value in move.items()]
        centre = [row * steps + steps // 2 for row in range(len(axes))]
        _tiles("sheet", found, drawn, titles, centre, edits)
        st.caption("The centre column is the current picture; choose any tile to go there.")
    with tools:
        _sheet_exports(found, z, drawn)


def _sheet_rows(found: Space) -> list[int]:
    order = found.table.order.tolist()
    kept = [axis for axis in current().rows if axis in order]
    tied = bound("rows")
    st.session_state[tied["key"]] = kept or strongest(found, ROWS)
    st.multiselect("Axes", order, format_func=_axis_name, select_all=False, **tied)
    return kept or strongest(found, ROWS)


def _draw_sheet(found: Space, z: Tensor, axes: list[int], steps: int) -> tuple[export.Sheet, list[dict[int, float]]]:
    """The sheet, decoded in one batch, and for each tile the axis and value that lead to it."""
    from trainer import traversal

    table = found.table
    codes = traversal.sheet_codes(z, axes, table.low, table.high, steps)
    pictures = pixels.to_uint8(traversal.decode(found.model, codes.flatten(0, 1)))
    edits = [{axis: float(codes[row, step, axis])} for row, axis in enumerate(axes) for step in range(steps)]
    ends = [(float(codes[row, 0, axis]), float(codes[row, -1, axis])) for row, axis in enumerate(axes)]
    rows = [f"z{axis}\n{low:.1f} … {high:.1f}" for axis, (low, high) in zip(axes, ends, strict=True)]
    heads = ["low", *[""] * (steps // 2 - 1), "now", *[""] * (steps // 2 - 1), "high"]
    return export.Sheet(pictures, steps, rows, heads), edits


def _sheet_exports(found: Space, z: Tensor, drawn: export.Sheet) -> None:
    name = f"{found.entry.name}-sheet".replace("/", "-")
    st.markdown("**Take it along**")
    _downloads(drawn, name)
    axis = _axis_select(found, "axis", "Animated axis", 0)
    pictures = pixels.to_uint8(_sweep(found, z, axis))
    animation = export.animation_gif(pictures, max(1, 192 // pictures.shape[-1]))
    st.image(animation, width=112, alt=f"Axis {axis} from its low to its high end and back")
    _download("GIF", animation, f"{found.entry.name}-z{axis}.gif".replace("/", "-"), "image/gif")


def _sweep(found: Space, z: Tensor, axis: int) -> Tensor:
    from trainer import traversal

    low, high = float(found.table.low[axis]), float(found.table.high[axis])
    return traversal.decode(found.model, traversal.sweep_codes(z, axis, low, high, FRAMES))


def _downloads(drawn: export.Sheet, name: str) -> None:
    with st.container(horizontal=True, gap="small"):
        _download("PNG", lambda: export.sheet_png(drawn), f"{name}.png", "image/png")
        _download("SVG", lambda: export.sheet_svg(drawn), f"{name}.svg", "image/svg+xml")


def _download(label: str, data, file_name: str, mime: str) -> None:
    st.download_button(
        label, data, file_name, mime, key=f"traverse.get.{file_name}", on_click="ignore", icon=":material/download:"
    )


def _tiles(
    name: str, found: Space, drawn: export.Sheet, titles: list[str], selected: list[int], edits: list[dict[int, float]]
) -> None:
    """Show a sheet; a chosen tile moves the panel in the browser at once."""
    live_decoder.tiles(
        {
            "sprite": pixels.as_base64(pixels.png(pixels.join_tiles(drawn.pictures, drawn.columns))),
            "sprite_columns": drawn.columns,
            "shape": list(found.model.image_shape),
            "count": len(drawn.pictures),
            "columns": drawn.columns,
            "size": SHEET_TILE,
            "height": 0,
            "rows": list(drawn.rows),
            "heads": list(drawn.heads),
            "titles": titles,
            "selected": selected,
            "label": name,
            "edits": edits,
        },
        key=f"traverse.tiles.{name}",
    )


# ---------------------------------------------------------------- interpolation


def interpolation(found: Space, start: Start, z: Tensor, label: str) -> None:
    """From the current code to a second start, straight and around the origin."""
    picker(found, "end", avoid=label)
    goal = resolve(found, choice(current(), "end"), "end", avoid=label)
    if goal.note:
        st.caption(goal.note)
    from trainer import traversal

    paths = {"linear": traversal.interpolate(z, goal.code, PATH_STEPS)}
    if len(z) > 1:
        paths["spherical"] = traversal.interpolate(z, goal.code, PATH_STEPS, "spherical")
    import torch

    codes = torch.cat(list(paths.values()))
    pictures = pixels.to_uint8(traversal.decode(found.model, codes))
    heads = ["current", *[f"{step / (PATH_STEPS - 1):.0%}".replace("%", " %") for step in range(1, PATH_STEPS - 1)]]
    drawn = export.Sheet(pictures, PATH_STEPS, list(paths), [*heads, "goal"])
    titles = [f"{path}, {step / (PATH_STEPS - 1):.0%} of the way" for path in paths for step in range(PATH_STEPS)]
    edits = [{axis: float(value) for axis, value in enumerate(code)} for code in codes]
    _tiles("interpolation", found, drawn, titles, [], edits)
    caption, tools = st.columns([3, 1], vertical_alignment="center")
    caption.caption(
        f"From the current code to {goal.caption}. Linear is the straight line; spherical turns around the origin and keeps "
        "the distance from it where the prior has its mass. Choose any tile to go there."
    )
    with tools:
        _downloads(drawn, f"{found.entry.name}-interpolation".replace("/", "-"))
    _path_figure(found, paths)


def _path_figure(found: Space, paths: dict[str, Tensor]) -> None:
    from trainer import traversal

    distances = {name: traversal.nearest_distance(codes, found.codes).tolist() for name, codes in paths.items()}
    n = len(found.neighbours)
    typical = float(found.neighbours[int(0.05 * n)]), float(found.neighbours[min(n - 1, int(0.95 * n))])
    steps = [step / (PATH_STEPS - 1) for step in range(PATH_STEPS)]
    with st.expander("How far the paths stray from the codes of real pictures"):
        figure = figures.path_distances(steps, distances, typical, theme.is_dark())
        st.plotly_chart(figure, theme=None, key="traverse.path", config={"displayModeBar": False})


# ---------------------------------------------------------------- two-axis pad


def pad(found: Space, start: Start, z: Tensor, now: np.ndarray) -> None:
    """Two axes under one handle, over a grid of pictures or the codes of the test pictures."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        x = _axis_select(found, "pad_x", "To the right", 0, width=130)
        y = _axis_select(found, "pad_y", "Upwards", 1, width=130)
        st.segmented_control(
            "Background",
            ["pictures", "codes"],
            format_func={"pictures": "Decoded pictures", "codes": "Codes"}.__getitem__,
            required=True,
            **bound("background"),
        )
    if x == y:
        st.caption("Both directions show the same axis; choose two different ones.")
        return
    background = current().background
    points, colours = _points(found, x, y) if background == "codes" else ([], [])
    live_decoder.pad(
        {
            "x": _pad_axis(found, x),
            "y": _pad_axis(found, y),
            "value": [float(z[x]), float(z[y])],
            "start": [float(start.code[x]), float(start.code[y])],
            "background": _pad_background(found, z, x, y) if background == "pictures" else None,
            "points": points,
            "colours": colours,
            "shape": list(found.model.image_shape),
            "current": pixels.as_base64(now),
            "sequence": traverse_stage.sequence(),
        },
        key="traverse.pad",
    )
    _pad_caption(found, background)


def _pad_axis(found: Space, axis: int) -> dict[str, float]:
    return {"i": axis, "low": float(found.table.low[axis]), "high": float(found.table.high[axis])}


def _pad_background(found: Space, z: Tensor, x: int, y: int) -> str:
    """PNG of the plane through the current code: all other axes stay where they are."""
    from trainer import traversal

    codes = traversal.pad_codes(z, x, y, found.table.low, found.table.high, PAD_SIZE)
    pictures = pixels.to_uint8(traversal.decode(found.model, codes.flatten(0, 1)))
    return pixels.as_base64(pixels.png(pixels.join_tiles(pictures, PAD_SIZE)))


def _points(found: Space, x: int, y: int) -> tuple[list[list[float]], list[str]]:
    """x, y, x, y ... of an even spread of codes by label, and the colour of each label."""
    from trainer import traversal

    rows = traversal.spread_rows(len(found.pictures) if found.real else len(found.codes), PAD_POINTS).numpy()
    if not found.real:
        return [found.codes[rows][:, [x, y]].flatten().round(decimals=3).tolist()], [theme.category(-1)]
    shown = found.pictures.iloc[rows]
    groups = shown.groupby("label")[[f"z{x}", f"z{y}"]]
    points = [group.to_numpy().round(3).flatten().tolist() for _, group in groups]
    return points, [theme.category(int(label)) for label, _ in groups]


def _pad_caption(found: Space, background: str) -> None:
    if background == "pictures":
        st.caption(
            "Each tile is the picture at its centre, with all other axes as they are. Drag, or use the arrow keys."
        )
        return
    if found.real and found.labels:
        with st.container(horizontal=True, gap="small"):
            for name, label in found.pictures.groupby("label_name")["label"].first().items():
                st.html(
                    f'<span style="font-size:13px"><b style="color:{theme.category(int(label))}">●</b> {name}</span>'
                )
    st.caption(f"Codes of up to {PAD_POINTS:,} test pictures. Drag the handle, or use the arrow keys.")


# ---------------------------------------------------------------- the code


def code(found: Space, start: Start, z: Tensor) -> None:
    """Every axis with its value and what is known of it, and the same as CSV."""
    table = _code_table(found, start, z)
    st.dataframe(
        table,
        hide_index=True,
        height=min(36 * (len(z) + 1), 420),
        column_config={
            "effect": st.column_config.ProgressColumn(
                "effect", format="%.4f", min_value=0.0, max_value=float(max(table["effect"].max(), 1e-6))
            ),
            "quantile": st.column_config.NumberColumn(
                "quantile", format="percent", help="Share of codes below the value"
            ),
            "outside": st.column_config.CheckboxColumn("outside", help="Density of the codes below 1 % of its peak"),
        },
    )
    name = f"{found.entry.name}-code.csv".replace("/", "-")
    with st.container(horizontal=True, vertical_alignment="center"):
        _download("CSV", lambda: export.code_csv({key: table[key].tolist() for key in table}), name, "text/csv")
        bases = found.table.bases
        st.caption(
            "Effect: mean RMS change of the picture (0 to 1) when the axis goes from its 5 % to its 95 % quantile, around "
            f"{bases} evenly spread {'test codes' if found.real else 'draws from the prior'}. Model {found.entry.hash}."
        )
    from trainer.traversal import ABSOLUTE_FLOOR, RELATIVE_FLOOR

    effects = found.table.effect
    figure = figures.axis_effects(
        effects.tolist(), max(ABSOLUTE_FLOOR, RELATIVE_FLOOR * float(effects.max())), theme.is_dark()
    )
    st.plotly_chart(figure, theme=None, key="traverse.effects", config={"displayModeBar": False})


def _code_table(found: Space, start: Start, z: Tensor):
    import pandas as pd

    from trainer import traversal

    table = found.table
    below = (found.codes < z).float().mean(0)
    density = traversal.density_at(table, z)
    order = table.order.tolist()
    rows = {
        "axis": [_axis_name(axis) for axis in order],
        "value": z[order].numpy(),
        "start": start.code[order].numpy(),
        "sigma": start.sigma[order].numpy() if start.sigma is not None else float("nan"),
        "quantile": below[order].numpy(),
        "q05": table.quantiles[order, 0].numpy(),
        "q95": table.quantiles[order, 2].numpy(),
        "outside": (density < traversal.OUTSIDE_SHARE)[order].numpy(),
        "effect": table.effect[order].numpy(),
        "live": table.live[order].numpy(),
    }
    return pd.DataFrame(rows)
