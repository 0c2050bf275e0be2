"""The Train page put together: the view's choice, and the view."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.shared import catalog, widgets
from explorer.train import compare, new_training, run_list
from explorer.train.state import VIEWS, current, page
from trainer.jobs import queue
from trainer.runs.status import look_at_all

CSS = Path(__file__).with_suffix(".css")


def show() -> None:
    """The whole page.

    Raises: UserError on what prevents all of it.
    """
    current()  # takes the link's state before anything below changes it
    st.html(CSS)
    root = catalog.roots()[1]
    queue.dispatch(root)  # whoever looks starts what waits, should nobody else have done so
    found = look_at_all(root)
    labels = VIEWS | {"runs": f"{VIEWS['runs']} ({len(found)})"}
    view = widgets.view_selector(page, labels)
    if view == "new":
        new_training.show()
    elif view == "runs":
        run_list.show(found)
    else:
        compare.show(found)
