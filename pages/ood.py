"""OoD: how well scores separate pictures of another kind from the model's own, and what your pictures score."""

from explorer.ood import page
from explorer.shared import widgets

widgets.model_page(
    "Out of distribution",
    "A model should know what it does not know: how well its scores separate pictures of another kind from its own, "
    "and whether a trivial measurement would have done as well.",
    page.show,
)
