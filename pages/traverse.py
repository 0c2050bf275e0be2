"""Traverse: start from a code, move its axes, and see how each of them changes the picture."""

from explorer.shared import widgets
from explorer.traverse import page

widgets.model_page(
    "Traverse",
    "Start from a picture, move the axes of its code, and watch how each of them changes the picture.",
    page.show,
)
