"""The Train page put together: the choice of the view, and the view."""

from pathlib import Path

import streamlit as st

from explorer.shared import catalog, share, widgets
from explorer.train import compare, new_training, run_list
from explorer.train.state import VIEWS, current, page
from trainer.jobs import queue
from trainer.runs.status import look_at_all
from trainer.system import mode

CSS = Path(__file__).with_suffix(".css")


def show() -> None:
    """Draw the page.

    Raises: UserError if the runs cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    st.html(CSS)
    share.about(())
    if mode.is_view():
        _view_only()
        return
    root = catalog.roots()[1]
    queue.dispatch(root)  # starts a waiting training if its turn has come
    trainings = look_at_all(root)
    labels = VIEWS | {"runs": f"{VIEWS['runs']} ({len(trainings)})"}
    view = widgets.view_selector(page, labels)
    if view == "new":
        new_training.show()
    elif view == "runs":
        run_list.show(trainings)
    else:
        compare.show(trainings)


def _view_only() -> None:
    """Say what is not offered here, and draw what may be seen: curves and metrics side by side."""
    widgets.empty_state(
        "This server only shows models",
        "Training, measuring, importing, renaming and deleting are not offered here. Install GWAE Explorer to train a "
        "model of your own.",
        icon=":material/visibility:",
    )
    compare.show(look_at_all(catalog.roots()[1]))
