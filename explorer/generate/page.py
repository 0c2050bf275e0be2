"""The Generate page put together: the choice of the view, and the open view below."""

from __future__ import annotations

from explorer.generate import numbers, reconstructions, samples
from explorer.generate.state import VIEWS, change, current, page
from explorer.shared import catalog, widgets


def show(entry: catalog.Entry) -> None:
    """The whole page for one model.

    Raises: UserError if the model, its codes or its pictures cannot be read.
    """
    current()  # takes the link's state before anything below changes it
    _follow_model(entry)
    view = widgets.view_selector(page, VIEWS)
    if view == "samples":
        samples.show(entry)
    elif view == "reconstructions":
        reconstructions.show(entry)
    else:
        numbers.show(entry)


def _follow_model(entry: catalog.Entry) -> None:
    """A clicked sample belongs to one model: another one starts without it."""
    if page.is_of_another(entry):
        change(picked=-1, of="")
