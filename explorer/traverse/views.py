"""Views below the panel: traversal sheet, interpolation and code, with their exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from explorer.shared import axis_names, export, pixels, theme, widgets
from explorer.shared.latent import Space, Start, resolve
from explorer.traverse import figures
from explorer.traverse.sheets import axis_select, download, downloads, file_name, labels, sheet_tiles, strongest
from explorer.traverse.start_picker import picker
from explorer.traverse.state import bound, choice, current
from explorer.traverse.truth import truth

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 8
PATH_STEPS = 11
FRAMES = 24


# ---------------------------------------------------------------- traversal sheet


def sheet(space: Space, z: Tensor) -> None:
    """Draw a row per axis, moved from its low to its high end through the current code in the centre column."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axes = _sheet_rows(space)
        st.segmented_control("Steps", [5, 7, 9, 11, 13], required=True, **bound("steps"))
        steps = current().steps
        drawn, edits = _draw_sheet(space, z, axes, steps)
        downloads(drawn, file_name(space, "sheet"))
        _animation(space, z)
    titles = [f"z{axis} = {value:.2f}" for move in edits for axis, value in move.items()]
    centre = [row * steps + steps // 2 for row in range(len(axes))]
    sheet_tiles("sheet", space, drawn, titles, centre, edits)
    truth(space)
    st.caption(
        "The centre column is the current picture. Steps are equal on each side of it, and longer on the side where "
        "the end lies farther away. Click a tile to move there."
    )


def _sheet_rows(space: Space) -> list[int]:
    order = space.table.order.tolist()
    kept = [axis for axis in current().rows if axis in order]
    tied = bound("rows")
    st.session_state[tied["key"]] = kept or strongest(space, ROWS)
    st.multiselect("Axes", order, format_func=axis_names.names(space.entry).__getitem__, select_all=False, **tied)
    return kept or strongest(space, ROWS)


def _draw_sheet(space: Space, z: Tensor, axes: list[int], steps: int) -> tuple[export.Sheet, list[dict[int, float]]]:
    """Return the sheet, decoded in one batch, and the axis and value of each tile."""
    from trainer.latent import traversal

    table = space.table
    codes = traversal.sheet_codes(z, axes, table.low, table.high, steps)
    pictures = pixels.decoded(space.model, codes.flatten(0, 1))
    edits = [{axis: float(codes[row, step, axis])} for row, axis in enumerate(axes) for step in range(steps)]
    ends = [(float(codes[row, 0, axis]), float(codes[row, -1, axis])) for row, axis in enumerate(axes)]
    ranges = [f"{low:.1f} … {high:.1f}".replace("-", "−") for low, high in ends]
    names = [name.replace(", ", "\n", 1) for name in axis_names.names(space.entry)]
    rows = [f"{names[axis]}\n{reach}" for axis, reach in zip(axes, ranges, strict=True)]
    heads = ["low", *[""] * (steps // 2 - 1), "now", *[""] * (steps // 2 - 1), "high"]
    values = [f"{value:.2f}".replace("-", "−") for edit in edits for value in edit.values()]
    return export.Sheet(pictures, steps, rows, heads, captions=values, **labels(space)), edits


def _animation(space: Space, z: Tensor) -> None:
    """Offer a GIF of one axis; it is made only while the popover is open."""
    with st.popover("GIF", icon=":material/animation:", key="traverse.gif", on_change="rerun") as box:
        if not box.open:
            return
        axis = axis_select(space, "axis", "Axis that moves", 0)
        from trainer.latent import traversal

        low, high = float(space.table.low[axis]), float(space.table.high[axis])
        codes = traversal.sweep_codes(z, axis, low, high, FRAMES)
        name, made = str(axis_names.names(space.entry)[axis]), labels(space)
        captions = [f"{name} = {value:.2f}".replace("-", "−") for value in codes[:, axis].tolist()]
        pictures = pixels.decoded(space.model, codes)
        animation = export.animation_gif(pictures, captions, f"{made['title']}, {made['note']}")
        st.image(animation, width=192, alt=f"Axis {axis} from its low to its high end and back")
        download("Download GIF", animation, file_name(space, f"z{axis}", "gif"), "image/gif")


# ---------------------------------------------------------------- interpolation


def interpolation(space: Space, start: Start, z: Tensor, label: str) -> None:
    """Draw the way from the current code to an end picture, straight and around the origin."""
    import torch

    from trainer.latent import traversal

    picker(space, "end", avoid=label)
    end = resolve(space, choice(current(), "end"), "end", avoid=label)
    if end.note:
        st.caption(end.note)
    paths = {"linear": traversal.interpolate(z, end.code, PATH_STEPS)}
    if len(z) > 1:
        paths["spherical"] = traversal.interpolate(z, end.code, PATH_STEPS, "spherical")
    codes = torch.cat(list(paths.values()))
    pictures = pixels.decoded(space.model, codes)
    heads = ["current", *[f"{step / (PATH_STEPS - 1):.0%}".replace("%", " %") for step in range(1, PATH_STEPS - 1)]]
    drawn = export.Sheet(pictures, PATH_STEPS, list(paths), [*heads, "end"], **labels(space))
    titles = [f"{path}, {step / (PATH_STEPS - 1):.0%} of the way" for path in paths for step in range(PATH_STEPS)]
    edits = [{axis: float(value) for axis, value in enumerate(code)} for code in codes]
    sheet_tiles("interpolation", space, drawn, titles, [], edits)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"From the current code to {end.caption}. Linear is the straight line; spherical turns around the origin "
            "at a steadily changing distance. Click a tile to move there."
        )
        downloads(drawn, file_name(space, "interpolation"))
    _path_figure(space, paths)


def _path_figure(space: Space, paths: dict[str, Tensor]) -> None:
    box = st.expander("Distance of the paths to real codes", key="traverse.path.open", on_change="rerun")
    if not box.open:
        return
    distances = {name: space.distance(codes).tolist() for name, codes in paths.items()}
    n = len(space.neighbours)
    typical = float(space.neighbours[int(0.05 * n)]), float(space.neighbours[min(n - 1, int(0.95 * n))])
    steps = [step / (PATH_STEPS - 1) for step in range(PATH_STEPS)]
    with box:
        figure = figures.path_distances(steps, distances, typical, theme.is_dark())
        widgets.chart(figure, "traverse.path")


# ---------------------------------------------------------------- the code


def code(space: Space, start: Start, z: Tensor) -> None:
    """Draw the table of axes, offer it as CSV, and draw the axes' effects."""
    from trainer.latent.traversal import ABSOLUTE_FLOOR, RELATIVE_FLOOR

    table = _code_table(space, start, z)
    st.dataframe(
        table,
        hide_index=True,
        height=min(36 * (len(z) + 1), 420),
        column_config={
            "effect": st.column_config.ProgressColumn(
                format="%.4f", min_value=0.0, max_value=float(max(table["effect"].max(), 1e-6))
            ),
            "value": st.column_config.NumberColumn(format="%.3f"),
            "quantile": st.column_config.NumberColumn(format="percent", help="Share of codes below the value"),
            "outside": st.column_config.CheckboxColumn(help="Density of the codes below 1 % of its peak"),
        },
    )
    name = file_name(space, "code", "csv")
    made = lambda: export.code_csv({key: table[key].tolist() for key in table})  # noqa: E731
    with st.container(horizontal=True, vertical_alignment="center"):
        download("CSV", made, name, "text/csv")
        st.caption(
            "Effect: mean RMS change of the picture (0 to 1) when the axis goes from its 5 % to its 95 % quantile, "
            f"around {space.table.bases} evenly spread {'test codes' if space.real else 'draws from the prior'}. "
            f"Model {space.entry.hash}."
        )
    effects = space.table.effect
    floor = max(ABSOLUTE_FLOOR, RELATIVE_FLOOR * float(effects.max()))
    widgets.chart(figures.axis_effects(effects.tolist(), floor, theme.is_dark()), "traverse.effects")


def _code_table(space: Space, start: Start, z: Tensor) -> pd.DataFrame:
    from trainer.latent import traversal

    table = space.table
    below = (space.codes < z).float().mean(0)
    density = traversal.density_at(table, z)
    order, names = table.order.tolist(), axis_names.names(space.entry)
    columns = {
        "axis": [names[axis] for axis in order],
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
    return pd.DataFrame(columns)
