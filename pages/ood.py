"""OoD: how well a model tells that a picture is none of its kind, and whether yours is."""

from explorer.ood import page
from explorer.shared import widgets

widgets.model_page(
    "Out of distribution",
    "A model should know what it does not know: how well its scores separate pictures of another kind from its own, "
    "and whether a trivial measurement would have done as well.",
    page.show,
)
