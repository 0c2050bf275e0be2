"""Disentangle: which axis of the code carries which factor of the pictures, measured, and to be tried out."""

from explorer.disentangle import page
from explorer.shared import widgets

widgets.model_page(
    "Disentangle",
    "A code is easy to read when each of its axes stands for one thing that varies in the pictures: which axis carries "
    "which factor here, and how cleanly?",
    page.show,
)
