"""Clusters: the codes of the test pictures on a map, and what a mixture prior has made of them."""

from explorer.clusters import page
from explorer.shared import widgets

widgets.model_page(
    "Clusters",
    "A map of the test pictures by their codes, with the components that the prior has learned: do they find the kinds "
    "of pictures without having seen a label?",
    page.show,
)
