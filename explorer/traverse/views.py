"""Views below the panel: traversal sheet, interpolation and the code itself, with their exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from explorer.shared import export, pixels, theme
from explorer.shared.latent import Space, Start, resolve
from explorer.traverse import figures
from explorer.traverse.sheets import axis_select, download, downloads, file_name, names_of, sheet_tiles, strongest
from explorer.traverse.start_picker import picker
from explorer.traverse.state import bound, choice, current
from explorer.traverse.truth import truth

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 8
PATH_STEPS = 11
FRAMES = 24


# ---------------------------------------------------------------- traversal sheet


def sheet(found: Space, z: Tensor) -> None:
    """One row per axis, moved from its low to its high end through the current code, which is the centre column."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axes = _sheet_rows(found)
        st.segmented_control("Steps", [5, 7, 9, 11, 13], required=True, **bound("steps"))
        steps = current().steps
        drawn, edits = _draw_sheet(found, z, axes, steps)
        downloads(drawn, file_name(found, "sheet"))
        _animation(found, z)
    titles = [f"z{axis} = {value:.2f}" for move in edits for axis, value in move.items()]
    centre = [row * steps + steps // 2 for row in range(len(axes))]
    sheet_tiles("sheet", found, drawn, titles, centre, edits)
    truth(found)
    st.caption("The centre column is the current picture; choose any tile to go there.")


def _sheet_rows(found: Space) -> list[int]:
    order = found.table.order.tolist()
    kept = [axis for axis in current().rows if axis in order]
    tied = bound("rows")
    st.session_state[tied["key"]] = kept or strongest(found, ROWS)
    st.multiselect("Axes", order, format_func=names_of(found).__getitem__, select_all=False, **tied)
    return kept or strongest(found, ROWS)


def _draw_sheet(found: Space, z: Tensor, axes: list[int], steps: int) -> tuple[export.Sheet, list[dict[int, float]]]:
    """The sheet, decoded in one batch, and for each tile the axis and value that lead to it."""
    from trainer.latent import traversal

    table = found.table
    codes = traversal.sheet_codes(z, axes, table.low, table.high, steps)
    pictures = pixels.decoded(found.model, codes.flatten(0, 1))
    edits = [{axis: float(codes[row, step, axis])} for row, axis in enumerate(axes) for step in range(steps)]
    ends = [(float(codes[row, 0, axis]), float(codes[row, -1, axis])) for row, axis in enumerate(axes)]
    ranges = [f"{low:.1f} … {high:.1f}".replace("-", "−") for low, high in ends]
    names = [name.replace(", ", "\n") for name in names_of(found)]
    rows = [f"{names[axis]}\n{reach}" for axis, reach in zip(axes, ranges, strict=True)]
    heads = ["low", *[""] * (steps // 2 - 1), "now", *[""] * (steps // 2 - 1), "high"]
    return export.Sheet(pictures, steps, rows, heads), edits


def _animation(found: Space, z: Tensor) -> None:
    """GIF of one axis; it is made only while its box is open."""
    with st.popover("GIF", icon=":material/animation:", key="traverse.gif", on_change="rerun") as box:
        if not box.open:
            return
        axis = axis_select(found, "axis", "Axis that moves", 0)
        from trainer.latent import traversal

        low, high = float(found.table.low[axis]), float(found.table.high[axis])
        pictures = pixels.decoded(found.model, traversal.sweep_codes(z, axis, low, high, FRAMES))
        animation = export.animation_gif(pictures, max(1, 192 // pictures.shape[-1]))
        st.image(animation, width=192, alt=f"Axis {axis} from its low to its high end and back")
        download("Download GIF", animation, file_name(found, f"z{axis}", "gif"), "image/gif")


# ---------------------------------------------------------------- interpolation


def interpolation(found: Space, start: Start, z: Tensor, label: str) -> None:
    """From the current code to a second start, straight and around the origin."""
    picker(found, "end", avoid=label)
    goal = resolve(found, choice(current(), "end"), "end", avoid=label)
    if goal.note:
        st.caption(goal.note)
    from trainer.latent import traversal

    paths = {"linear": traversal.interpolate(z, goal.code, PATH_STEPS)}
    if len(z) > 1:
        paths["spherical"] = traversal.interpolate(z, goal.code, PATH_STEPS, "spherical")
    import torch

    codes = torch.cat(list(paths.values()))
    pictures = pixels.decoded(found.model, codes)
    heads = ["current", *[f"{step / (PATH_STEPS - 1):.0%}".replace("%", " %") for step in range(1, PATH_STEPS - 1)]]
    drawn = export.Sheet(pictures, PATH_STEPS, list(paths), [*heads, "goal"])
    titles = [f"{path}, {step / (PATH_STEPS - 1):.0%} of the way" for path in paths for step in range(PATH_STEPS)]
    edits = [{axis: float(value) for axis, value in enumerate(code)} for code in codes]
    sheet_tiles("interpolation", found, drawn, titles, [], edits)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"From the current code to {goal.caption}. Linear is the straight line; spherical turns around the origin "
            "at a steadily changing distance. Choose any tile to go there."
        )
        downloads(drawn, file_name(found, "interpolation"))
    _path_figure(found, paths)


def _path_figure(found: Space, paths: dict[str, Tensor]) -> None:
    box = st.expander(
        "How far the paths stray from the codes of real pictures", key="traverse.path.open", on_change="rerun"
    )
    if not box.open:
        return
    distances = {name: found.distance(codes).tolist() for name, codes in paths.items()}
    n = len(found.neighbours)
    typical = float(found.neighbours[int(0.05 * n)]), float(found.neighbours[min(n - 1, int(0.95 * n))])
    steps = [step / (PATH_STEPS - 1) for step in range(PATH_STEPS)]
    with box:
        figure = figures.path_distances(steps, distances, typical, theme.is_dark())
        st.plotly_chart(figure, theme=None, key="traverse.path", config={"displayModeBar": False})


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
            "value": st.column_config.NumberColumn(format="%.3f"),
            "quantile": st.column_config.NumberColumn(
                "quantile", format="percent", help="Share of codes below the value"
            ),
            "outside": st.column_config.CheckboxColumn("outside", help="Density of the codes below 1 % of its peak"),
        },
    )
    name = file_name(found, "code", "csv")
    with st.container(horizontal=True, vertical_alignment="center"):
        download("CSV", lambda: export.code_csv({key: table[key].tolist() for key in table}), name, "text/csv")
        st.caption(
            "Effect: mean RMS change of the picture (0 to 1) when the axis goes from its 5 % to its 95 % quantile, "
            f"around {found.table.bases} evenly spread {'test codes' if found.real else 'draws from the prior'}. "
            f"Model {found.entry.hash}."
        )
    from trainer.latent.traversal import ABSOLUTE_FLOOR, RELATIVE_FLOOR

    effects = found.table.effect
    figure = figures.axis_effects(
        effects.tolist(), max(ABSOLUTE_FLOOR, RELATIVE_FLOOR * float(effects.max())), theme.is_dark()
    )
    st.plotly_chart(figure, theme=None, key="traverse.effects", config={"displayModeBar": False})


def _code_table(found: Space, start: Start, z: Tensor):
    from trainer.latent import traversal

    table = found.table
    below = (found.codes < z).float().mean(0)
    density = traversal.density_at(table, z)
    order, names = table.order.tolist(), names_of(found)
    rows = {
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
    return pd.DataFrame(rows)
