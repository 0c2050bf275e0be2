"""Clusters: the codes of the test pictures on a map, and the components of a mixture prior."""

from explorer.clusters import page
from explorer.shared import widgets

widgets.model_page(
    "Clusters",
    "A map of the test pictures by their codes, with the components that the prior has learned without labels: do they "
    "match the kinds of pictures?",
    page.show,
)
