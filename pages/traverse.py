"""Traverse: start from a code, move its axes, and see what each of them does to the picture."""

from explorer.shared import widgets
from explorer.traverse import page

widgets.model_page(
    "Traverse",
    "Start from a picture, move the axes of its code, and watch what each of them has learned.",
    page.show,
)
