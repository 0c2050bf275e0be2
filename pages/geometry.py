"""Geometry: distances of codes against distances of their pictures, and how training changes them."""

from explorer.geometry import page
from explorer.shared import widgets

widgets.model_page(
    "Geometry",
    "Distances between codes are compared with distances between their pictures: where both agree, near codes mean "
    "similar pictures, and moving through the latent space can be trusted.",
    page.show,
)
