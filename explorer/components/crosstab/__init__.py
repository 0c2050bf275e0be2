"""A table of counts whose cells can be opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.components.register import register

_CROSSTAB = register("crosstab", "crosstab/crosstab")


def crosstab(
    counts: list[list[int]],
    rows: list[str],
    columns: list[str],
    titles: tuple[str, str],
    picked: tuple[int, int] | None,
    *,
    key: str,
    on_picked: Callable[[int, int], None],
) -> None:
    """Draw counts, each coloured by its share of its row.

    Args:
        rows, columns: their names; `titles` are what the rows and the columns are.
        picked: place of the open cell.
        on_picked: called with the place of the cell that was clicked.
    """

    def report() -> None:
        place: Any = st.session_state[key].picked
        if isinstance(place, list) and len(place) == 2 and all(isinstance(value, int) for value in place):
            row, column = place
            if 0 <= row < len(rows) and 0 <= column < len(columns):
                on_picked(row, column)

    data = {"counts": counts, "rows": rows, "columns": columns, "titles": titles, "picked": picked}
    _CROSSTAB(key=key, data=data, on_picked_change=report)
