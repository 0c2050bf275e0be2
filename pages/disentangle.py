"""Disentangle: which axis of the code carries which factor of the pictures, by measurement and by hand."""

from explorer.disentangle import page
from explorer.shared import widgets

widgets.model_page(
    "Disentangle",
    "A code is easy to read when each axis stands for one factor of the pictures: which axis carries which factor "
    "here, and how exclusively?",
    page.show,
)
