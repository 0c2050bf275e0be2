"""A chosen study (`python -m trainer study`): its numbers over seeds as a figure and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.shared import studies, theme, widgets
from explorer.train.state import bound, current

if TYPE_CHECKING:
    from trainer.study.table import Table


def show(root: Path) -> None:
    """Draw a study below `root`, or one that comes with the app; nothing where there is none."""
    found = studies.found(root)
    if not found:
        return
    with st.container(key="train-study", gap="small"):
        chosen = current().study if current().study in found else next(iter(found))
        st.selectbox("Study: mean over training seeds", list(found), width=520, **bound("study", chosen))
        with widgets.user_errors():
            stored = studies.read(found[chosen])
            _spread(stored)
            studies.show(stored)


def _spread(stored: Table) -> None:
    """Draw one number of all variants, mean and range."""
    study = stored.stored
    names = [name for name in study.rows if any(name in column.means for column in study.variants.values())]
    if not names:
        return
    number = current().number if current().number in names else names[0]
    st.selectbox("Number", names, width=320, **bound("number", number))
    widgets.chart(studies.figure(stored, number, theme.is_dark()), "train.study.spread", "study")
